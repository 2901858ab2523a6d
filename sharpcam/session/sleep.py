"""Being told when this computer goes to sleep and wakes up.

Webcams that stay open over a sleep come back frozen or black, so the camera is let go before and
opened again afterwards.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

if sys.platform == "win32":
    from sharpcam.session import sleep_windows as _host
elif sys.platform == "darwin":
    from sharpcam.session import sleep_macos as _host
else:
    from sharpcam.session import sleep_linux as _host


class SleepWatch(Protocol):
    """Tells until it is closed."""

    def close(self) -> None: ...


def sleep_watch(on_sleep: Callable[[], None], on_wake: Callable[[], None]) -> SleepWatch:
    """Tell of sleep and wake from now on.

    Where the system cannot tell, nothing is told, and that is logged once.

    Args:
        on_sleep: called before the sleep; the computer waits for it for a few seconds at most.
        on_wake: called after it.

    Both are called from a thread of the system's or of the watch, on macOS from the main one, and
    only while the main thread runs the desktop's event loop.
    """
    return _host.watch(on_sleep, on_wake)


__all__ = ["SleepWatch", "sleep_watch"]
