"""Linux's devices from a made-up sysfs: real folders, files and symbolic links."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from cv2_enumerate_cameras.camera_info import CameraInfo as Found
from fakes import until

from sharpcam.system import CameraInfo, VirtualCameraInfo, VirtualCameraUse, libpipewire, linux
from sharpcam.system.processes import Process

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows allows symbolic links to developers only"
)

USB = "pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0"


class FakeDevices:
    """A sysfs below a folder, and what cv2_enumerate_cameras lists."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sysfs = root / "class" / "video4linux"
        self.sysfs.mkdir(parents=True)
        self.found: list[Found] = []
        self.asked: list[int] = []

    def enumerate_cameras(self, backend: int = cv2.CAP_ANY) -> list[Found]:
        self.asked.append(backend)
        return list(self.found)

    def add(
        self, node: str, label: bytes | None, *, parent: str = USB, capture: bool = True
    ) -> Path:
        """A device as the kernel shows it; `capture`: programs see a camera in it."""
        device = self.root / "devices" / parent / "video4linux" / node
        device.mkdir(parents=True)
        if label is not None:
            (device / "name").write_bytes(label)
        (self.sysfs / node).symlink_to(Path("../../devices") / parent / "video4linux" / node)
        if capture:
            name = (label or b"").decode(errors="replace").strip()
            vid, pid = (0x046D, 0x0825) if parent == USB else (None, None)
            index = int(node.removeprefix("video"))
            self.found.append(Found(index, name, f"/dev/{node}", vid, pid, cv2.CAP_V4L2))
        return device

    def add_virtual(self, node: str, label: bytes | None, *, capture: bool = True) -> Path:
        """A device of v4l2loopback; with exclusive_caps it is no camera until it is fed."""
        return self.add(node, label, parent="virtual", capture=capture)


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDevices:
    """A machine without any device, and without PipeWire."""
    fake = FakeDevices(tmp_path)
    monkeypatch.setattr(libpipewire, "available", lambda: False)
    monkeypatch.setattr(linux, "SYSFS", fake.sysfs)
    monkeypatch.setattr(linux, "enumerate_cameras", fake.enumerate_cameras)
    return fake


def loopback(number: int, name: str, foreign: bool = False) -> VirtualCameraInfo:
    return VirtualCameraInfo("sharpcam-v4l2loopback", f"/dev/video{number}", name, foreign)


def test_physical_and_virtual_cameras_are_told_apart(devices: FakeDevices) -> None:
    devices.add("video0", b"Logitech C270\n")
    devices.add_virtual("video10", b"SharpCam\n")
    assert linux.cameras() == [
        CameraInfo(0, "Logitech C270", "/dev/video0", "046d:0825", cv2.CAP_V4L2)
    ]
    assert linux.virtual_cameras() == [loopback(10, "SharpCam")]
    assert set(devices.asked) == {cv2.CAP_V4L2}


def test_a_virtual_camera_that_nobody_feeds_can_be_written(devices: FakeDevices) -> None:
    devices.add_virtual("video10", b"SharpCam\n", capture=False)
    assert linux.cameras() == []
    assert linux.virtual_cameras() == [loopback(10, "SharpCam")]


def test_ours_comes_first_then_unlabelled_ones_then_other_products(devices: FakeDevices) -> None:
    for node, label in (
        *(("video10", b"OBS Cam\n"), ("video2", b"Dummy video device (0x0000)\n")),
        *(("video11", b"SharpCam\n"), ("video9", b"sharpcam\n")),
    ):
        devices.add_virtual(node, label)
    devices.add_virtual("video12", None)
    assert linux.virtual_cameras() == [
        loopback(11, "SharpCam"),
        loopback(2, "Dummy video device (0x0000)"),
        loopback(9, "sharpcam"),
        loopback(12, "video12"),
        loopback(10, "OBS Cam", foreign=True),
    ]


def test_pipewire_comes_after_every_device_of_ours(
    devices: FakeDevices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libpipewire, "available", lambda: True)
    node = VirtualCameraInfo("pipewire", "SharpCam", "SharpCam")
    assert linux.virtual_cameras() == [node]
    devices.add_virtual("video10", b"OBS Virtual Camera\n")
    devices.add_virtual("video11", b"SharpCam\n")
    other = loopback(10, "OBS Virtual Camera", foreign=True)
    assert linux.virtual_cameras() == [loopback(11, "SharpCam"), node, other]


def test_cameras_are_sorted_by_number(devices: FakeDevices) -> None:
    for number in (10, 2, 0):
        devices.add(f"video{number}", b"Cam\n", parent=f"{USB}/{number}")
    assert [camera.index for camera in linux.cameras()] == [0, 2, 10]


