"""Windows's named events, mutexes and shared memory: what other programs of this login share."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SYNCHRONIZE = 0x00100000
FILE_MAP_READ = 0x0004
WAIT_OBJECT_0 = 0


class NamedObjects:
    """Looks at objects that others made; never makes one and keeps no handle, which would keep
    the object alive and look like a user of it."""

    def __init__(self) -> None:
        kernel32: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
        handle, number, flag = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int
        for name, result, *arguments in (
            ("OpenMutexW", handle, number, flag, ctypes.c_wchar_p),
            ("OpenEventW", handle, number, flag, ctypes.c_wchar_p),
            ("OpenFileMappingW", handle, number, flag, ctypes.c_wchar_p),
            ("WaitForSingleObject", number, handle, number),
            ("MapViewOfFile", handle, handle, number, number, number, ctypes.c_size_t),
            ("UnmapViewOfFile", flag, handle),
            ("CloseHandle", flag, handle),
        ):
            function = getattr(kernel32, name)
            function.restype, function.argtypes = result, arguments
        self._kernel32 = kernel32

    def has_mutex(self, name: str) -> bool:
        """Whether anybody has a mutex of this name."""
        with self._opened(self._kernel32.OpenMutexW, SYNCHRONIZE, name) as handle:
            return handle is not None

    def take_event(self, name: str) -> bool | None:
        """Whether an auto-reset event is set, which resets it; None where there is none."""
        with self._opened(self._kernel32.OpenEventW, SYNCHRONIZE, name) as handle:
            if handle is None:
                return None
            return bool(self._kernel32.WaitForSingleObject(handle, 0) == WAIT_OBJECT_0)

    def shared_memory(self, name: str, size: int) -> bytes | None:
        """The first bytes of a shared memory; None where there is none, empty where it may not be
        read."""
        with self._opened(self._kernel32.OpenFileMappingW, FILE_MAP_READ, name) as handle:
            if handle is None:
                return None
            view = self._kernel32.MapViewOfFile(handle, FILE_MAP_READ, 0, 0, size)
            if not view:
                return b""
            try:
                return ctypes.string_at(view, size)
            finally:
                self._kernel32.UnmapViewOfFile(view)

    @contextmanager
    def _opened(self, function: Any, access: int, name: str) -> Iterator[int | None]:
        handle = function(access, False, name)
        try:
            yield handle
        finally:
            if handle:
                self._kernel32.CloseHandle(handle)
