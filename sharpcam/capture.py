"""Capture: the source while it is on, in a thread of its own.

That thread opens, reads and closes the source, and opens it again when it was lost. All else here
is for the pipeline thread, which never waits for a driver: one that hangs is left behind with its
thread (`hung`, `stop`), and a new Capture takes its place. What a left-behind thread still
delivers goes nowhere, and it closes its source when the driver lets it go.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from threading import Event, Thread

from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.meter import Meter, Rate
from sharpcam.slot import Slot
from sharpcam.source import Source, SourceLostError
from sharpcam.video import VideoTags

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""Between tries to open a camera that is not there; the last one repeats."""
READ_SECONDS = 5.0
"""A driver that holds a read for longer hangs: working ones give up after two seconds."""
OPEN_SECONDS = 30.0
"""The same for opening; Media Foundation has been seen to need twenty."""
PREDECESSOR_SECONDS = 3.0
"""So long the camera's last user, who may still be closing it, is waited for."""

OpenSource = Callable[[], Source]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no camera at the moment."""

    reason: str
    hint: str = ""


class Capture:
    """Keeps one source on from `__init__` until `stop`, or until it ends."""

    def __init__(
        self,
        open_source: OpenSource,
        meter: Meter,
        *,
        patient: bool,
        name: str = "",
        trouble: Trouble | None = None,
        after: Capture | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the thread.

        Args:
            open_source: called in the thread, again after the source was lost.
            meter: told the times of decoding.
            patient: try again when the source does not open at first; else that is an `error`.
                Once it was open, it is always tried again.
            name: what the source is called until it is open.
            trouble: what was wrong before, until it is open.
            after: the last user of the camera, which must let it go first.
        """
        self.open_source, self.name = open_source, name
        self.fps, self.tags = 30.0, VideoTags()
        self.slot: Slot[Frame] = Slot()
        """Closed when the source has ended."""
        self.rate = Rate()
        """Of what the source delivers."""
        self._damaged = 0
        self.trouble = trouble
        self.error: BaseException | None = None
        """What ended it, where that was no proper end."""
        self._meter, self._clock = meter, clock
        self._patient, self._after = patient, after
        self._stopping = Event()
        self._deadline: float | None = None
        self._thread = Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    @property
    def hung(self) -> bool:
        """Whether the driver does not return from a call."""
        deadline = self._deadline
        return deadline is not None and self._clock() > deadline

    @property
    def dropped(self) -> int:
        """Frames that did not come through: replaced by a newer one, or damaged."""
        return self._damaged + self.slot.dropped

    def stop(self) -> None:
        """Let the source go soon; does not wait for it."""
        self._stopping.set()
        self.slot.close()

    def join(self, seconds: float) -> bool:
        """Wait up to so long for the source to be let go; returns whether it is."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # --- the thread

    def _run(self) -> None:
        source: Source | None = None
        sequence = -1
        try:
            if self._after:
                self._after.join(PREDECESSOR_SECONDS)
                self._after = None
            source = self._opened(chain((0.0,), RETRY_SECONDS))
            while source and not self._stopping.is_set():
                try:
                    frame = self._read(source)
                except SourceLostError as error:
                    self.trouble = Trouble(f"{self.name}: {error}")
                    self.rate.rest()
                    self._deadline = self._clock() + READ_SECONDS
                    source.close()
                    source = None  # it is closed once, whatever happens on opening it again
                    source = self._opened(iter(RETRY_SECONDS))
                    sequence = -1
                    continue
                if frame is None:
                    break
                self._damaged += frame.sequence - sequence - 1
                sequence = frame.sequence
                self._meter.add("decode", self._clock() - frame.captured_at)
                self.rate.note(frame.captured_at)
                if source.live:
                    self.slot.put(frame)
                else:
                    self.slot.put_when_empty(frame)
        except BaseException as error:
            self.error = error
        finally:
            if source:
                source.close()
            self.slot.close()

    def _opened(self, waits: Iterator[float]) -> Source | None:
        """The source, tried until it opens; None when we are stopping."""
        for seconds in chain(waits, repeat(RETRY_SECONDS[-1])):
            self._deadline = None
            if self._stopping.wait(seconds):
                break
            self._deadline = self._clock() + OPEN_SECONDS
            try:
                source = self.open_source()
            except SharpCamError as error:
                if not self._patient:
                    raise
                self.trouble = Trouble(error.message, error.hint)
                continue
            self.name, self.fps, self.tags = source.name, source.fps, source.tags
            self._deadline = None
            self._patient, self.trouble = True, None
            return source
        return None

    def _read(self, source: Source) -> Frame | None:
        if source.live:  # a file may take its time
            self._deadline = self._clock() + READ_SECONDS
        try:
            return source.read()
        finally:
            self._deadline = None
