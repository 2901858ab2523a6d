"""Who runs and who has a device open, from /proc: a made-up one and this machine's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fake_linux import FakeLinux

from sharpcam.system.processes import PROC, openers_of, processes

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="this system has no /proc"
)


@pytest.fixture
def linux(tmp_path: Path) -> FakeLinux:
    """A system without processes."""
    linux = FakeLinux(tmp_path)
    (tmp_path / "proc").mkdir()
    return linux


def test_processes_come_in_the_order_of_their_numbers(linux: FakeLinux) -> None:
    for name in ("init", "xdg-desktop-portal", "zoom"):
        linux.process(name)
    linux.write("/proc/meminfo", "MemTotal: 1 kB")
    found = list(processes(linux.root / "proc"))
    assert [process.name for process in found] == ["init", "xdg-desktop-por", "zoom"]
    assert [process.pid for process in found] == [100, 101, 102]


def test_a_process_that_ended_meanwhile_is_left_out(linux: FakeLinux) -> None:
    linux.process("zoom")
    (linux.root / "proc/7").mkdir()
    assert [process.name for process in processes(linux.root / "proc")] == ["zoom"]


@pytest.mark.parametrize(
    "words",
    [
        ("/usr/bin/python3", "/usr/bin/sharpcam", "run"),
        ("python", "-m", "sharpcam"),
        ("/opt/sharpcam/sharpcam",),
    ],
)
def test_sharpcam_is_known_by_its_command(linux: FakeLinux, words: tuple[str, ...]) -> None:
    linux.process("python3", *words)
    assert [process.is_sharpcam for process in processes(linux.root / "proc")] == [True]


def test_others_are_not_taken_for_sharpcam(linux: FakeLinux) -> None:
    linux.process("less", "less", "notes/sharpcam")
    linux.process("python", "python")
    linux.process("python", "python", "other.py", "sharpcam")
    linux.process("ffmpeg", "ffmpeg", "-i", "sharpcam.mp4")
    assert not any(process.is_sharpcam for process in processes(linux.root / "proc"))


def test_who_has_a_device_open_is_found(linux: FakeLinux) -> None:
    linux.process("zoom", opens=["/dev/video0"])
    linux.process("obs", opens=["/dev/video10", "/dev/video0"])
    linux.process("bash")
    users = openers_of("/dev/video0", linux.root / "proc")
    assert [str(user) for user in users] == ["zoom (process 100)", "obs (process 101)"]


def test_a_process_of_somebody_else_is_no_user(linux: FakeLinux) -> None:
    pid = linux.process("zoom", opens=["/dev/video0"])
    linux.remove(f"/proc/{pid}/fd/0")
    linux.remove(f"/proc/{pid}/fd/1")
    (linux.root / f"proc/{pid}/fd").rmdir()
    assert openers_of("/dev/video0", linux.root / "proc") == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_this_very_process_is_found_by_what_it_has_open(tmp_path: Path) -> None:
    path = tmp_path / "device"
    path.touch()
    assert openers_of(str(path)) == []
    with path.open("rb"):
        assert [user.pid for user in openers_of(str(path), PROC)] == [os.getpid()]
