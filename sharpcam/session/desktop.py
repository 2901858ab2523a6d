"""What the tray needs to know of this system's desktop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

if sys.platform == "win32":
    from sharpcam.session import desktop_windows as _host
elif sys.platform == "darwin":
    from sharpcam.session import desktop_macos as _host
else:
    from sharpcam.session import desktop_linux as _host

TRAY_BACKENDS: tuple[str, ...] = _host.TRAY_BACKENDS
"""pystray's names of the trays of this system, the best one first."""
TRAY_ON_MAIN_THREAD: bool = _host.TRAY_ON_MAIN_THREAD
"""Whether the system runs what is seen on the main thread only."""
MENU_ANY_TIME: bool = _host.MENU_ANY_TIME
"""Whether a menu may be replaced while it is open."""
TRAY_HINT: str = _host.TRAY_HINT
"""What to do where no tray icons are shown."""


def shows_tray_icons() -> bool | None:
    """Whether something here shows them; None where that cannot be told. Takes milliseconds."""
    return _host.shows_tray_icons()


def on_ui_thread(act: Callable[[], None]) -> None:
    """Have it done where this system wants what is seen to be changed; may be later."""
    _host.on_ui_thread(act)


def open_file(path: Path) -> None:
    """Show a file in the program that the desktop has for it.

    Raises:
        OSError: there is none.
    """
    _host.open_file(path)


__all__ = [
    "MENU_ANY_TIME",
    "TRAY_BACKENDS",
    "TRAY_HINT",
    "TRAY_ON_MAIN_THREAD",
    "on_ui_thread",
    "open_file",
    "shows_tray_icons",
]
