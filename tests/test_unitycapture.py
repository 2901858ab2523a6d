"""UnityCapture's registrations and its watch, on a made-up registry and made-up objects."""

from __future__ import annotations

import pytest
from fake_windows import FakeWindows

from sharpcam.system import VirtualCameraInfo, windows
from sharpcam.system.info import VirtualCameraUse
from sharpcam.system.named_objects import NamedObjects
from sharpcam.system.registry import Registry
from sharpcam.system.unitycapture import (
    SLOTS,
    Registration,
    UnityCaptureWatch,
    class_id,
    registrations,
    slot_of,
)


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> FakeWindows:
    """A bare system."""
    return FakeWindows(monkeypatch)


@pytest.mark.parametrize(
    ("slot", "bits", "last"),
    [(0, 64, "10"), (1, 64, "12"), (2, 64, "13"), (0, 32, "20"), (1, 32, "22"), (73, 64, "5A")],
)
def test_class_ids_leave_out_the_one_of_the_property_page(slot: int, bits: int, last: str) -> None:
    assert class_id(slot, bits) == rf"CLSID\{{5C2CD55C-92AD-4999-8666-912BD3E700{last}}}"


def test_every_registration_of_both_kinds_is_found(host: FakeWindows) -> None:
    host.register("VTuber Cam", slot=0, file=r"C:\vt\{}.dll")
    host.register("SharpCam ", slot=SLOTS - 1, bits=(64,), file=r"C:\sc\{}.dll")
    assert registrations(Registry()) == [
        Registration(0, "VTuber Cam", 64, r"C:\vt\64.dll"),
        Registration(SLOTS - 1, "SharpCam", 64, r"C:\sc\64.dll"),
        Registration(0, "VTuber Cam", 32, r"C:\vt\32.dll"),
    ]


def test_the_slot_is_the_one_that_a_64_bit_writer_takes(host: FakeWindows) -> None:
    assert slot_of("SharpCam", Registry()) is None
    host.register(slot=1, bits=(32,))
    assert slot_of("SharpCam", Registry()) is None
    host.register(slot=4, bits=(64,))
    host.register(slot=2, bits=(64,))
    assert slot_of("SharpCam", Registry()) == 2


def test_a_watch_is_for_a_registered_camera(host: FakeWindows) -> None:
    assert UnityCaptureWatch.of("SharpCam") is None
    host.register(slot=5)
    watch = UnityCaptureWatch.of("SharpCam")
    assert watch
    assert watch.slot == 5


def test_nobody_watches_before_a_program_has_opened_the_camera(host: FakeWindows) -> None:
    host.kernel32.events["UnityCapture_Want"] = True  # left from before
    assert UnityCaptureWatch(0).watchers() == 0


def test_a_reader_that_waits_for_its_first_writer_watches(host: FakeWindows) -> None:
    host.kernel32.mutexes.add("UnityCapture_Mutx")
    assert UnityCaptureWatch(0).watchers() == 1


def test_a_reader_that_asks_for_pictures_watches(host: FakeWindows) -> None:
    clock = Clock()
    watch = UnityCaptureWatch(0, clock=clock)
    host.kernel32.mutexes.add("UnityCapture_Mutx")
    host.kernel32.events["UnityCapture_Want"] = False
    assert watch.watchers() == 0
    host.kernel32.events["UnityCapture_Want"] = True
    assert watch.watchers() == 1
    clock.now += 0.5  # the writer took the next request
    assert watch.watchers() == 1
    clock.now += 0.6
    assert watch.watchers() == 0
    host.kernel32.events["UnityCapture_Want"] = True
    assert watch.watchers() == 1


def test_a_reader_that_went_away_watches_no_longer(host: FakeWindows) -> None:
    clock = Clock()
    watch = UnityCaptureWatch(0, clock=clock)
    host.kernel32.mutexes.add("UnityCapture_Mutx")
    host.kernel32.events["UnityCapture_Want"] = True
    assert watch.watchers() == 1
    host.kernel32.mutexes.clear()
    assert watch.watchers() == 0
    host.kernel32.mutexes.add("UnityCapture_Mutx")  # another one, that only looks
    assert watch.watchers() == 0


