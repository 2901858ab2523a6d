"""Pipeline: the straight way from the source to the sinks.

    source --read--> Slot --take--> enhance --send--> sinks
    [capture thread]        [the thread that calls run()]

The capture thread owns the source, see `capture.py`, and `supply.py` says when it is on; the thread
in `run` owns the enhancer's calls and the sinks. The camera's clock is the only one: the Slot holds
the newest frame, and what comes too fast is dropped there. Settings are one frozen snapshot per
frame.

A resident pipeline, made with a `stream`, opens its sinks first and keeps them: the source is on
only while somebody watches, and the standby picture says why where there is no other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from threading import Event

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.capture import Capture, OpenSource
from sharpcam.demand import Demand
from sharpcam.enhancer import Enhancer
from sharpcam.frame import Frame
from sharpcam.guard import Guard
from sharpcam.meter import Meter
from sharpcam.output import OpenSinks, Output
from sharpcam.settings import Settings
from sharpcam.sink import StreamFormat
from sharpcam.status import State, Status
from sharpcam.supply import REPLUG, Supply

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0


class Pipeline:
    """One run from a source to its sinks. `run` blocks; all other methods are for any thread."""

    def __init__(
        self,
        open_source: OpenSource,
        open_sinks: OpenSinks,
        enhancer: Enhancer,
        settings: Settings | None = None,
        *,
        stream: StreamFormat | None = None,
        source_name: str = "",
        always_on: bool = False,
        on_luma: Callable[[NDArray[np.uint8], str], None] | None = None,
        on_tick: Callable[[Status], None] | None = None,
    ) -> None:
        """Nothing is opened before `run`.

        Args:
            open_source: called in a capture thread, again after the source was lost or off.
            open_sinks: asked once; each sink is entered before the next one is made, so that none
                stays open when another fails.
            stream: what to open the sinks for at once, for a resident pipeline. Frames of another
                size are fitted in: nobody can know the camera's size before it was on, and apps
                do not take a change of size. None: opened for the first frame, no standby.
            source_name: what the source is called until it was open.
            always_on: the source of a resident pipeline is on when nobody watches, too.
            on_luma: shown every frame's luma, uint8 [H, W], before it is enhanced, and the name
                of its source.
            on_tick: told the status about once a second and when the state changes, from the
                thread in `run`.
        """
        self._settings = settings or Settings()
        self._output = Output(open_sinks, stream)
        self._always_on = always_on
        self._on_luma, self._on_tick = on_luma, on_tick
        self._meter = Meter()
        self._supply = Supply(open_source, source_name, self._meter)
        self._guard = Guard(enhancer, self._meter)
        self._demand = Demand()
        self._stopping, self._wake = Event(), Event()
        self._paused = False
        self._status = State.STARTING, "", ""
        self._ticked_at = time.monotonic()

    @property
    def settings(self) -> Settings:
        """What the next frame is made with."""
        return self._settings

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on."""
        self._settings = settings

    def pause(self) -> None:
        """Let the source go soon; the sinks stay, and a resident pipeline's say so."""
        self._paused = True
        self._wake.set()

    def resume(self) -> None:
        """Take the source again; a file begins anew."""
        self._paused = False
        self._wake.set()

    def set_source(self, open_source: OpenSource, name: str = "") -> None:
        """Take another source from now on; the sinks stay as they are."""
        self._supply.replace(open_source, name)
        self._wake.set()

    def stop(self) -> None:
        """End `run` soon: after the frame in hand, or at once when it waits for one."""
        self._stopping.set()
        self._wake.set()
        if capture := self._supply.capture:
            capture.stop()

    def status(self) -> Status:
        """How things are right now."""
        capture, output, stream = self._supply.capture, self._output, self._output.stream
        state, reason, hint = self._status
        spreads = self._meter.spreads()
        delay = spreads.pop("delay", None)
        return Status(
            state=state,
            reason=reason,
            hint=hint,
            source=self._supply.name,
            sinks=tuple(sink.name for sink in output.sinks),
            size=(stream.width, stream.height) if stream else None,
            frames=self._meter.frames,
            dropped=self._supply.dropped,
            seconds=self._meter.seconds,
            fps=self._meter.fps,
            camera_fps=capture.rate.fps if capture and state is not State.NO_CAMERA else 0.0,
            watchers=output.watchers,
            delay=delay,
            stages=spreads,
        )

    @property
    def bypassed(self) -> str:
        """Why the enhancer failed the last time; empty while it never did."""
        return self._guard.failure

    def run(self) -> Status:
        """Carry frames until the source ends or `stop` is called; returns the final status.

        Raises:
            SharpCamError: a sink fails, or the source of a pipeline that is not resident cannot
                be opened.
        """
        # OpenCV would wake a thread per core for its larger steps. That costs no less work, and the
        # other cores are the meeting app's.
        cv2.setNumThreads(1)
        try:
            with ExitStack() as stack:
                if stream := self._output.stream:
                    self._output.open(stack, stream)
                    self._stand_in()
                while not self._stopping.is_set() and self._step(stack):
                    self._tick()
        except BaseException as error:
            self._change(State.FAILED, str(error), getattr(error, "hint", ""))
            raise
        finally:
            self.stop()
            self._supply.close()
        self._change(State.STOPPED)
        return self.status()

    # --- the thread in run()

    def _step(self, stack: ExitStack) -> bool:
        """Carry one frame, or what stands in for it; False at the source's end."""
        self._follow()
        capture = self._supply.capture
        if capture is None:
            self._wake.wait(self._output.patience)
            self._wake.clear()
            self._stand_in()
            return True
        ended = capture.slot.closed  # asked first: a frame put in between must not be missed
        if frame := capture.slot.take(self._output.patience):
            self._carry(frame, stack, capture)
        elif not ended:
            self._stand_in()
        elif capture.error:
            raise capture.error
        return frame is not None or not ended

    def _away(self) -> tuple[State, str] | None:
        """Why the source should be off; None where it should be on."""
        self._output.look()
        wanted = self._demand.wanted(self._output.watchers)
        if self._paused:
            return State.PAUSED, ""
        if self._output.resident and not self._always_on and not wanted:
            return State.STANDBY, "nobody watches, camera off"
        return None

    def _follow(self) -> None:
        """Take the source, let it go, or take another one."""
        before = self._supply.capture
        patient = self._output.resident or self._meter.frames > 0
        self._supply.follow(self._away(), patient, self._change)
        if self._supply.capture is not before:
            self._output.forget()
            self._guard.forget()

    def _carry(self, frame: Frame, stack: ExitStack, capture: Capture) -> None:
        output = self._output
        if not output.stream:
            output.open(stack, StreamFormat(frame.width, frame.height, capture.fps, capture.tags))
        frame = output.fitted(frame)
        if self._on_luma:
            self._on_luma(frame.y, capture.name)
        after, state, reason = self._guard.enhance(frame, self._settings)
        self._change(state, reason)
        start = time.monotonic()
        sent_at = output.send(after, frame)
        self._meter.add("send", sent_at - start)
        self._meter.add("delay", sent_at - frame.captured_at)
        self._meter.sent(sent_at)

    def _stand_in(self) -> None:
        """While no frame comes: note why, and give the sinks another picture."""
        capture = self._supply.capture
        trouble = capture.trouble if capture else None
        if trouble:
            self._change(State.NO_CAMERA, trouble.reason, trouble.hint)
        elif capture and self._output.resident and self._output.is_silent:
            self._change(State.NO_CAMERA, f"{capture.name} sends no picture", REPLUG)
        words = self._words() if self._settings.standby_message else ""
        self._output.stand_in(words, lost=capture is None or trouble is not None)

    def _words(self) -> str:
        """What the standby picture says: apps see it for a moment when they begin to watch."""
        state, reason, _ = self._status
        words = {State.NO_CAMERA: reason, State.PAUSED: "paused"}.get(state, "starting")
        return words[:1].upper() + words[1:]

    def _tick(self) -> None:
        now = time.monotonic()
        if self._on_tick and now - self._ticked_at >= TICK_SECONDS:
            self._ticked_at = now
            self._on_tick(self.status())

    def _change(self, state: State, reason: str = "", hint: str = "") -> None:
        """Enter a state; said once per change."""
        if (state, reason, hint) == self._status:
            return
        self._status = state, reason, hint
        if state is State.NO_CAMERA:
            self._meter.rest()
        level = logging.WARNING if state in (State.BYPASSED, State.NO_CAMERA) else logging.INFO
        log.log(level, "%s", ": ".join(filter(None, (state.value, reason))))
        if self._on_tick and state not in (State.FAILED, State.STOPPED):
            self._on_tick(self.status())
