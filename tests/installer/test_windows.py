"""The Windows installer, packed here and run under Wine.

The program in it is a stand-in of a few files: PyInstaller makes Windows' programs on Windows only.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import wine
from wine import Keys, Windows

from installer.sources import version
from installer.windows import unitycapture
from installer.windows.setup import pack, removal_of
from sharpcam.errors import SharpCamError
from sharpcam.session.autostart_windows import RUN
from sharpcam.system.unitycapture import Registration, class_id, registrations

HOME = "Program Files/SharpCam"
LOCAL = r"machine\software\classes"
VIEWS = {64: LOCAL, 32: rf"{LOCAL}\wow6432node"}
FOREIGN = r"C:\Program Files\Other\UnityCaptureFilter{}.dll"


class RegistryOf:
    """sharpcam.system.registry.Registry over what Wine kept."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def value(self, hive: str, key: str, name: str = "", bits: int = 64) -> str | None:
        assert hive == "HKEY_CLASSES_ROOT"
        return self._keys.get(f"{VIEWS[bits]}\\{key}".lower(), {}).get(name.lower() or "@")


def cameras(windows: Windows) -> list[Registration]:
    """UnityCapture's cameras, as SharpCam finds them."""
    return registrations(RegistryOf(windows.keys()))


def ours(keys: Keys) -> set[str]:
    """Every key that tells of SharpCam."""
    return {
        key
        for key, values in keys.items()
        if "sharpcam" in f"{key} {values}".lower() and "\\muicache" not in key
    }


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    """A Windows in which another product has slots 0 and, for 32-bit programs, 1."""
    if why := wine.missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("wine")
    windows = Windows(folder / "prefix")
    lines = ["Windows Registry Editor Version 5.00"]
    for bits, slot in ((64, 0), (32, 0), (32, 1)):
        view = "Wow6432Node\\" if bits == 32 else ""
        key = rf"HKEY_LOCAL_MACHINE\Software\Classes\{view}{class_id(slot, bits)}"
        file = FOREIGN.format(bits).replace("\\", "\\\\")
        lines += ["", f"[{key}]", '@="Other Cam"', "", f"[{key}\\InprocServer32]", f'@="{file}"']
    (folder / "foreign.reg").write_text("\r\n".join(lines) + "\r\n")
    windows.run("regedit", "/S", folder / "foreign.reg")
    yield windows
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installer of stand-in files."""
    if why := wine.missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("program")
    program, libraries = folder / "program", folder / "unitycapture"
    (program / "_internal" / "assets").mkdir(parents=True)
    for name in ("sharpcam.exe", "sharpcamw.exe", "_internal/assets/$money.onnx"):
        (program / name).write_bytes(name.encode())
    libraries.mkdir()
    for name in unitycapture.pinned():
        (libraries / name).write_bytes(name.encode())
    return pack(program, libraries, folder / "dist")


@pytest.mark.slow
def test_it_installs_without_questions_and_leaves_nothing(windows: Windows, setup: Path) -> None:
    files, keys = windows.files(), windows.keys()
    others = cameras(windows)
    assert {(it.slot, it.bits) for it in others} == {(0, 64), (0, 32), (1, 32)}
    assert not ours(keys)

    windows.run(setup, "/S", "/AUTOSTART")
    assert windows.path(f"{HOME}/_internal/assets/$money.onnx").is_file()
    menu = windows.path("ProgramData/Microsoft/Windows/Start Menu/Programs/SharpCam.lnk")
    assert menu.is_file()
    after = windows.keys()
    assert after[f"user\\{RUN}".lower()]["sharpcam"] == (
        r'"C:\Program Files\SharpCam\sharpcamw.exe"'
    )
    entry = after[r"machine\software\microsoft\windows\currentversion\uninstall\sharpcam"]
    assert entry["displayversion"] == version()
    mine = [it for it in cameras(windows) if it.name == "SharpCam"]
    assert [(it.slot, it.bits) for it in mine] == [(2, 64), (2, 32)]
    assert mine[0].file == r"C:\Program Files\SharpCam\UnityCaptureFilter64.dll"
    assert [it for it in cameras(windows) if it.name != "SharpCam"] == others
    for bits, view in VIEWS.items():
        clsid = class_id(2, bits).removeprefix("CLSID\\")
        category = (
            rf"{view}\clsid\{{860bb310-5d01-11d0-bd3b-00a0c911ce86}}\instance\{clsid}".lower()
        )
        listed = after[category]
        assert (listed["friendlyname"], listed["clsid"]) == ("SharpCam", clsid)
        data = bytes.fromhex(listed["filterdata"].removeprefix("hex:").replace(",", ""))
        assert data == unitycapture.filter_data()

    windows.path(f"{HOME}/notes.txt").write_text("a person's own")
    windows.run(setup, "/S")  # an update
    assert [it for it in cameras(windows) if it.name == "SharpCam"] == mine

    windows.run(windows.path(f"{HOME}/uninstall.exe"), "/S")
    assert windows.path(f"{HOME}/notes.txt").is_file(), "what we did not bring is not ours to take"
    windows.path(f"{HOME}/notes.txt").unlink()
    windows.path(HOME).rmdir()
    assert cameras(windows) == others
    assert not ours(windows.keys())
    assert windows.files() == files


def test_nothing_is_registered_at_login_unless_asked(windows: Windows, setup: Path) -> None:
    windows.run(setup, "/S", r"/D=C:\Elsewhere")
    assert windows.path("Elsewhere/sharpcam.exe").is_file()
    assert "sharpcam" not in windows.keys().get(f"user\\{RUN}".lower(), {})
    windows.run(windows.path("Elsewhere/uninstall.exe"), "/S")
    assert not windows.path("Elsewhere").exists()


def test_only_the_pinned_files_are_taken(tmp_path: Path) -> None:
    for name, data in (("a.dll", b"one"), ("b.dll", b"two")):
        (tmp_path / name).write_bytes(data)
    pin = tmp_path / "pin.sha256"
    lines = (
        f"{hashlib.sha256(it).hexdigest()}  {n}\n"
        for n, it in (("a.dll", b"one"), ("b.dll", b"two"))
    )
    pin.write_text("# two files\n" + "".join(lines))
    unitycapture.check(tmp_path, pin)
    (tmp_path / "b.dll").write_bytes(b"another")
    with pytest.raises(SharpCamError, match=r"b\.dll is not the file that pin.sha256 names"):
        unitycapture.check(tmp_path, pin)
    (tmp_path / "a.dll").unlink()
    with pytest.raises(SharpCamError, match=r"a\.dll cannot be read"):
        unitycapture.check(tmp_path, pin)


def test_the_pins_name_both_kinds() -> None:
    assert sorted(unitycapture.pinned()) == ["UnityCaptureFilter32.dll", "UnityCaptureFilter64.dll"]
    assert all(len(digest) == 64 for digest in unitycapture.pinned().values())


def test_files_are_removed_before_their_folders(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c$.txt").touch()
    assert removal_of(tmp_path).splitlines() == [
        r'Delete "$INSTDIR\a\b\c$$.txt"',
        r'RMDir "$INSTDIR\a\b"',
        r'RMDir "$INSTDIR\a"',
    ]
