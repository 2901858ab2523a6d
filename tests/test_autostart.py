"""Start at login: real files on Linux, stand-ins for the registry and macOS' folders."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_home import move_in

from sharpcam.cli import main
from sharpcam.errors import SharpCamError
from sharpcam.session import (
    autostart,
    autostart_linux,
    autostart_macos,
    autostart_windows,
)

AWKWARD = ['/opt/my apps/$HOME `x` "q" \\ 100%/sharp\'cam', "-v", "", "%f", "a;b", "ü", "~", "#"]


class FakeRegistry(ModuleType):
    """winreg with one user's keys; refuses to be written when told to."""

    HKEY_CURRENT_USER, REG_SZ, REG_BINARY, KEY_SET_VALUE = 1, 1, 3, 2

    def __init__(self) -> None:
        super().__init__("winreg")
        self.keys: dict[str, dict[str, Any]] = {}
        self.locked = False
        self.forgets = False

    @contextmanager
    def OpenKey(  # noqa: N802
        self, root: int, path: str, reserved: int = 0, access: int = 1
    ) -> Iterator[str]:
        assert root == self.HKEY_CURRENT_USER
        if path not in self.keys:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        if self.locked and access == self.KEY_SET_VALUE:
            raise PermissionError(13, "Access is denied")
        yield path

    @contextmanager
    def CreateKey(self, root: int, path: str) -> Iterator[str]:  # noqa: N802
        assert root == self.HKEY_CURRENT_USER
        if self.locked:
            raise PermissionError(13, "Access is denied")
        self.keys.setdefault(path, {})
        yield path

    def SetValueEx(self, key: str, name: str, _: int, kind: int, value: str) -> None:  # noqa: N802
        assert kind == self.REG_SZ
        if not self.forgets:
            self.keys[key][name] = value

    def QueryValueEx(self, key: str, name: str) -> tuple[Any, int]:  # noqa: N802
        if name not in self.keys[key]:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return self.keys[key][name], self.REG_SZ

    def DeleteValue(self, key: str, name: str) -> None:  # noqa: N802
        if name not in self.keys[key]:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        del self.keys[key][name]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    move_in(monkeypatch, tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake = FakeRegistry()
    monkeypatch.setitem(sys.modules, "winreg", fake)
    return fake


@pytest.fixture(params=[autostart_linux, autostart_macos, autostart_windows])
def host(
    request: pytest.FixtureRequest, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """The command line's system is each of the three in turn."""
    module: ModuleType = request.param
    monkeypatch.setattr(autostart, "_host", module)
    return module


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = main(["autostart", *arguments])
    out, err = capsys.readouterr()
    return str(out) if code == 0 else str(err)


# What all systems do


def test_on_off_and_status_tell_how_it_is(
    host: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    off = "SharpCam does not start at login\n"
    on = f"SharpCam starts at login: {autostart.quoted(autostart.own_command())}\n"
    assert said(capsys, "status") == off
    assert said(capsys, "on") == on
    assert said(capsys, "on") == on
    assert said(capsys, "status") == on
    assert said(capsys, "off") == off
    assert said(capsys, "off") == off


def test_what_is_registered_is_read_back_as_it_was(host: ModuleType) -> None:
    host.register(AWKWARD)
    assert host.registered() == host.quoted(AWKWARD)


def test_another_sharpcam_is_told_and_replaced(
    host: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    host.register(["/gone/bin/sharpcam"])
    assert "/gone/bin/sharpcam, which is not this one" in said(capsys, "status")
    assert "not this one" not in said(capsys, "on")


def test_the_command_is_the_installed_sharpcam_of_this_python() -> None:
    command = autostart.own_command()
    assert Path(command[0]).is_absolute()
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("sharpcam ")


def test_without_the_script_it_is_the_module(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert autostart.own_command() == [sys.executable, "-m", "sharpcam"]
    (tmp_path / "sharpcam").write_text("")
    assert autostart.own_command() == [str(tmp_path / "sharpcam")]
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python.exe"))
    (tmp_path / "pythonw.exe").write_text("")
    assert autostart.own_command() == [str(tmp_path / "pythonw.exe"), "-m", "sharpcam"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert autostart.own_command() == [str(tmp_path / "python.exe")]
    (tmp_path / "sharpcamw.exe").write_text("")
    assert autostart.own_command() == [str(tmp_path / "sharpcamw.exe")]


# Linux


def entry_path(home: Path) -> Path:
    return home / "config" / "autostart" / "sharpcam.desktop"


@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="no desktop-file-validate")
def test_linux_the_entry_is_valid(home: Path) -> None:
    for command in (["/usr/bin/sharpcam"], AWKWARD):
        autostart_linux.register(command)
        done = subprocess.run(
            ["desktop-file-validate", str(entry_path(home))], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(not shutil.which("gio"), reason="no gio to start a desktop entry with")
def test_linux_the_desktop_starts_exactly_this_command(home: Path) -> None:
    # GLib looks for the program before it takes %% for %.
    folder = home / AWKWARD[0].replace("/", " ").replace("%", "")
    folder.mkdir()
    program, told = folder / "sharp cam", home / "told"
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"open({str(told)!r} + '.part', 'w').write(json.dumps(sys.argv))\n"
        f"os.rename({str(told)!r} + '.part', {str(told)!r})\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    command = [str(program), *(word for word in AWKWARD[1:] if word)]  # GLib drops empty words
    autostart_linux.register(command)
    subprocess.run(["gio", "launch", str(entry_path(home))], check=True, env=dict(os.environ))
    end = time.monotonic() + 60
    while not told.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    assert json.loads(told.read_text()) == command


@given(st.lists(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])), min_size=1))
def test_linux_any_printable_words_survive_the_quoting(words: list[str]) -> None:
    words = ["".join(letter for letter in word if letter.isprintable()) for word in words]
    assert taken_apart(autostart_linux.quoted(words)) == words


def taken_apart(value: str) -> list[str]:
    """What the desktop entry specification says a launcher makes of a value of Exec."""
    text = value.replace("\\\\", "\\")  # the escapes of a string value; of others there are none
    words, word, inside, letters = [], "", False, iter(text)
    for letter in letters:
        if inside and letter == "\\":
            word += next(letters)
        elif letter == '"':
            inside = not inside
        elif letter == " " and not inside:
            words.append(word)
            word = ""
        else:
            word += letter
    return [each.replace("%%", "%") for each in (*words, word)]


def test_linux_a_line_break_is_refused(home: Path) -> None:
    with pytest.raises(SharpCamError, match="cannot start"):
        autostart_linux.register(["/opt/a\nExec=evil"])
    assert not entry_path(home).exists()


@pytest.mark.parametrize("switch", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_linux_what_the_desktop_switched_off_is_off(home: Path, switch: str) -> None:
    autostart_linux.register(["/usr/bin/sharpcam"])
    with entry_path(home).open("a") as file:
        file.write(switch + "\n")
    assert autostart_linux.registered() is None
    autostart_linux.register(["/usr/bin/sharpcam"])
    assert autostart_linux.registered() == "/usr/bin/sharpcam"


def test_linux_a_folder_that_cannot_be_made_is_said(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autostart, "_host", autostart_linux)
    (home / "config").write_text("")
    text = said(capsys, "on")
    assert "cannot make the folder" in text
    assert "hint: " in text


# macOS


def test_macos_the_agent_starts_the_command_in_a_session_with_a_screen(home: Path) -> None:
    autostart_macos.register(AWKWARD)
    path = home / "Library" / "LaunchAgents" / "io.github.sharpcam.plist"
    assert plistlib.loads(path.read_bytes()) == {
        "Label": "io.github.sharpcam",
        "ProgramArguments": AWKWARD,
        "RunAtLoad": True,
        "LimitLoadToSessionType": "Aqua",
        "ProcessType": "Interactive",
    }


@pytest.mark.parametrize("damage", [b"", b"<plist>", b"bplist00\xff", plistlib.dumps([])])
def test_macos_a_damaged_agent_is_off(home: Path, damage: bytes) -> None:
    autostart_macos.register(["/usr/local/bin/sharpcam"])
    path = home / "Library" / "LaunchAgents" / "io.github.sharpcam.plist"
    path.write_bytes(damage)
    assert autostart_macos.registered() is None


# Windows


def test_windows_the_value_is_a_command_line(registry: FakeRegistry) -> None:
    autostart_windows.register([r"C:\Program Files\SharpCam\pythonw.exe", "-m", "sharpcam"])
    assert registry.keys[autostart_windows.RUN] == {
        "SharpCam": r'"C:\Program Files\SharpCam\pythonw.exe" -m sharpcam'
    }


def test_windows_what_task_manager_switched_off_is_off_until_on(registry: FakeRegistry) -> None:
    autostart_windows.register(["sharpcam.exe"])
    approved = registry.keys.setdefault(autostart_windows.APPROVED, {})
    approved["SharpCam"] = b"\x02" + bytes(11)
    assert autostart_windows.registered() == "sharpcam.exe"
    approved["SharpCam"] = b"\x03" + bytes(11)
    assert autostart_windows.registered() is None
    autostart_windows.register(["sharpcam.exe"])
    assert autostart_windows.registered() == "sharpcam.exe"
    assert approved == {}


def test_windows_refusals_are_said(
    registry: FakeRegistry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autostart, "_host", autostart_windows)
    registry.forgets = True
    assert "did not keep" in said(capsys, "on")
    registry.forgets = False
    said(capsys, "on")
    registry.locked = True
    for switch in ("on", "off"):
        assert "does not let us change what starts at login: Access is denied" in said(
            capsys, switch
        )


def test_windows_a_command_that_would_be_cut_is_refused(registry: FakeRegistry) -> None:
    with pytest.raises(SharpCamError, match="longer than 260"):
        autostart_windows.register(["C:\\" + "x" * 300])
    assert registry.keys == {}