@pytest.mark.parametrize(("slot", "suffix"), [(0, ""), (1, "1"), (9, "9"), (10, ":"), (73, "y")])
def test_each_slot_has_objects_of_its_own(host: FakeWindows, slot: int, suffix: str) -> None:
    for other in ("", "1", "9", ":", "y"):
        if other != suffix:
            host.kernel32.mutexes.add(f"UnityCapture_Mutx{other}")
    assert UnityCaptureWatch(slot).watchers() == 0
    host.kernel32.mutexes.add(f"UnityCapture_Mutx{suffix}")
    host.kernel32.events[f"UnityCapture_Want{suffix}"] = True
    assert UnityCaptureWatch(slot).watchers() == 1


def test_a_question_leaves_no_handle_open(host: FakeWindows) -> None:
    watch = UnityCaptureWatch(0)
    host.kernel32.mutexes.add("UnityCapture_Mutx")
    host.kernel32.events["UnityCapture_Want"] = True
    for _ in range(3):
        watch.watchers()
    assert host.kernel32.handles == {}


def test_shared_memory_is_copied_and_let_go(host: FakeWindows) -> None:
    objects = NamedObjects()
    assert objects.shared_memory("Mem", 4) is None
    host.kernel32.memory["Mem"] = b"\1\0\3\4rest"
    assert objects.shared_memory("Mem", 4) == b"\1\0\3\4"
    assert (host.kernel32.handles, host.kernel32.views) == ({}, {})


# What `sharpcam devices` tells of it


def test_windows_asks_a_few_times_whether_the_camera_is_watched(
    host: FakeWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.register()
    ours = VirtualCameraInfo("unitycapture", "SharpCam", "SharpCam")
    slept: list[float] = []

    def reader_asks(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            host.kernel32.events["UnityCapture_Want"] = True

    monkeypatch.setattr(windows.time, "sleep", reader_asks)
    assert windows.use_of(ours) == VirtualCameraUse(0)
    slept.clear()
    host.kernel32.mutexes.add("UnityCapture_Mutx")
    host.kernel32.events["UnityCapture_Want"] = False
    assert windows.use_of(ours) == VirtualCameraUse(1)
    assert len(slept) == 3


def test_the_watch_counts_for_a_sink_that_cannot(host: FakeWindows) -> None:
    host.register()
    ours = VirtualCameraInfo("unitycapture", "SharpCam", "SharpCam")
    count = windows.watch_of(ours)
    assert count
    assert count() == 0
    host.kernel32.mutexes.add("UnityCapture_Mutx")
    assert count() == 1
    obs = VirtualCameraInfo("obs", "OBS Virtual Camera", "OBS Virtual Camera")
    assert windows.watch_of(obs) is None


def test_windows_cannot_tell_who_watches_the_camera_of_obs(host: FakeWindows) -> None:
    obs = VirtualCameraInfo("obs", "OBS Virtual Camera", "OBS Virtual Camera")
    gone = VirtualCameraInfo("unitycapture", "SharpCam", "SharpCam")
    assert windows.use_of(obs) == windows.use_of(gone) == VirtualCameraUse(None)


def test_windows_says_who_holds_the_camera_of_obs(
    host: FakeWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "run", host.run)
    obs = VirtualCameraInfo("obs", "OBS Virtual Camera", "OBS Virtual Camera")
    assert windows.holder_of(obs) == ""
    host.kernel32.memory["OBSVirtualCamVideo"] = bytes([0] * 8 + [2, 0, 0, 0])
    host.running["obs64.exe"] = 7
    assert (
        windows.holder_of(obs) == "obs64.exe (process 7) feeds it: choose Stop Virtual Camera there"
    )
    assert windows.holder_of(VirtualCameraInfo("unitycapture", "SharpCam", "SharpCam")) == ""
