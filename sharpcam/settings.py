"""Settings: what a person can change while frames flow.

The pipeline takes one snapshot per frame, so a change never tears a frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MAX_STRENGTH = 1.5
STRENGTH_STEP = 0.1


@dataclass(frozen=True, slots=True)
class Settings:
    """One consistent set of choices."""

    enabled: bool = True
    """False passes every frame through bit-exact; devices stay open."""
    strength: float = 1.0
    """0 to 1.5; 1 is the restoration as trained."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= MAX_STRENGTH:
            raise ValueError(f"strength: expected 0 to {MAX_STRENGTH}, got {self.strength}")

    def toggled(self) -> Settings:
        """Sharpening switched the other way."""
        return replace(self, enabled=not self.enabled)

    def stronger(self, steps: int) -> Settings:
        """`steps` of 0.1 up, or down where negative, within the bounds."""
        strength = round(self.strength + steps * STRENGTH_STEP, 2)
        return replace(self, strength=min(max(strength, 0.0), MAX_STRENGTH))
