"""Demand: whether the physical camera is wanted, from how many watch the virtual one.

Pure but for its clock, and used by the pipeline thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable

ON_SECONDS = 0.5
"""A reader that stays shorter than this only looks what the device can do: apps that list cameras
must not make the camera's light blink."""
OFF_SECONDS = 1.5
"""An app that changes a setting closes the device and opens it again: so long we wait for it."""


class Demand:
    """Idle until somebody has watched for a moment, watched until nobody has for a longer one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watched = False
        self._differs_since: float | None = None
        """Since when the readers say the other thing than we do; None while they agree."""

    def wanted(self, watchers: int | None) -> bool:
        """Whether the camera should be on now, where so many watch; None where the virtual camera
        cannot tell, and then always. To be asked a few times a second."""
        if watchers is None:
            self._watched, self._differs_since = True, None
            return True
        if (watchers > 0) == self._watched:
            self._differs_since = None
            return self._watched
        now = self._clock()
        if self._differs_since is None:
            self._differs_since = now
        if now - self._differs_since >= (OFF_SECONDS if self._watched else ON_SECONDS):
            self._watched, self._differs_since = not self._watched, None
        return self._watched
