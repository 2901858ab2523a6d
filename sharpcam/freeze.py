"""FreezeWatch: notices that a camera repeats one picture for ever, as some drivers do when it is
unplugged or the machine has slept. Pure; the capture thread's.

A picture may well stand still: a drawn one, or the dark behind a lens cap with a good encoder. So
only who always had noise in it is suspected, and a camera that shows the same when it was opened
again is believed.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

FROZEN_SECONDS = 5.0
HICCUP_SECONDS = 1.0
"""A picture may be repeated for so long without counting as still; cameras in the dark do it."""
NOISY_CHANGES = 60
"""So many changes without a standstill make a camera that has noise."""
STEP = 8
"""Every eighth pixel of every eighth row is looked at: 14 400 of them in 720p have noise enough."""


class FreezeWatch:
    """To be shown every frame of one opened camera."""

    def __init__(self) -> None:
        self._seen = 0
        self._changed_at = 0.0
        self._changes = 0

    def is_frozen(self, y: NDArray[np.uint8], now: float) -> bool:
        """Whether luma `y`, uint8 [H, W], has been the same for too long, at `now` in seconds."""
        seen = zlib.crc32(y[::STEP, ::STEP].tobytes())
        still = now - self._changed_at
        if seen == self._seen:
            return self._changes >= NOISY_CHANGES and still >= FROZEN_SECONDS
        self._changes = self._changes + 1 if still < HICCUP_SECONDS else 0
        self._seen, self._changed_at = seen, now
        return False
