"""Meter: the times of recent frames, written by the pipeline's threads and read by any."""

from __future__ import annotations

from collections import deque
from threading import Lock

from sharpcam.status import Spread

REMEMBERED = 3000
"""Times kept per stage: a hundred seconds at 30 fps."""
RECENT = 60
"""Frames that the shown rate is taken over."""


class Meter:
    """Collects seconds by stage and the moments of sent frames."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._times: dict[str, deque[float]] = {}
        self._sent: deque[float] = deque(maxlen=RECENT)
        self._first = 0.0
        self._frames = 0

    def add(self, stage: str, seconds: float) -> None:
        """Note that one frame took so long in `stage`."""
        with self._lock:
            self._times.setdefault(stage, deque(maxlen=REMEMBERED)).append(seconds)

    def sent(self, now: float) -> None:
        """Note that one frame was sent, at `now` in seconds of any steady clock."""
        with self._lock:
            if not self._frames:
                self._first = now
            self._frames += 1
            self._sent.append(now)

    def spreads(self) -> dict[str, Spread]:
        """Median and 95th percentile by stage, in the order in which stages first came."""
        with self._lock:
            times = {stage: list(seconds) for stage, seconds in self._times.items()}
        return {stage: Spread.of(seconds) for stage, seconds in times.items()}

    @property
    def frames(self) -> int:
        """Frames sent."""
        with self._lock:
            return self._frames

    @property
    def fps(self) -> float:
        """Frames per second over the recent frames; 0 before the second one."""
        with self._lock:
            span = self._sent[-1] - self._sent[0] if len(self._sent) > 1 else 0.0
            return (len(self._sent) - 1) / span if span > 0 else 0.0

    @property
    def seconds(self) -> float:
        """From the first to the last frame sent."""
        with self._lock:
            return self._sent[-1] - self._first if self._sent else 0.0
