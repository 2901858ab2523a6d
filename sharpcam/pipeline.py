"""Pipeline: the straight way from the source to the sinks.

    source --read--> Slot --take--> enhance --send--> sinks
    [capture thread]        [the thread that calls run()]

The capture thread owns the source; the thread in `run` owns the enhancer's calls and the sinks.
The camera's clock is the only one: the Slot holds the newest frame, and what comes too fast is
dropped there. Settings are one frozen snapshot per frame.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from threading import Event, Thread

import numpy as np
from numpy.typing import NDArray

from sharpcam.enhancer import Enhancer
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.meter import Meter
from sharpcam.scaling import letterboxed_i420
from sharpcam.settings import Settings
from sharpcam.sink import Sink, StreamFormat
from sharpcam.slot import Slot
from sharpcam.source import Source, SourceLostError
from sharpcam.status import State, Status
from sharpcam.video import VideoTags

log = logging.getLogger(__name__)

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""Between tries to open a camera that went away; the last one repeats."""
BYPASS_SECONDS = 5.0
"""How long frames pass untouched after the enhancer failed, before it is tried again."""
STILL_SECONDS = 0.5
"""Without a camera the last picture is sent this often, so that apps do not give up on us."""
JOIN_SECONDS = 0.5
"""A driver that hangs in a read is left behind after this; its thread ends with the process."""
TICK_SECONDS = 1.0


