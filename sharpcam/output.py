"""Output: the sinks of one run, never left without a picture. The pipeline thread's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace

import numpy as np

from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.scaling import letterboxed_i420
from sharpcam.sink import Sink, StreamFormat
from sharpcam.standby import standby_picture

STILL_SECONDS = 0.5
"""Without a camera a picture is sent this often, so that apps do not give up on us."""
WATCHED_SECONDS = 0.1
"""The same while somebody watches: after longer gaps some virtual cameras show a picture of their
own."""
POLL_SECONDS = 0.25
"""Between two looks at how many watch."""
HOLD_SECONDS = 1.0
"""A camera that is back after this was not missed: its last picture stays for so long."""

OpenSinks = Callable[[StreamFormat], Iterator[Sink]]


class Output:
    """Sinks that are opened with the first frame, or at the start: `resident`, and then the standby
    picture stands in for the source."""

    def __init__(self, open_sinks: OpenSinks, stream: StreamFormat | None) -> None:
        """`stream` is what the sinks of a resident pipeline will be opened for."""
        self.resident = stream is not None
        self.stream = stream
        self.sinks: tuple[Sink, ...] = ()
        self.watchers: int | None = None
        """How many watch; None where a sink cannot tell."""
        self._open_sinks = open_sinks
        self._last: tuple[Frame, Frame] | None = None
        self._last_at = self._sent_at = self._polled_at = -np.inf

    def open(self, stack: ExitStack, stream: StreamFormat) -> None:
        """Open the sinks; they are closed with the stack."""
        self.stream = stream
        for sink in self._open_sinks(stream):
            self.sinks += (stack.enter_context(sink),)
        if self.resident:
            stack.push(self._leave)

    def look(self) -> None:
        """Count the watchers, now and then."""
        now = time.monotonic()
        if now - self._polled_at < POLL_SECONDS:
            return
        self._polled_at = now
        counts = [sink.watchers() for sink in self.sinks]
        told = [count for count in counts if count is not None]
        self.watchers = sum(told) if told and len(told) == len(counts) else None

    @property
    def watched(self) -> bool:
        """Whether gaps between pictures may be seen."""
        return self.resident and self.watchers != 0

    @property
    def patience(self) -> float:
        """Seconds until a frame that does not come should be stood in for."""
        return WATCHED_SECONDS if self.watched else POLL_SECONDS

    @property
    def is_silent(self) -> bool:
        """Whether there were frames, and the last one is too old to be shown."""
        return self._last is not None and time.monotonic() - self._last_at > HOLD_SECONDS

    def fitted(self, frame: Frame) -> Frame:
        """A frame of another size with bars around it."""
        assert self.stream
        size = self.stream.width, self.stream.height
        if (frame.width, frame.height) == size:
            return frame
        return replace(frame, i420=letterboxed_i420(frame.i420, size))

    def send(self, after: Frame, before: Frame) -> float:
        """Send a frame of the source; returns when that was done."""
        self._send(after, before)
        self._last, self._last_at = (after, before), self._sent_at
        return self._sent_at

    def stand_in(self, words: str, lost: bool) -> None:
        """Another picture while no frame comes, where one is due.

        Args:
            words: what the standby picture says.
            lost: the source is gone; else it is only slow.
        """
        now = time.monotonic()
        if now - self._sent_at < (WATCHED_SECONDS if self.watched else STILL_SECONDS):
            return
        if self.resident and self.stream and (self._last is None or self.is_silent):
            size = self.stream.width, self.stream.height
            standby = Frame(standby_picture(size, words), 0, now, now)
            self._send(standby, standby)
        elif self._last and (self.resident or lost):
            after, before = (replace(kept, captured_at=now, pts=now) for kept in self._last)
            self._send(after, before)

    def forget(self) -> None:
        """The source was switched off: its last picture stands for nothing any more."""
        if self.resident:
            self._last = None

    def _leave(self, kind: type[BaseException] | None, *_: object) -> None:
        """Before the sinks are closed: apps keep the last picture, which shall not be a face that
        stands still. It has no words: what starts again says the next ones."""
        if kind is None and self.stream and self._sent_at > -np.inf:
            size, now = (self.stream.width, self.stream.height), time.monotonic()
            last = Frame(standby_picture(size, ""), 0, now, now)
            with suppress(SharpCamError):
                self._send(last, last)

    def _send(self, after: Frame, before: Frame) -> None:
        for sink in self.sinks:
            sink.send(after, before)
        self._sent_at = time.monotonic()
