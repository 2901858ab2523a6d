"""Controller: the pipeline in a thread of its own, with what faces ask of it.

Methods are for any thread. The pipeline's thread runs one pipeline after the other: where one
fails, as without a virtual camera, the next is tried a little later, so that nobody has to start
anything again. Subscribers are called from the pipeline's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Protocol

from sharpcam.capture import RETRY_SECONDS, OpenSource
from sharpcam.errors import SharpCamError
from sharpcam.pipeline import Pipeline
from sharpcam.settings import Settings
from sharpcam.status import State, Status

log = logging.getLogger(__name__)

STOP_SECONDS = 3.0
"""The pipeline ends in less, except where a virtual camera's driver hangs."""


class MakePipeline(Protocol):
    """Makes a pipeline that has not run yet; the parts may be the same each time."""

    def __call__(
        self,
        open_source: OpenSource,
        source_name: str,
        settings: Settings,
        on_tick: Callable[[Status], None],
    ) -> Pipeline: ...


class Controller:
    """Keeps a pipeline running from `start` to `stop`, with the settings and the source chosen."""

    def __init__(
        self,
        make_pipeline: MakePipeline,
        open_source: OpenSource,
        source_name: str = "",
        settings: Settings | None = None,
    ) -> None:
        """Nothing is opened before `start`.

        Args:
            make_pipeline: called in the pipeline's thread, again after a failure.
            open_source: to begin with; called in a capture thread, whenever it is to be on.
            source_name: what the source is called until it was open.
            settings: to begin with.
        """
        self._make_pipeline = make_pipeline
        self._lock = Lock()
        """Held where choices and the pipeline that they go to must not change."""
        self._source, self._settings = (open_source, source_name), settings or Settings()
        self._paused_by: frozenset[str] = frozenset()
        self._pipeline: Pipeline | None = None
        self._failure = Status()
        """While there is no pipeline: why."""
        self._stopping = Event()
        self._thread: Thread | None = None
        self._subscribers: tuple[Callable[[Status], None], ...] = ()

    def start(self) -> None:
        """Run from now on; again after `stop`, too, even if that left a thread behind."""
        before = self._thread if self._thread and self._thread.is_alive() else None
        if before and not self._stopping.is_set():
            return
        self._stopping.clear()
        self._thread = Thread(target=self._run, args=(before,), name="pipeline", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close everything and wait for it."""
        self._stopping.set()
        with self._lock:
            if self._pipeline:
                self._pipeline.stop()
        if self._thread:
            self._thread.join(STOP_SECONDS)
            if self._thread.is_alive():
                log.warning("the virtual camera does not answer: it is left behind")

    def status(self) -> Status:
        """How things are right now."""
        with self._lock:
            return self._pipeline.status() if self._pipeline else self._failure

    def subscribe(self, callback: Callable[[Status], None]) -> Callable[[], None]:
        """Tell `callback` of every change of state, and about once a second while there is a
        virtual camera; returns what ends that."""
        self._subscribers += (callback,)

        def unsubscribe() -> None:
            self._subscribers = tuple(it for it in self._subscribers if it is not callback)

        return unsubscribe

    @property
    def settings(self) -> Settings:
        """What the next frame is made with."""
        return self._settings

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on."""
        with self._lock:
            self._settings = settings
            if self._pipeline:
                self._pipeline.apply(settings)

    def set_source(self, open_source: OpenSource, name: str = "") -> None:
        """Take this source from now on; the virtual camera stays."""
        with self._lock:
            self._source = open_source, name
            if self._pipeline:
                self._pipeline.set_source(open_source, name)

    @property
    def paused(self) -> bool:
        """Whether the camera is off until `resume`."""
        return bool(self._paused_by)

    def pause(self, by: str = "user") -> None:
        """Let the camera go; the virtual camera stays and says so. A machine that falls asleep
        pauses, too, and its waking must not undo what the user did: so it says who it is."""
        with self._lock:
            self._paused_by |= {by}
            if self._pipeline:
                self._pipeline.pause()

    def resume(self, by: str = "user") -> None:
        """The camera is on again when somebody watches, unless another one has paused it."""
        with self._lock:
            self._paused_by -= {by}
            if self._pipeline and not self._paused_by:
                self._pipeline.resume()

    # --- the pipeline's thread

    def _run(self, before: Thread | None) -> None:
        if before:
            before.join()  # two would feed one virtual camera
        tries = 0
        while not self._stopping.is_set():
            try:
                status = self._made().run()
            except Exception as error:
                status = self._failed(error)
            self._publish(status)
            if status.state is State.STOPPED:
                break  # as asked, or a clip has ended
            if status.frames:
                tries, self._failure = 0, Status()
            self._stopping.wait(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1

    def _made(self) -> Pipeline:
        self._pipeline = None
        pipeline = self._make_pipeline(*self._source, self._settings, self._publish)
        with self._lock:  # what was chosen meanwhile counts
            pipeline.set_source(*self._source)
            pipeline.apply(self._settings)
            if self._paused_by:
                pipeline.pause()
            if self._stopping.is_set():
                pipeline.stop()
            self._pipeline = pipeline
        return pipeline

    def _failed(self, error: Exception) -> Status:
        """A failure's status; said once, however often it is tried again."""
        hint = error.hint if isinstance(error, SharpCamError) else ""
        failure = Status(State.FAILED, str(error) or type(error).__name__, hint)
        if (failure.reason, hint) != (self._failure.reason, self._failure.hint):
            bug = None if isinstance(error, SharpCamError) else error
            log.error("%s: it is tried again", failure.reason, exc_info=bug)
        self._failure = failure
        with self._lock:
            return self._pipeline.status() if self._pipeline else failure

    def _publish(self, status: Status) -> None:
        for tell in self._subscribers:
            try:
                tell(status)
            except Exception:
                log.exception("a face failed")  # the picture goes on