class Pipeline:
    """One run from a source to its sinks. `run` blocks; `stop`, `apply` and `status` are for any
    thread."""

    def __init__(
        self,
        open_source: Callable[[], Source],
        open_sinks: Callable[[StreamFormat], Iterator[Sink]],
        enhancer: Enhancer,
        settings: Settings | None = None,
        *,
        on_luma: Callable[[NDArray[np.uint8]], None] | None = None,
        on_tick: Callable[[Status], None] | None = None,
    ) -> None:
        """Nothing is opened before `run`.

        Args:
            open_source: called in the capture thread, again after the camera was lost.
            open_sinks: asked once, when the first frame is there; each sink is entered before
                the next one is made, so that none stays open when another fails.
            on_luma: shown every frame's luma, uint8 [H, W], before it is enhanced.
            on_tick: told the status about once a second and when the state changes, from the
                thread in `run`.
        """
        self._open_source, self._open_sinks = open_source, open_sinks
        self._enhancer = enhancer
        self._settings = settings or Settings()
        self._on_luma, self._on_tick = on_luma, on_tick
        self._slot: Slot[Frame] = Slot()
        self._meter = Meter()
        self._stopping = Event()
        self._capture_error: BaseException | None = None
        self._source_name, self._source_fps, self._source_tags = "", 30.0, VideoTags()
        self._lost = ""
        """Why there is no camera at the moment; written by the capture thread only."""
        self._bypass = ""
        self._bypass_until = 0.0
        self._sink_names: tuple[str, ...] = ()
        self._size: tuple[int, int] | None = None
        self._state, self._reason = State.STARTING, ""

    @property
    def settings(self) -> Settings:
        """What the next frame is made with."""
        return self._settings

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on."""
        self._settings = settings

    def stop(self) -> None:
        """End `run` soon: after the frame in hand, or at once when it waits for one."""
        self._stopping.set()
        self._slot.close()

    def status(self) -> Status:
        """How things are right now."""
        spreads = self._meter.spreads()
        delay = spreads.pop("delay", None)
        return Status(
            state=self._state,
            reason=self._reason,
            source=self._source_name,
            sinks=self._sink_names,
            size=self._size,
            frames=self._meter.frames,
            dropped=self._slot.dropped,
            seconds=self._meter.seconds,
            fps=self._meter.fps,
            delay=delay,
            stages=spreads,
        )

    @property
    def bypassed(self) -> str:
        """Why the enhancer failed the last time; empty while it never did."""
        return self._bypass

    def run(self) -> Status:
        """Carry frames until the source ends or `stop` is called; returns the final status.

        Raises:
            SharpCamError: the source cannot be opened, or a sink fails.
        """
        capture = Thread(target=self._capture, name="capture", daemon=True)
        capture.start()
        try:
            with ExitStack() as sinks:
                self._carry(sinks)
        except BaseException as error:
            self._change(State.FAILED, str(error))
            raise
        finally:
            self.stop()
            capture.join(JOIN_SECONDS)
            if capture.is_alive():
                log.warning("%s does not answer: it is left behind", self._source_name or "source")
        self._change(State.STOPPED)
        return self.status()

    # --- the thread in run()

    def _carry(self, stack: ExitStack) -> None:
        sinks: list[Sink] = []
        last: tuple[Frame, Frame] | None = None
        ticked_at = time.monotonic()
        while not self._stopping.is_set():
            ended = self._slot.closed  # asked first: a frame put in between must not be missed
            frame = self._slot.take(STILL_SECONDS)
            if frame is None:
                if ended:
                    break
                if self._lost:
                    self._change(State.NO_CAMERA, self._lost)
                    if last:
                        self._send(sinks, *(_again(kept) for kept in last))
                continue
            if self._size is None:
                self._size = frame.width, frame.height
                stream = StreamFormat(*self._size, self._source_fps, self._source_tags)
                for sink in self._open_sinks(stream):
                    sinks.append(stack.enter_context(sink))
                self._sink_names = tuple(sink.name for sink in sinks)
            frame = self._fitted(frame)
            if self._on_luma:
                self._on_luma(frame.y)
            after = self._enhance(frame, self._settings)
            self._send(sinks, after, frame)
            last = after, frame
            now = time.monotonic()
            self._meter.add("delay", now - frame.captured_at)
            self._meter.sent(now)
            if self._on_tick and now - ticked_at >= TICK_SECONDS:
                ticked_at = now
                self._on_tick(self.status())
        if self._capture_error:
            raise self._capture_error

    def _fitted(self, frame: Frame) -> Frame:
        """The camera may come back with another size; the sinks keep theirs."""
        assert self._size is not None
        if (frame.width, frame.height) == self._size:
            return frame
        return replace(frame, i420=letterboxed_i420(frame.i420, self._size))

    def _enhance(self, frame: Frame, settings: Settings) -> Frame:
        """A new frame with sharper luma, or the frame itself."""
        start = time.monotonic()
        if not settings.enabled or settings.strength == 0:
            self._change(State.OFF)
            return frame
        if start < self._bypass_until:
            self._change(State.BYPASSED, self._bypass)
            return frame
        try:
            y = self._enhancer.enhance(frame.y, settings.strength)
        except Exception as error:
            # Whatever is wrong with the network, the picture must not stop.
            self._bypass = f"{type(error).__name__}: {error}"
            self._bypass_until = time.monotonic() + BYPASS_SECONDS
            log.debug("the enhancer failed", exc_info=True)
            self._change(State.BYPASSED, self._bypass)
            return frame
        i420 = np.empty_like(frame.i420)  # reusing one was measured: no faster
        i420[: frame.height] = y
        i420[frame.height :] = frame.i420[frame.height :]
        self._meter.add("enhance", time.monotonic() - start)
        self._change(State.SHARPENING)
        return replace(frame, i420=i420)

    def _send(self, sinks: list[Sink], after: Frame, before: Frame) -> None:
        start = time.monotonic()
        for sink in sinks:
            sink.send(after, before)
        self._meter.add("send", time.monotonic() - start)

    def _change(self, state: State, reason: str = "") -> None:
        """Enter a state; said once per change."""
        if (state, reason) == (self._state, self._reason):
            return
        self._state, self._reason = state, reason
        trouble = state in (State.BYPASSED, State.NO_CAMERA)
        log.log(
            logging.WARNING if trouble else logging.INFO,
            "%s%s",
            state.value,
            f": {reason}" if reason else "",
        )
        if self._on_tick and state not in (State.FAILED, State.STOPPED):
            self._on_tick(self.status())

    # --- the capture thread

    def _capture(self) -> None:
        source: Source | None = None
        try:
            source = self._open_source()
            self._source_name = source.name
            self._source_fps, self._source_tags = source.fps, source.tags
            while source and not self._stopping.is_set():
                try:
                    frame = source.read()
                except SourceLostError as error:
                    source.close()
                    source = None  # it is closed once, whatever happens on opening it again
                    source = self._reopened(str(error))
                    continue
                if frame is None:
                    break
                self._meter.add("decode", time.monotonic() - frame.captured_at)
                if source.live:
                    self._slot.put(frame)
                else:
                    self._slot.put_when_empty(frame)
        except BaseException as error:
            self._capture_error = error
        finally:
            if source:
                source.close()
            self._slot.close()

    def _reopened(self, why: str) -> Source | None:
        """Try until the camera is back; None when we are stopping."""
        self._lost = f"{self._source_name}: {why}"
        tries = 0
        while not self._stopping.wait(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)]):
            tries += 1
            try:
                source = self._open_source()
            except SharpCamError as error:
                self._lost = error.message
            else:
                self._lost = ""
                return source
        return None


def _again(frame: Frame) -> Frame:
    """The same picture, now."""
    now = time.monotonic()
    return replace(frame, captured_at=now, pts=now)
