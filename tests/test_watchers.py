"""0.12's fallback on a made-up /sys and /proc; the events of newer modules are in
test_v4l2loopback.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sharpcam.system.watchers import SCAN_SECONDS, SOON_SECONDS, ModuleUse

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows allows symbolic links to developers only"
)

OURS, OTHER = "/dev/video10", "/dev/video11"


class FakeHost:
    """The use count of a module with one device, and what processes have open."""

    def __init__(self, root: Path) -> None:
        self.sysfs, self.proc = root / "sys", root / "proc"
        (self.sysfs / "module" / "v4l2loopback").mkdir(parents=True)
        self.now = 100.0
        self.meanwhile: Callable[[], None] = lambda: None
        """What others do between the module's count and the look through the processes."""
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "uptime").touch()
        self.add_device("video10")
        self.uses(1)
        self.use = ModuleUse(OURS, sysfs=self.sysfs, proc=self.proc, clock=self.clock)

    def clock(self) -> float:
        self.meanwhile()
        return self.now

    def add_device(self, node: str, *, loopback: bool = True) -> None:
        folder = self.sysfs / "class" / "video4linux" / node
        folder.mkdir(parents=True)
        if loopback:
            (folder / "max_openers").write_text("10\n")

    def uses(self, count: int) -> None:
        (self.sysfs / "module" / "v4l2loopback" / "refcnt").write_text(f"{count}\n")

    def process(self, number: int, *opened: str) -> None:
        folder = self.proc / str(number) / "fd"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for index, path in enumerate(opened):
            (folder / str(index)).symlink_to(path)


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def test_our_own_use_is_nobody_watching(host: FakeHost) -> None:
    assert host.use.count() == 0


def test_with_one_device_everybody_else_is_a_reader(host: FakeHost) -> None:
    for uses in (2, 3, 2, 1):
        host.uses(uses)
        assert host.use.count() == uses - 1


def test_a_webcam_of_another_driver_is_no_second_device(host: FakeHost) -> None:
    host.add_device("video0", loopback=False)
    host.process(7, "/dev/video0", OURS)
    host.uses(2)
    assert host.use.count() == 1


def test_what_is_open_elsewhere_is_not_ours(host: FakeHost) -> None:
    host.add_device("video11")
    host.process(7, "/dev/null", OTHER, OTHER)
    host.process(8, OURS, "pipe:[1]")
    host.uses(4)  # we, two of process 7, one of process 8
    assert host.use.count() == 1


def test_what_cannot_be_seen_is_taken_for_a_reader(host: FakeHost) -> None:
    host.add_device("video11")
    host.process(7, OTHER)
    host.uses(3)
    assert host.use.count() == 1


def test_processes_are_looked_through_soon_after_a_change_and_seldom_without(
    host: FakeHost,
) -> None:
    host.add_device("video11")
    host.process(7, OTHER)
    host.uses(2)
    assert host.use.count() == 0
    host.process(7)
    host.process(8, OURS)  # one left and another came: the count is the same
    host.now += SCAN_SECONDS / 2
    assert host.use.count() == 0
    host.now += SCAN_SECONDS / 2
    assert host.use.count() == 1
    host.process(7, OTHER)
    host.uses(3)
    host.now += SOON_SECONDS / 2
    assert host.use.count() == 2  # too early: it may be ours
    host.now += SOON_SECONDS / 2
    assert host.use.count() == 1


def test_a_camera_closed_during_the_look_is_no_reader(host: FakeHost) -> None:
    host.add_device("video11")
    host.process(7, OTHER)
    host.uses(2)

    def close() -> None:
        host.process(7)
        host.uses(1)

    host.meanwhile = close
    assert host.use.count() == 0
    assert host.use.count() == 0


def test_when_nobody_is_left_that_is_known_at_once(host: FakeHost) -> None:
    host.add_device("video11")
    host.process(7, OURS)
    host.uses(2)
    assert host.use.count() == 1
    host.uses(1)
    assert host.use.count() == 0


def test_a_kernel_that_counts_nothing_cannot_tell(host: FakeHost) -> None:
    (host.sysfs / "module" / "v4l2loopback" / "refcnt").write_text("-\n")
    assert host.use.count() is None
    (host.sysfs / "module" / "v4l2loopback" / "refcnt").unlink()
    assert host.use.count() is None
