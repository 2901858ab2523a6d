"""Sleep and wake on Windows: the power manager's callbacks, which carry the events of
WM_POWERBROADCAST without a window and its message loop.

https://learn.microsoft.com/windows/win32/api/powerbase/nf-powerbase-powerregistersuspendresumenotification
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

DEVICE_NOTIFY_CALLBACK = 2
PBT_APMSUSPEND, PBT_APMRESUMESUSPEND, PBT_APMRESUMEAUTOMATIC = 0x04, 0x07, 0x12

# WINFUNCTYPE is on Windows only; elsewhere this module is tested against a stand-in.
_Routine = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)(
    ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p
)


class Subscription(ctypes.Structure):
    """DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS."""

    _fields_ = [("callback", _Routine), ("context", ctypes.c_void_p)]


class PowerWatch:
    """Is called by a thread of the power manager's, which waits two seconds for a return."""

    def __init__(self, on_sleep: Callable[[], None], on_wake: Callable[[], None]) -> None:
        self._on_sleep, self._on_wake = on_sleep, on_wake
        self._asleep = False
        self._handle = ctypes.c_void_p()
        # Held here: Windows keeps pointers to both.
        self._subscription = Subscription(_Routine(self._told), None)
        self._library = _powrprof()
        error = self._library.PowerRegisterSuspendResumeNotification(
            DEVICE_NOTIFY_CALLBACK, ctypes.byref(self._subscription), ctypes.byref(self._handle)
        )
        if error:
            log.info("sleep is not noticed: Windows error %d", error)
            self._handle.value = None

    def close(self) -> None:
        if self._handle:
            self._library.PowerUnregisterSuspendResumeNotification(self._handle)
            self._handle.value = None

    def _told(self, _context: int | None, event: int, _setting: int | None) -> int:
        try:
            if event == PBT_APMSUSPEND and not self._asleep:
                self._asleep = True
                self._on_sleep()
            # The second one follows the first when a person woke it.
            elif event in (PBT_APMRESUMEAUTOMATIC, PBT_APMRESUMESUSPEND) and self._asleep:
                self._asleep = False
                self._on_wake()
        except Exception:
            log.exception("on power event %d", event)  # nothing may fly into Windows
        return 0


def watch(on_sleep: Callable[[], None], on_wake: Callable[[], None]) -> PowerWatch:
    """See `sleep.sleep_watch`."""
    return PowerWatch(on_sleep, on_wake)


def _powrprof() -> Any:
    library = ctypes.WinDLL("powrprof")  # type: ignore[attr-defined, unused-ignore]
    register = library.PowerRegisterSuspendResumeNotification
    register.argtypes = ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p
    register.restype = ctypes.c_ulong
    library.PowerUnregisterSuspendResumeNotification.argtypes = (ctypes.c_void_p,)
    return library
