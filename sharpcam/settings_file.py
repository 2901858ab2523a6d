"""The settings file in the user's config folder, and what to do when somebody changes it.

Reading never fails: what is wrong becomes a warning. One `SettingsFile` may be used from any
thread; `SettingsWatcher` asks it once a second from its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread

from sharpcam import settings_toml
from sharpcam.errors import SharpCamError
from sharpcam.paths import config_folder
from sharpcam.settings import ENTRIES, Settings

log = logging.getLogger(__name__)

NAME = "settings.toml"
POLL_SECONDS = 1.0

Signature = tuple[int, int, int] | None
"""Inode, size and time of change in ns; None where there is no file."""


class SettingsFile:
    """One settings file, and the last good settings that it held."""

    def __init__(self, path: Path | None) -> None:
        """Nothing is read yet. `path` is None where there is no place for a file."""
        self.path = path
        self._lock = Lock()
        self._settings = Settings()
        self._held = Settings()
        """What the file says, as far as we know; other than `_settings` when a save failed."""
        self._signature: Signature = None
        self._emptied: Signature = None
        """Of the file when it was found empty, and was not believed yet."""
        self._said_unwritable = False

    @property
    def settings(self) -> Settings:
        """The last good ones."""
        with self._lock:
            return self._settings

    def load(self) -> Settings:
        """Read the file. What is wrong is logged; a file that is broken as a whole, or not there,
        leaves the settings as they are."""
        with self._lock:
            self._signature = _signature(self.path)
            try:
                content = settings_toml.read(self.path) if self.path else None
                if content is not None:
                    self._settings, warnings = Settings.from_plain(content)
                    self._held = self._settings
                    for warning in warnings:
                        log.warning("%s: %s", self.path, warning)
            except SharpCamError as error:
                log.warning("%s; the settings stay as they were", error.message)
            return self._settings

    def poll(self) -> Settings | None:
        """New settings, when somebody changed the file to valid and different ones."""
        with self._lock:
            before, found = self._settings, _signature(self.path)
            if found in (self._signature, None):
                return None  # an editor that saves may take the file away for a moment
            if found and found[1] == 0 and found != self._emptied:
                self._emptied = found
                return None  # or empty it
        after = self.load()
        return after if after != before else None

    def save(self, settings: Settings) -> None:
        """Write what changed since the file was read or written; a change that somebody made in
        the file meanwhile stays, and is told by the next `poll`.

        Raises:
            SharpCamError: the file cannot be written.
        """
        with self._lock:
            self._settings = settings
            if self.path is None:
                raise SharpCamError(
                    "the settings cannot be kept: this account has no home folder", "set HOME"
                )
            keys = [key for key in ENTRIES if getattr(settings, key) != getattr(self._held, key)]
            means = settings_toml.write(self.path, settings, keys)
            self._held = settings
            self._signature = _signature(self.path) if means == settings else None

    def keep(self, settings: Settings) -> None:
        """As `save`, for a program that goes on without: what is wrong is logged, once."""
        try:
            self.save(settings)
        except SharpCamError as error:
            level = logging.DEBUG if self._said_unwritable else logging.WARNING
            self._said_unwritable = True
            log.log(level, "%s; the settings hold until the end", error.message)


class SettingsWatcher:
    """Tells of settings changed in the file, from its own thread. A context manager."""

    def __init__(
        self,
        file: SettingsFile,
        on_settings: Callable[[Settings], None],
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Nothing is watched before the context is entered.

        Args:
            on_settings: told of valid and different settings, from the watcher's thread.
            wait: sleeps for so many seconds; by default until the context is left.
        """
        self._file, self._on_settings = file, on_settings
        self._stopping = Event()
        self._wait = wait or self._stopping.wait
        self._thread = Thread(target=self._run, name="settings", daemon=True)

    def __enter__(self) -> SettingsWatcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(timeout=POLL_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if settings := self._file.poll():
                log.info("the settings were changed in %s", self._file.path)
                self._on_settings(settings)
            self._wait(POLL_SECONDS)


def settings_path() -> Path | None:
    """Where the settings file is or will be; None where this account has no place for it."""
    folder = config_folder()
    return folder / NAME if folder else None


def _signature(path: Path | None) -> Signature:
    try:
        found = path.stat() if path else None
    except (OSError, ValueError):
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None
