"""Resident: the running program, as the control channel and the tray see it.

Methods are for any thread: changes are made one at a time, and what takes long happens in threads
of the parts. Entering its context starts everything, leaving it ends everything.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import fields, replace
from functools import partial
from threading import Event, RLock
from typing import Any

from sharpcam import __version__
from sharpcam import log as log_file
from sharpcam.capture import OpenSource
from sharpcam.choose import choose_camera
from sharpcam.controller import Controller
from sharpcam.mirror import Mirrored
from sharpcam.opening import open_source, open_virtual_cameras
from sharpcam.pipeline import Pipeline
from sharpcam.preview_feed import PreviewFeed
from sharpcam.preview_process import PreviewProcess
from sharpcam.profile import CameraProfile
from sharpcam.profile_in_use import ProfileInUse
from sharpcam.profiles import ProfileStore
from sharpcam.session.memory import give_back_large
from sharpcam.settings import Settings
from sharpcam.settings_file import SettingsFile
from sharpcam.sink import Sink, StreamFormat
from sharpcam.source import Source
from sharpcam.status import State, Status
from sharpcam.tiered import TieredEnhancer

log = logging.getLogger(__name__)

NEW_PIPELINE = ("size", "fps", "sinks", "on_demand")
"""Settings that a virtual camera is opened with: with other ones, it is opened anew."""
RELEASE_SECONDS = 2.0
"""So long a computer that falls asleep waits for the camera to be let go."""
SETTLE_SECONDS = 0.5
BY_SLEEP = "sleep"


class Resident:
    """Settings, camera, network, virtual camera and previews of the program that stays."""

    def __init__(
        self,
        file: SettingsFile,
        store: ProfileStore,
        open_virtual: Callable[
            [StreamFormat, tuple[str, ...]], Iterator[Sink]
        ] = open_virtual_cameras,
    ) -> None:
        """Load the network; no device is opened.

        Args:
            file: has been loaded.
            store: profiles of cameras from earlier.
            open_virtual: opens what frames go to.
        """
        give_back_large()
        self._file, self._open_virtual = file, open_virtual
        self.settings = file.settings
        self.quitting = Event()
        """Set when the program shall end."""
        self._changing = RLock()
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._stack = ExitStack()
        self.feed = PreviewFeed()
        self._preview = PreviewProcess()
        self.controller = Controller(self._make_pipeline, *self._source(), self.settings)
        self.enhancer = TieredEnhancer(self.settings, self._camera_fps)
        self._profile = ProfileInUse(
            lambda: self.settings, self.enhancer.set_profile, self._tell, store
        )
        self._profile.use_now()

    def __enter__(self) -> Resident:
        self._stack.callback(self.enhancer.close)
        self._stack.callback(self._preview.close)
        self._stack.enter_context(self.enhancer)
        self._stack.enter_context(self._profile)
        self._stack.callback(self.controller.stop)
        self._stack.callback(self.controller.subscribe(lambda status: self._tell()))
        self.controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def end(self) -> None:
        """The system ends the program soon: everything is closed when this returns."""
        log.info("the session ends")
        self._stack.close()
        self.quit()

    def listen(self, callback: Callable[[], None]) -> None:
        """Call this after every change, and about once a second; from threads of ours, so it must
        return at once."""
        self._listeners += (callback,)

    # --- what is asked for

    def status(self) -> Mapping[str, Any]:
        status = self.now()
        return {
            **{entry.name: getattr(status, entry.name) for entry in fields(status)},
            "enabled": self.settings.enabled,
            "strength": self.settings.strength,
            "camera": self.settings.camera,
            "paused": self.controller.paused,
            "profile": self.profile.told if self.profile else None,
            "tier": self.enhancer.tier.word,
            "tier_reason": self.enhancer.reason,
            "preview": self.feed.path,
            "version": __version__,
        }

    def now(self) -> Status:
        """The pipeline's status; previews of ours are neither sinks nor watchers."""
        status = self.controller.status()
        watchers = status.watchers
        return replace(
            status,
            sinks=tuple(name for name in status.sinks if name != PreviewFeed.name),
            watchers=None if watchers is None else max(0, watchers - self.feed.count),
        )

    @property
    def profile(self) -> CameraProfile | None:
        """The camera's, in use: as set by hand, or as learnt; None until something is known."""
        return self._profile.now

    def on(self) -> None:
        self.change(enabled=True)

    def off(self) -> None:
        self.change(enabled=False)

    def toggle(self) -> None:
        with self._changing:
            self.change(enabled=not self.settings.enabled)

    def pause(self) -> None:
        self.controller.pause()
        self._settle(lambda state: state is State.PAUSED, SETTLE_SECONDS)

    def resume(self) -> None:
        self.controller.resume()
        self._settle(lambda state: state is not State.PAUSED, SETTLE_SECONDS)

    def set(self, key: str, value: str) -> None:
        with self._changing:
            self._apply(self.settings.with_text(key, value), keep=True)

    def change(self, **changes: Any) -> None:
        """Use these settings from now on, and keep them.

        Raises:
            ValueError: one is not allowed.
        """
        with self._changing:
            self._apply(replace(self.settings, **changes), keep=True)

    def taken_over(self, settings: Settings) -> None:
        """The file was changed by somebody."""
        with self._changing:
            self._apply(settings, keep=False)

    def preview(self) -> None:
        self._preview.show()

    def watched(self) -> AbstractContextManager[None]:
        return self.feed.attached()

    def learn_again(self) -> None:
        self._profile.learn_again()
        self.change(profile="auto")

    def quit(self) -> None:
        self.quitting.set()

    def fall_asleep(self) -> None:
        """Let go of the camera before the computer sleeps: one that stays open comes back
        frozen."""
        self.controller.pause(BY_SLEEP)
        self._settle(lambda state: state is State.PAUSED, RELEASE_SECONDS)

    def wake_up(self) -> None:
        self.controller.resume(BY_SLEEP)

    # --- the parts

    def _apply(self, settings: Settings, keep: bool) -> None:
        before, self.settings = self.settings, settings
        self.enhancer.apply(settings)
        self.controller.apply(settings)
        if settings.profile != before.profile:
            self._profile.use_now()
        if settings.log_level != before.log_level:
            log_file.set_level(settings.log_level)
        if settings.camera != before.camera:
            self.controller.set_source(*self._source())
        if any(getattr(settings, key) != getattr(before, key) for key in NEW_PIPELINE):
            self.controller.stop()
            self.controller.start()
        if keep and settings != before:
            self._file.keep(settings)
        self._tell()

    def _settle(self, done: Callable[[State], bool], seconds: float) -> None:
        """Wait a moment for the pipeline to follow, so that who asked sees it at once."""
        end = time.monotonic() + seconds
        while not done(self.controller.status().state) and time.monotonic() < end:
            time.sleep(0.02)
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _camera_fps(self) -> float:
        return self.controller.status().camera_fps or self.settings.fps

    def _make_pipeline(
        self,
        open_source: OpenSource,
        source_name: str,
        settings: Settings,
        on_tick: Callable[[Status], None],
    ) -> Pipeline:
        return Pipeline(
            open_source,
            self._open_sinks,
            self.enhancer,
            settings,
            stream=StreamFormat(*settings.size, settings.fps),
            source_name=source_name,
            always_on=not settings.on_demand,
            on_luma=self._profile.offer,
            on_tick=on_tick,
        )

    def _open_sinks(self, stream: StreamFormat) -> Iterator[Sink]:
        yield from self._open_virtual(stream, self.settings.sinks)
        yield self.feed

    def _source(self) -> tuple[OpenSource, str]:
        """What the controller opens, as the settings name it now."""
        camera = self.settings.camera
        return partial(self._open, camera), "" if camera == "auto" else camera

    def _open(self, camera: str) -> Source:
        """In the capture thread: the camera where it is now."""
        choice = choose_camera(camera)
        if choice.camera:
            self._profile.opened(choice.camera)
        source = open_source(choice, self.settings.size, self.settings.fps, loop=True)
        return Mirrored(source, lambda: self.settings.mirror)
