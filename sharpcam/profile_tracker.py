"""ProfileTracker: one profile out of many estimates over time, which never jumps."""

from __future__ import annotations

from collections import deque

import numpy as np

from sharpcam.profile import CameraProfile

STEP = np.array([0.04] * 5 + [0.06] * 5 + [0.5] * 2 + [0.08] * 3 + [0.25] * 2, np.float32)
"""A change smaller than this in all numbers is not worth a visible step in the picture: about a
tenth of a soft webcam's values."""
KNOWN = 8
"""Estimates that a profile from earlier counts as: a few odd ones do not move it."""


class ProfileTracker:
    """Median of the last estimates; moves the profile in use only when the difference would be
    seen.

    Not thread-safe: one thread feeds it.
    """

    def __init__(self, history: int = 25, known: CameraProfile | None = None) -> None:
        """`known` is what was learnt earlier."""
        self._history: deque[CameraProfile] = deque(maxlen=history)
        self._current = known
        if known:
            self._history.extend([known] * KNOWN)

    def __len__(self) -> int:
        return len(self._history)

    def add(self, estimate: CameraProfile) -> CameraProfile:
        """Take one estimate in; returns the profile to use from now on (the same object if
        unchanged)."""
        self._history.append(estimate)
        middle = median_profile(list(self._history))
        if self._current is None or np.any(
            np.abs(middle.as_array() - self._current.as_array()) > STEP
        ):
            self._current = middle
        return self._current


def median_profile(estimates: list[CameraProfile]) -> CameraProfile:
    """The median of each number; at least one estimate."""
    return CameraProfile.from_array(np.median([it.as_array() for it in estimates], axis=0))
