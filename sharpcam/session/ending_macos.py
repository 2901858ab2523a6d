"""The end of the session on macOS: the application is told to terminate, and exits right after
that, without going back to Python."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

log = logging.getLogger(__name__)


class TerminationWatch:
    """A context manager. `end` is called on the main thread, from the tray's event loop."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._center: Any = None
        self._observer: Any = None

    def __enter__(self) -> TerminationWatch:
        try:
            appkit = import_module("AppKit")  # of pyobjc-framework-Cocoa
        except ImportError as error:
            log.info("the session's end is not noticed: %s", error)
            return self
        self._center = appkit.NSNotificationCenter.defaultCenter()
        self._observer = self._center.addObserverForName_object_queue_usingBlock_(
            appkit.NSApplicationWillTerminateNotification, None, None, self._told
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._center:
            self._center.removeObserver_(self._observer)

    def _told(self, _notification: object) -> None:
        try:
            self._end()
        except Exception:
            log.exception("at the session's end")  # an exception in a block ends the process
