"""Settings: everything that a person can choose, in one table.

Each field names its default, what is allowed and what it does; the settings file, `sharpcam set`,
the flags of the command line and their checks derive from that. The pipeline takes one frozen
snapshot per frame, so a change never tears a frame.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from sharpcam.errors import SharpCamError
from sharpcam.setting_kinds import (
    Choice,
    Choices,
    Faults,
    Kind,
    Number,
    Plain,
    Size,
    Switch,
    Text,
)

MAX_STRENGTH = 1.5
STRENGTH_STEP = 0.1
ENGINES = (
    *("auto", "onnxruntime", "onnxruntime-fp32", "openvino", "openvino-gpu", "openvino-npu"),
    *("torch-cuda", "torch-mps"),
    *("onnxruntime-cuda", "onnxruntime-directml", "onnxruntime-coreml"),
)
TIERS = ("auto", "lite", "standard", "high")
SINKS = ("v4l2loopback", "pipewire", "unitycapture", "obs")
LEVELS = ("debug", "info", "warning", "error")


def about(kind: Kind, words: str) -> Mapping[str, Any]:
    """The metadata of a field: what it allows, and what it does in a few words."""
    return {"kind": kind, "help": words}


@dataclass(frozen=True, slots=True)
class Settings:
    """One consistent set of choices.

    Raises:
        ValueError: a value is not allowed.
    """

    enabled: bool = field(
        default=True,
        metadata=about(Switch(), "sharpen; off passes every frame bit-exact, devices stay open"),
    )
    strength: float = field(
        default=1.0,
        metadata=about(Number(0, MAX_STRENGTH), "how much to sharpen; 1 is as trained"),
    )
    denoise: bool = field(
        default=True,
        metadata=about(Switch(), "before sharpening, average over time what does not move"),
    )
    camera: str = field(
        default="auto",
        metadata=about(
            Text("auto, or a camera's name, USB id or path"),
            "the camera to read; auto is the first one",
        ),
    )
    size: tuple[int, int] = field(
        default=(1280, 720), metadata=about(Size(), "width and height asked of the camera")
    )
    fps: float = field(
        default=30.0, metadata=about(Number(1, 240), "frames per second asked of the camera")
    )
    mirror: bool = field(default=False, metadata=about(Switch(), "swap left and right"))
    profile: str = field(
        default="auto",
        metadata=about(Faults(), "the camera's faults in px, grey levels, 0 to 1; auto learns"),
    )
    tier: str = field(
        default="auto",
        metadata=about(Choice(TIERS), "size of the network; auto takes what this machine carries"),
    )
    engine: str = field(
        default="auto", metadata=about(Choice(ENGINES), "what computes the network")
    )
    cpu_budget_percent: float = field(
        default=75.0,
        metadata=about(
            Number(5, 100), "share of the time between two frames that the network may take"
        ),
    )
    sinks: tuple[str, ...] = field(
        default=("auto",),
        metadata=about(Choices(SINKS), "virtual cameras to feed; auto is the best one found"),
    )
    on_demand: bool = field(
        default=True,
        metadata=about(Switch(), "open the camera only while somebody watches, where we can tell"),
    )
    standby_message: bool = field(
        default=True, metadata=about(Switch(), "write on the standby picture why it is shown")
    )
    log_level: str = field(
        default="info", metadata=about(Choice(LEVELS), "what goes into the log file")
    )

    def __post_init__(self) -> None:
        for entry in fields(self):
            kind, value = kind_of(entry), getattr(self, entry.name)
            if not kind.allows(value):
                raise ValueError(f"{entry.name}: expected {kind.expected}, got {value}")

    def toggled(self) -> Settings:
        """Sharpening switched the other way."""
        return replace(self, enabled=not self.enabled)

    def stronger(self, steps: int) -> Settings:
        """`steps` of 0.1 up, or down where negative, within the bounds."""
        strength = round(self.strength + steps * STRENGTH_STEP, 2)
        return replace(self, strength=min(max(strength, 0.0), MAX_STRENGTH))

    def with_text(self, key: str, text: str) -> Settings:
        """One setting changed to what text says, as `sharpcam set KEY=VALUE` has it.

        Raises:
            SharpCamError: there is no such setting, or it does not allow this.
        """
        entry = ENTRIES.get(key)
        if entry is None:
            raise SharpCamError(
                f"there is no setting {key!r}", f"{meant(key, ENTRIES)}; `sharpcam set` lists them"
            )
        return replace(self, **{key: parsed(entry, text)})

    def as_plain(self) -> dict[str, Plain]:
        """What TOML and JSON hold of it."""
        return {name: kind_of(it).to_plain(getattr(self, name)) for name, it in ENTRIES.items()}

    @classmethod
    def from_plain(
        cls, plain: Mapping[str, Any], base: Settings | None = None
    ) -> tuple[Settings, list[str]]:
        """Settings from what a file holds, and what is wrong with it in one line each.

        An unknown key is skipped; where a value is not allowed, that of `base` (by default the
        default) stays.
        """
        base = base or cls()
        good: dict[str, Any] = {}
        wrong: list[str] = []
        for key, given in plain.items():
            if not (entry := ENTRIES.get(key)):
                wrong.append(f"unknown setting {key!r}: {meant(key, ENTRIES)}")
                continue
            kind = kind_of(entry)
            value = kind.from_plain(given)
            if kind.allows(value):
                good[key] = value
            else:
                kept = kind.to_plain(getattr(base, key))
                wrong.append(
                    f"{key}: expected {kind.expected}, got {str(given)[:80]!r}; {kept} is used"
                )
        return replace(base, **good), wrong


ENTRIES: dict[str, Field[Any]] = {entry.name: entry for entry in fields(Settings)}
"""The table by name."""


def kind_of(entry: Field[Any]) -> Kind:
    """What a field of `Settings` allows."""
    kind: Kind = entry.metadata["kind"]
    return kind


def help_of(entry: Field[Any]) -> str:
    """What a field of `Settings` does."""
    words: str = entry.metadata["help"]
    return words


def parsed(entry: Field[Any], text: str) -> Any:
    """What text stands for as the value of this field.

    Raises:
        SharpCamError: for nothing, or for a value that is not allowed.
    """
    kind = kind_of(entry)
    try:
        value = kind.parse(text)
        if kind.allows(value):
            return value
    except ValueError:
        pass
    raise SharpCamError(
        f"{entry.name} cannot be {text[:80]!r}", f"expected {kind.expected}: {help_of(entry)}"
    )


def meant(word: str, known: Iterable[str]) -> str:
    """A question after the known word that is nearest to this one."""
    known = list(known)
    near = difflib.get_close_matches(word, known, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
