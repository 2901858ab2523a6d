"""The settings file: TOML in the user's config folder, read with patience and written with care.

Reading never fails: what is wrong becomes a warning. Writing keeps the person's comments, order and
unknown keys, and never loses an invalid file: it is copied to `settings.toml.bak` first. One object
may be used from any thread; `SettingsWatcher` asks it once a second from its own.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any

from sharpcam.atomic import replacing
from sharpcam.errors import SharpCamError
from sharpcam.paths import config_folder
from sharpcam.setting_kinds import Plain
from sharpcam.settings import ENTRIES, Settings, help_of, kind_of

log = logging.getLogger(__name__)

NAME = "settings.toml"
LARGEST_BYTES = 256 * 1024
"""No settings file is that large; something else is not read into memory."""
POLL_SECONDS = 1.0
HEADER = "SharpCam's settings. `sharpcam set` lists all of them; changes here are taken over live."

Signature = tuple[int, int, int] | None
"""Inode, size and time of change in ns; None where there is no file."""


class SettingsFile:
    """One settings file, and the last good settings that it held."""

    def __init__(self, path: Path | None) -> None:
        """Nothing is read yet. `path` is None where there is no place for a file."""
        self.path = path
        self._lock = Lock()
        self._settings = Settings()
        self._signature: Signature = None
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
                content = _read(self.path)
                if content is not None:
                    self._settings, warnings = Settings.from_plain(content)
                    for warning in warnings:
                        log.warning("%s: %s", self.path, warning)
            except SharpCamError as error:
                log.warning("%s; the settings stay as they were", error.message)
            return self._settings

    def poll(self) -> Settings | None:
        """New settings, when somebody changed the file to valid and different ones."""
        with self._lock:
            before = self._settings
            if _signature(self.path) in (self._signature, None):
                return None  # an editor that saves may take the file away for a moment
        after = self.load()
        return after if after != before else None

    def save(self, settings: Settings) -> None:
        """Write what differs from the file; keys at their default are not added to it.

        Raises:
            SharpCamError: the file cannot be written.
        """
        with self._lock:
            self._settings = settings
            if self.path is None:
                raise SharpCamError(
                    "the settings cannot be kept: this account has no home folder", "set HOME"
                )
            _write(self.path, settings)
            self._signature = _signature(self.path)

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
        """Args:
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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


def _read(path: Path | None) -> dict[str, Any] | None:
    """What the file holds; None where there is no file.

    Raises:
        SharpCamError: it cannot be read, or is no TOML.
    """
    if path is None:
        return None
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise SharpCamError(f"{path} is no ordinary file", "remove it")
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SharpCamError(
            f"cannot read {path}: {error.strerror or error}", "check whose file it is"
        ) from error
    if len(data) > LARGEST_BYTES:
        raise SharpCamError(f"{path} is too large for settings", "remove it")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))  # editors on Windows begin with a mark
    except (ValueError, RecursionError) as error:
        raise SharpCamError(f"{path} is no TOML: {error}", "mend or remove it") from error


def _write(path: Path, settings: Settings) -> None:
    path = Path(os.path.realpath(path))  # a link into somebody's dotfiles stays a link
    try:
        content = _read(path)
        broken = False
    except SharpCamError:
        content, broken = None, True
    known = {key: value for key, value in (content or {}).items() if key in ENTRIES}
    kept = {key: kind_of(ENTRIES[key]).from_plain(value) for key, value in known.items()}
    bad = any(not kind_of(ENTRIES[key]).allows(value) for key, value in kept.items())
    changes = {
        key: plain
        for key, plain in settings.as_plain().items()
        if getattr(settings, key) != kept.get(key, ENTRIES[key].default)
    }
    if not changes and content is not None:
        return
    text = None if content is None else _edited(path, changes, settings)
    if broken or bad or (content is not None and text is None):
        _back_up(path)
    _create_folder(path.parent)
    with replacing(path) as partial:
        partial.write_text(text or _fresh(settings), encoding="utf-8", newline="\n")


def _edited(path: Path, changes: dict[str, Plain], settings: Settings) -> str | None:
    """The file's text with these keys changed or added; None where that does not work out."""
    import tomlkit  # takes longer to load than the rest of `sharpcam set` together
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig"))
        for key, plain in changes.items():
            document[key] = plain if key in document else _explained(key, plain)
        text = tomlkit.dumps(document)
        means = Settings.from_plain(tomllib.loads(text))[0]
    except (TOMLKitError, OSError, ValueError, TypeError, AttributeError, RecursionError):
        log.debug("cannot edit %s", path, exc_info=True)
        return None
    return text if means == settings else None


def _fresh(settings: Settings) -> str:
    """A new file with what differs from the defaults."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment(HEADER))
    for key, plain in settings.as_plain().items():
        if getattr(settings, key) != ENTRIES[key].default:
            document[key] = _explained(key, plain)
    return tomlkit.dumps(document)


def _explained(key: str, plain: Plain) -> Any:
    """A value with what the setting does behind it, for tomlkit."""
    import tomlkit

    return tomlkit.item(plain).comment(help_of(ENTRIES[key]))


def _create_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SharpCamError(
            f"cannot make the folder {folder}: {error.strerror or error}",
            "check whose folder it is, and the free space",
        ) from error


def _back_up(path: Path) -> None:
    """Keep what we do not understand.

    Raises:
        SharpCamError: it cannot be copied; then it must not be overwritten either.
    """
    copy = path.with_name(path.name + ".bak")
    try:
        if path.is_file():
            with replacing(copy) as partial:
                shutil.copyfile(path, partial)
            log.warning("%s has faults: it is kept as %s", path, copy.name)
    except OSError as error:
        raise SharpCamError(
            f"cannot keep a copy of {path}: {error.strerror or error}", "check the free space"
        ) from error
