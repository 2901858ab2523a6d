"""Meter: the times of recent frames, written by the pipeline's threads and read by any."""

from __future__ import annotations

from collections import deque
from threading import Lock

from sharpcam.status import Spread

REMEMBERED = 3000
"""Times kept per stage: a hundred seconds at 30 fps."""
RECENT = 60
"""Frames that the shown rate is taken over."""


class Rate:
    """How often something happens, over its recent times."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._moments: deque[float] = deque(maxlen=RECENT)

    def note(self, now: float) -> None:
        """It happened, at `now` in seconds of any steady clock."""
        with self._lock:
            self._moments.append(now)

    def rest(self) -> None:
        """It stops for a while, which shall not count as slowness."""
        with self._lock:
            self._moments.clear()

    @property
    def fps(self) -> float:
        """Times per second; 0 before the second one."""
        with self._lock:
            span = self._moments[-1] - self._moments[0] if len(self._moments) > 1 else 0.0
            return (len(self._moments) - 1) / span if span > 0 else 0.0


class Meter:
    """Collects seconds by stage and the moments of sent frames."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._times: dict[str, deque[float]] = {}
        self._sent = Rate()
        self._last: float | None = None
        self._frames, self._seconds = 0, 0.0

    def add(self, stage: str, seconds: float) -> None:
        """Note that one frame took so long in `stage`."""
        with self._lock:
            self._times.setdefault(stage, deque(maxlen=REMEMBERED)).append(seconds)

    def sent(self, now: float) -> None:
        """Note that one frame was sent, at `now` in seconds of any steady clock."""
        with self._lock:
            if self._last is not None:
                self._seconds += now - self._last
            self._last = now
            self._frames += 1
        self._sent.note(now)

    def rest(self) -> None:
        """Nothing is sent for a while: the time until the next frame does not count."""
        with self._lock:
            self._last = None
        self._sent.rest()

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
        """Frames sent per second, over the recent ones; 0 before the second one."""
        return self._sent.fps

    @property
    def seconds(self) -> float:
        """From the first to the last frame sent, rests left out."""
        with self._lock:
            return self._seconds
