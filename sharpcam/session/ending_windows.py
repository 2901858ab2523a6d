"""The end of a console on Windows: its window is closed, the user logs off, the computer ends.

https://learn.microsoft.com/windows/console/handlerroutine. Programs with windows hear of a logoff
by WM_QUERYENDSESSION instead: that is the tray icon's, see `tray_backend.py`.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN = 2, 5, 6

# WINFUNCTYPE is on Windows only; elsewhere this module is tested against a stand-in.
_Handler = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)(ctypes.c_int, ctypes.c_ulong)


class ConsoleWatch:
    """A context manager. `end` is called in a thread that Windows makes; when it returns, or after
    five seconds, the process is ended."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._handler = _Handler(self._told)  # held here: Windows keeps a pointer to it

    def __enter__(self) -> ConsoleWatch:
        if not _kernel32().SetConsoleCtrlHandler(self._handler, True):
            log.info("the console's end is not noticed: there is none")  # as under pythonw
        return self

    def __exit__(self, *_: object) -> None:
        _kernel32().SetConsoleCtrlHandler(self._handler, False)

    def _told(self, event: int) -> int:
        if event not in (CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN):
            return 0  # Ctrl-C and Ctrl-Break are signals
        try:
            self._end()
        except Exception:
            log.exception("at the console's end")  # nothing may fly into Windows
        return 1


def _kernel32() -> Any:
    library = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]
    library.SetConsoleCtrlHandler.argtypes = _Handler, ctypes.c_int
    return library
