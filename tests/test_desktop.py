"""What the three desktops have in common, and how files are shown."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import until

from sharpcam.session import desktop, desktop_linux, desktop_macos, desktop_windows


def test_every_system_has_the_same_names() -> None:
    for name in (*desktop.__all__,):
        for system in (desktop_linux, desktop_macos, desktop_windows):
            assert hasattr(system, name), (system, name)
    assert desktop_macos.TRAY_ON_MAIN_THREAD
    assert not desktop_windows.MENU_ANY_TIME


def test_on_linux_the_desktop_opens_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "xdg-open"
    tool.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    desktop_linux.open_file(Path("/a log.txt"))
    until(lambda: (tmp_path / "opened").exists() and (tmp_path / "opened").read_text())
    assert (tmp_path / "opened").read_text() == "/a log.txt\n"


def test_without_a_program_for_it_that_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="xdg-open"):
        desktop_linux.open_file(Path("/a log.txt"))


def test_on_macos_changes_go_to_the_main_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[Any] = []
    helper = SimpleNamespace(callAfter=handed.append)
    monkeypatch.setattr(desktop_macos, "import_module", lambda name: helper)
    done: list[str] = []
    desktop_macos.on_ui_thread(lambda: done.append("done"))
    assert done == []
    handed[0]()
    assert done == ["done"]


def test_on_macos_open_shows_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: ran.append(command))
    desktop_macos.open_file(Path("/a log.txt"))
    assert ran == [["open", str(Path("/a log.txt"))]]


def test_on_windows_the_shell_shows_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(desktop_windows.os, "startfile", shown.append, raising=False)
    desktop_windows.open_file(Path("log.txt"))
    desktop_windows.on_ui_thread(lambda: shown.append(Path("at once")))
    assert shown == [Path("log.txt"), Path("at once")]