def test_a_physical_camera_may_have_any_name(devices: FakeDevices) -> None:
    devices.add("video0", b"Virtual SharpCam\n")
    assert [camera.name for camera in linux.cameras()] == ["Virtual SharpCam"]
    assert linux.virtual_cameras() == []


@pytest.mark.parametrize("label", [None, b"", b"\n"])
def test_a_virtual_camera_without_a_label_has_its_nodes_name(
    devices: FakeDevices, label: bytes | None
) -> None:
    devices.add_virtual("video7", label)
    assert linux.virtual_cameras() == [loopback(7, "video7")]


def test_a_label_that_is_no_text_is_shown_as_well_as_it_can_be(devices: FakeDevices) -> None:
    devices.add_virtual("video7", b"Cam\xe9ra\n")
    known = "Cam\N{REPLACEMENT CHARACTER}ra"
    assert linux.virtual_cameras() == [loopback(7, known, foreign=True)]


def test_other_kinds_of_nodes_are_no_cameras(devices: FakeDevices) -> None:
    devices.add("v4l-subdev0", b"sensor\n", parent="virtual", capture=False)
    devices.add("vbi0", b"teletext\n", parent="virtual", capture=False)
    assert linux.virtual_cameras() == []


def test_a_node_that_just_went_away_is_no_virtual_camera(devices: FakeDevices) -> None:
    (devices.sysfs / "video5").symlink_to(devices.root / "devices" / USB / "video5")
    assert linux.virtual_cameras() == []


def test_a_camera_is_known_again_by_its_usb_id_and_port(devices: FakeDevices) -> None:
    interface = devices.add("video4", b"Logitech C270\n").parent.parent
    (interface / "video4linux" / "video4" / "device").symlink_to(interface)
    (camera,) = linux.cameras()
    assert linux.stable_id(camera) == "046d:0825 1-2:1.0"
    assert linux.stable_id(CameraInfo(5, "Acme", "/dev/video5")) == "/dev/video5"
    assert linux.stable_id(CameraInfo(5, "Acme")) == ""


def test_a_camera_that_is_no_device_offers_nothing_and_is_in_no_use() -> None:
    assert linux.formats_of(CameraInfo(5, "camera 5")) == ()
    for device in (None, "SharpCam"):
        camera = VirtualCameraInfo("pipewire", device, "SharpCam")
        assert linux.use_of(camera).watchers is None
        assert linux.holder_of(camera) == ""


def test_programs_that_have_a_virtual_camera_open_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def openers_of(path: str) -> list[Process]:
        asked.append(path)
        return [Process(7, "zoom"), Process(8, "python", is_sharpcam=True), Process(9, "obs")]

    monkeypatch.setattr(linux, "openers_of", openers_of)
    use = linux.use_of(loopback(10, "SharpCam"))
    assert use == VirtualCameraUse(2, ("zoom (process 7)", "obs (process 9)"))
    assert asked == ["/dev/video10"]
    assert linux.holder_of(loopback(10, "SharpCam")) == (
        "open in zoom (process 7), obs (process 9): end whichever feeds it"
    )


@pytest.mark.parametrize("display", [None, ""])
def test_without_a_display_there_is_no_screen(
    monkeypatch: pytest.MonkeyPatch, display: str | None
) -> None:
    if display is None:
        monkeypatch.delenv("DISPLAY", raising=False)
    else:
        monkeypatch.setenv("DISPLAY", display)
    assert linux.has_screen() is False


@pytest.mark.parametrize("display", [":4242", "nonsense", "no.such.host.invalid:0"])
def test_a_display_where_nobody_answers_is_no_screen(
    monkeypatch: pytest.MonkeyPatch, display: str
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    assert linux.has_screen() is False


def test_a_display_that_answers_is_a_screen_and_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class FakeDisplay:
        def close(self) -> None:
            closed.append(self)

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(linux, "Display", FakeDisplay)
    assert linux.has_screen() is True
    assert len(closed) == 1


def test_a_server_that_begins_anew_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Reset:
        def __init__(self) -> None:
            asked.append(self)
            if len(asked) == 1:
                raise linux.ConnectionClosedError("server")

        def close(self) -> None:
            pass

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(linux, "Display", Reset)
    assert linux.has_screen() is True
    assert len(asked) == 2


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
def test_who_else_has_a_device_open_is_told_by_name(tmp_path: Path) -> None:
    device, other = tmp_path / "video0", tmp_path / "video1"
    for path in (device, other):
        path.touch()
    with device.open(), other.open() as theirs:  # our own use does not count
        assert linux.users_of(str(device)) == []
        with subprocess.Popen(["sleep", "60"], stdin=theirs) as process:
            try:
                until(lambda: linux.users_of(str(other)) == ["sleep"], lambda: "nobody")
                assert linux.users_of(str(device)) == []
            finally:
                process.kill()
    assert linux.users_of(str(other)) == []
