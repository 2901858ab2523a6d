"""The log: a rotating file for what happens when nobody looks, and bugs with all that helps.

`start` is called once by the program that stays; short commands only speak to stderr. A program
without a console (pythonw) has no sys.stderr: then there is the file alone. A full disk or a folder
that cannot be written to costs the file, never the program, and is said once.
"""

from __future__ import annotations

import logging
import platform
import sys
import threading
from importlib import metadata
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from sharpcam import __version__
from sharpcam.paths import log_folder

log = logging.getLogger(__name__)

NAME = "sharpcam.log"
LARGEST_BYTES, KEPT = 1_000_000, 2
"""A file is put aside at this size, and so many old ones stay."""
FILE_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"
LIBRARIES = ("numpy", "opencv-python", "onnxruntime", "pyvirtualcam", "av", "pystray")


def start(level: str, path: Path | None = None) -> Path | None:
    """Log to the file from now on, and bugs of any thread too.

    Args:
        level: debug, info, warning or error, as in the settings.
        path: by default in this system's folder for logs.

    Returns:
        The file; None where there is none.
    """
    if path is None:
        folder = log_folder()
        path = folder / NAME if folder else None
    root = logging.getLogger()
    for handler in root.handlers:  # the console: as quiet as it was, whatever the file takes
        handler.setLevel(max(handler.level, root.level))
    if path is None:
        log.warning("no log file: this account has no home folder")
    else:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = PatientFileHandler(path)
        except OSError as error:
            log.warning("no log file: %s: %s", path, error.strerror or error)
            path = None
        else:
            file.setFormatter(logging.Formatter(FILE_FORMAT))
            root.addHandler(file)
    set_level(level)
    hooks = _Hooks(path)
    sys.excepthook = hooks.on_exception
    threading.excepthook = hooks.on_thread_exception
    log.info("%s", versions())
    return path


def set_level(level: str) -> None:
    """From now on log this level and above to the file; the console keeps its own."""
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, PatientFileHandler):
            handler.setLevel(level.upper())
    root.setLevel(min((handler.level for handler in root.handlers), default=logging.WARNING))


def versions() -> str:
    """What a report of a bug needs to know first, in one line."""
    known = [f"SharpCam {__version__}", f"Python {platform.python_version()}", platform.platform()]
    for name in LIBRARIES:
        try:
            known.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            known.append(f"no {name}")
    return ", ".join(known)


class PatientFileHandler(RotatingFileHandler):
    """Writes until it cannot; then says so to the other handlers and writes no more."""

    def __init__(self, path: Path) -> None:
        """Open it for appending.

        Raises:
            OSError: the file cannot be opened.
        """
        super().__init__(path, maxBytes=LARGEST_BYTES, backupCount=KEPT, encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Called inside of an `except`; a record that cannot be formatted costs only itself."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            logging.getLogger().removeHandler(self)
            log.warning("no log file from now on: %s", error.strerror or error)
        elif record.name != __name__:
            log.error("a line could not be logged: %r: %r", record.msg, error)


class _Hooks:
    """What Python calls when nobody caught an exception."""

    def __init__(self, path: Path | None) -> None:
        self._where = f"report this, with {path}" if path else "report this"

    def on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("a bug in %s; %s", versions(), self._where, exc_info=(kind, error, trace))

    def on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        error = args.exc_value or args.exc_type()
        name = args.thread.name if args.thread else "?"
        trace = args.exc_type, error, args.exc_traceback
        log.critical("a bug in thread %s of %s; %s", name, versions(), self._where, exc_info=trace)
