"""CameraProfile: what is wrong with this camera, in four numbers, and how they are followed over
time.

A blind network cannot tell a soft camera from a soft wall. A webcam's faults hardly change, so
they are estimated from many frames and handed to the student, which is conditioned on them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import astuple, dataclass, fields
from statistics import median
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sharpcam.errors import SharpCamError


@dataclass(frozen=True, slots=True)
class CameraProfile:
    """A camera's faults, as the degradation recipe defines them (training/degrade.py)."""

    blur_px: float = 0.0
    """Standard deviation of the whole optical and scaling blur, in pixels of the frame, 0 to 3:
    the detail that is lost, whatever the camera's own sharpening makes of the rest."""
    noise: float = 0.0
    """Standard deviation of the noise on a mid-grey wall before compression, in grey levels of
    255, 0 to 16."""
    compression: float = 0.0
    """0 for none, 1 for MJPEG quality 50: (100 - quality) / 50; H.264 as MJPEG of equal error."""
    sharpening: float = 0.0
    """How much contrast the camera's own sharpening adds to fine detail, 0 for none, 1 for twice
    the contrast. It hides blur without bringing detail back, and its halos must not be doubled."""

    BOUNDS: ClassVar[tuple[tuple[float, float], ...]] = (
        (0.0, 3.0),
        (0.0, 16.0),
        (0.0, 1.2),
        (0.0, 2.0),
    )

    def __post_init__(self) -> None:
        for field, value, (low, high) in zip(fields(self), astuple(self), self.BOUNDS, strict=True):
            if not low <= value <= high:
                raise ValueError(f"{field.name}: expected {low} to {high}, got {value}")

    @classmethod
    def clipped(
        cls, blur_px: float, noise: float, compression: float, sharpening: float = 0.0
    ) -> CameraProfile:
        """The nearest profile within the bounds."""
        values = zip((blur_px, noise, compression, sharpening), cls.BOUNDS, strict=True)
        return cls(*(min(max(float(value), low), high) for value, (low, high) in values))

    @classmethod
    def parse(cls, text: str) -> CameraProfile:
        """Read "BLUR,NOISE,COMPRESSION" or "BLUR,NOISE,COMPRESSION,SHARPENING", as the command
        line has it.

        Raises:
            SharpCamError: not three or four numbers, or one of them out of bounds.
        """
        try:
            blur_px, noise, compression, *rest = (float(part) for part in text.split(","))
            return cls(blur_px, noise, compression, *rest)
        except (ValueError, TypeError) as error:
            raise SharpCamError(
                f"not a camera profile: {text!r} ({error})",
                "give 'auto' or BLUR,NOISE,COMPRESSION[,SHARPENING], for example 1.2,2,0.3",
            ) from error

    def as_array(self) -> NDArray[np.float32]:
        """float32 [4]: the student's `camera` input."""
        return np.array(astuple(self), dtype=np.float32)

    def __str__(self) -> str:
        return (
            f"blur {self.blur_px:.2f} px, noise {self.noise:.1f}, "
            f"compression {self.compression:.2f}, sharpening {self.sharpening:.2f}"
        )


TYPICAL = CameraProfile(1.0, 1.5, 0.3)
"""A soft built-in webcam: what is assumed until the picture has told more."""


class ProfileTracker:
    """Median of the last estimates; moves the profile in use only when the difference would be
    seen.

    Not thread-safe: one thread feeds it.
    """

    # A change smaller than this is not worth a visible step in the picture (blur in px, noise in
    # grey levels, compression, sharpening): about a tenth of a soft webcam's values.
    STEP = (0.08, 0.4, 0.08, 0.1)

    KNOWN = 8
    """Estimates that a profile from earlier counts as: a few odd ones do not move it."""

    def __init__(self, history: int = 25, known: CameraProfile | None = None) -> None:
        """`known` is what was learnt earlier."""
        self._history: deque[CameraProfile] = deque(maxlen=history)
        self._current = known
        if known:
            self._history.extend([known] * self.KNOWN)

    def __len__(self) -> int:
        return len(self._history)

    def add(self, estimate: CameraProfile) -> CameraProfile:
        """Take one estimate in; returns the profile to use from now on (the same object if
        unchanged)."""
        self._history.append(estimate)
        middle = CameraProfile(
            *(median(values) for values in zip(*map(astuple, self._history), strict=True))
        )
        if self._current is None or any(
            abs(new - old) > step
            for new, old, step in zip(
                astuple(middle), astuple(self._current), self.STEP, strict=True
            )
        ):
            self._current = middle
        return self._current
