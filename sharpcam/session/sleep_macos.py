"""Sleep and wake on macOS: the shared workspace's notifications.

They come on the main thread, from the event loop that the tray runs there; the computer waits for
the call to return.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

log = logging.getLogger(__name__)


class WorkspaceWatch:
    """Two observers of the workspace's notification center."""

    def __init__(self, on_sleep: Callable[[], None], on_wake: Callable[[], None]) -> None:
        self._observers: list[Any] = []
        try:
            appkit = import_module("AppKit")  # of pyobjc-framework-Cocoa
        except ImportError as error:
            log.info("sleep is not noticed: %s", error)
            return
        self._center = appkit.NSWorkspace.sharedWorkspace().notificationCenter()
        for name, act in (
            (appkit.NSWorkspaceWillSleepNotification, on_sleep),
            (appkit.NSWorkspaceDidWakeNotification, on_wake),
        ):
            observer = self._center.addObserverForName_object_queue_usingBlock_(
                name, None, None, _block(act)
            )
            self._observers.append(observer)

    def close(self) -> None:
        for observer in self._observers:
            self._center.removeObserver_(observer)
        self._observers.clear()


def _block(act: Callable[[], None]) -> Callable[[object], None]:
    def told(_notification: object) -> None:
        try:
            act()
        except Exception:
            log.exception("on sleep or wake")  # an exception in a block ends the process

    return told


def watch(on_sleep: Callable[[], None], on_wake: Callable[[], None]) -> WorkspaceWatch:
    """See `sleep.sleep_watch`."""
    return WorkspaceWatch(on_sleep, on_wake)
