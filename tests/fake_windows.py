"""Made-up Windows systems, at the interfaces of the standard library: `winreg`, and the functions
of kernel32 as ctypes shows them."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sharpcam.check import Check
from sharpcam.system import CameraInfo, VirtualCameraInfo
from sharpcam.system.commands import Answer
from sharpcam.system.unitycapture import class_id
from sharpcam.system.windows_checks import WindowsHost, check_host

OURS = VirtualCameraInfo("unitycapture", "SharpCam", "SharpCam")
OBS_KEY = r"CLSID\{A3FCE0F5-3493-419F-958A-ABA1250EC20B}"
OBS_FILE = r"C:\Program Files\obs-studio\data\obs-plugins\win-dshow\obs-virtualcam-module64.dll"
FOLDER = r"C:\Program Files\SharpCam"


class FakeWinreg:
    """The module winreg, with keys and values in memory; names are compared without case."""

    HKEY_CLASSES_ROOT, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE = object(), object(), object()
    KEY_READ, KEY_WOW64_64KEY, KEY_WOW64_32KEY = 0x20019, 0x0100, 0x0200

    def __init__(self) -> None:
        self.found: dict[tuple[object, str, int], dict[str, str | int]] = {}
        self.open = 0

    def set(self, hive: str, key: str, name: str, value: str | int, bits: int = 64) -> None:
        view = self.KEY_WOW64_64KEY if bits == 64 else self.KEY_WOW64_32KEY
        values = self.found.setdefault((getattr(self, hive), key.lower(), view), {})
        values[name.lower()] = value

    @contextmanager
    def OpenKey(  # noqa: N802 - the interface's own name
        self, hive: object, key: str, reserved: int, access: int
    ) -> Iterator[tuple[object, str, int]]:
        assert reserved == 0
        assert access & self.KEY_READ == self.KEY_READ
        wanted = hive, key.lower(), access & ~self.KEY_READ
        known = any(each[0] == hive and each[2] == wanted[2] for each in self.found)
        inside = known and any(
            each[0] == hive and (each[1] + "\\").startswith(wanted[1] + "\\") for each in self.found
        )
        if not inside:
            raise FileNotFoundError(2, "The system cannot find the file specified", key)
        self.open += 1
        try:
            yield wanted
        finally:
            self.open -= 1

    def QueryValueEx(  # noqa: N802
        self, handle: tuple[object, str, int], name: str
    ) -> tuple[str | int, int]:
        values = self.found.get(handle, {})
        if name.lower() not in values:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return values[name.lower()], 1

    def EnumKey(self, handle: tuple[object, str, int], index: int) -> str:  # noqa: N802
        prefix = handle[1] + "\\"
        names = {
            key.removeprefix(prefix).split("\\")[0]
            for hive, key, view in self.found
            if (hive, view) == (handle[0], handle[2]) and key.startswith(prefix)
        }
        if index >= len(names):
            raise OSError(259, "No more data is available")
        return sorted(names)[index]


class FakeFunction:
    """One function of a library: it must have its types before it is called, or a handle would
    lose its upper half."""

    restype: object = ctypes.c_int
    argtypes: object = None

    def __init__(self, function: object) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        assert self.argtypes is not None
        assert len(arguments) == len(self.argtypes)  # type: ignore[arg-type]
        return self._function(*arguments)  # type: ignore[operator]


class FakeKernel32:
    """Mutexes, auto-reset events and shared memory by name, and the handles that are open."""

    SYNCHRONIZE, FILE_MAP_READ = 0x00100000, 0x0004

    def __init__(self) -> None:
        self.mutexes: set[str] = set()
        self.events: dict[str, bool] = {}
        self.memory: dict[str, bytes] = {}
        self.unreadable: set[str] = set()
        self.handles: dict[int, str] = {}
        self.views: dict[int, ctypes.Array[ctypes.c_char]] = {}
        self._next = 0x1_0000_0004  # handles and addresses may need more than 32 bits
        for name in (
            *("OpenMutexW", "OpenEventW", "OpenFileMappingW", "WaitForSingleObject"),
            *("MapViewOfFile", "UnmapViewOfFile", "CloseHandle"),
        ):
            setattr(self, name, FakeFunction(getattr(self, f"_{name}")))

    def _open(self, access: int, name: str, wanted: int, known: object) -> int | None:
        assert access == wanted
        if name not in known:  # type: ignore[operator]
            return None
        self._next += 4
        self.handles[self._next] = name
        return self._next

    def _OpenMutexW(self, access: int, inherit: bool, name: str) -> int | None:  # noqa: N802
        return self._open(access, name, self.SYNCHRONIZE, self.mutexes)

    def _OpenEventW(self, access: int, inherit: bool, name: str) -> int | None:  # noqa: N802
        return self._open(access, name, self.SYNCHRONIZE, self.events)

    def _OpenFileMappingW(self, access: int, inherit: bool, name: str) -> int | None:  # noqa: N802
        return self._open(access, name, self.FILE_MAP_READ, self.memory)

    def _WaitForSingleObject(self, handle: int, timeout_ms: int) -> int:  # noqa: N802
        assert timeout_ms == 0, "it would wait"
        name = self.handles[handle]
        was_set, self.events[name] = self.events[name], False
        return 0 if was_set else 0x102

    def _MapViewOfFile(  # noqa: N802
        self, handle: int, access: int, high: int, low: int, size: int
    ) -> int | None:
        name = self.handles[handle]
        if name in self.unreadable:
            return None
        assert size <= len(self.memory[name])
        view = ctypes.create_string_buffer(self.memory[name], len(self.memory[name]))
        self.views[ctypes.addressof(view)] = view
        return ctypes.addressof(view)

    def _UnmapViewOfFile(self, address: int) -> int:  # noqa: N802
        del self.views[address]
        return 1

    def _CloseHandle(self, handle: int) -> int:  # noqa: N802
        del self.handles[handle]
        return 1


class FakeWindows:
    """A system to register cameras in; bare at first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.winreg = FakeWinreg()
        self.kernel32 = FakeKernel32()
        self.files: set[str] = set()
        self.running: dict[str, int] = {}
        self.cameras = [CameraInfo(0, "Logitech C270", r"\\?\usb#vid_046d", "046d:0825", 700)]
        self.virtual: list[VirtualCameraInfo] = []

        def load(name: str, use_last_error: bool = False) -> FakeKernel32:
            assert name == "kernel32"
            return self.kernel32

        monkeypatch.setitem(sys.modules, "winreg", self.winreg)
        monkeypatch.setattr(ctypes, "WinDLL", load, raising=False)

    def register(
        self,
        name: str = "SharpCam",
        slot: int = 0,
        bits: tuple[int, ...] = (64, 32),
        file: str = FOLDER + r"\UnityCaptureFilter{}.dll",
    ) -> None:
        """What UnityCapture's library writes when regsvr32 loads it."""
        for each in bits:
            key = class_id(slot, each)
            path = file.format(each)
            self.winreg.set("HKEY_CLASSES_ROOT", key, "", name, each)
            self.winreg.set("HKEY_CLASSES_ROOT", rf"{key}\InprocServer32", "", path, each)
            self.files.add(path)

    def install_obs(self) -> None:
        key = rf"{OBS_KEY}\InprocServer32"
        self.winreg.set("HKEY_CLASSES_ROOT", key, "", OBS_FILE)
        self.files.add(OBS_FILE)

    def run(self, *command: str) -> Answer | None:
        assert command[0] == "tasklist"
        program = command[command.index("/FI") + 1].removeprefix("IMAGENAME eq ")
        if program not in self.running:
            return Answer(0, "INFO: No tasks are running which match the specified criteria.")
        row = f'"{program}","{self.running[program]}","Console","1","250,000 K"'
        return Answer(0, row)

    def checks(self) -> dict[str, Check]:
        """What the doctor finds, by name; nothing stays open."""
        host = WindowsHost(
            run=self.run, exists=lambda path: path in self.files, system="Windows-11-10.0.22631"
        )
        found = check_host(host, self.cameras, self.virtual)
        assert not self.kernel32.handles
        assert not self.kernel32.views
        assert self.winreg.open == 0
        by_name = {check.name: check for check in found}
        assert len(by_name) == len(found)
        return by_name
