"""Opening what was chosen: the camera where it is now, a file, the virtual cameras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from clips import write_clip

from sharpcam import opening, system
from sharpcam.choose import SourceChoice, choose_source
from sharpcam.errors import SharpCamError
from sharpcam.opening import found_again, open_source, open_virtual_cameras
from sharpcam.sink import StreamFormat
from sharpcam.system import CameraInfo, VirtualCameraInfo

LOGI = CameraInfo(0, "Logitech C270", "/dev/video0", "046d:0825", cv2.CAP_V4L2)
ACME = CameraInfo(2, "ACME HD Webcam", "/dev/video2", "", cv2.CAP_V4L2)
ACME_PRO = CameraInfo(4, "ACME HD", "/dev/video4", "", cv2.CAP_V4L2)
OURS = VirtualCameraInfo("sharpcam-v4l2loopback", "/dev/video10", "SharpCam")
NODE = VirtualCameraInfo("pipewire", "SharpCam", "SharpCam")
SIZE, FPS = (640, 480), 30.0


class FakeSystem:
    """The devices of a machine; none until a test plugs some in."""

    def __init__(self) -> None:
        self.cameras: list[CameraInfo] = []
        self.virtual: list[VirtualCameraInfo] = []


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    fake = FakeSystem()
    monkeypatch.setattr(system, "cameras", lambda: list(fake.cameras))
    monkeypatch.setattr(system, "virtual_cameras", lambda: list(fake.virtual))
    return fake


def test_a_camera_is_opened_where_it_is_now(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "CameraSource", lambda *asked: asked)
    machine.cameras = [LOGI]
    choice = choose_source("Logitech")
    machine.cameras = [replace(ACME, index=0), replace(LOGI, index=5, path="/dev/video5")]
    assert open_source(choice, SIZE, FPS) == (machine.cameras[1], SIZE, FPS)
    machine.cameras = [ACME]
    with pytest.raises(SharpCamError, match="unplugged: Logitech C270"):
        open_source(choice, SIZE, FPS)


def test_a_file_is_opened_as_a_camera_or_as_a_file(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", frames=3, size=(64, 48))
    choice = SourceChoice(file=path, name="clip.mkv")
    for live in (True, False):
        source = open_source(choice, SIZE, FPS, live=live)
        assert (source.name, source.live) == ("clip.mkv", live)
        source.close()


def test_of_each_kind_the_best_virtual_camera_is_opened(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "VirtualCameraSink", lambda stream, candidates: candidates)
    machine.virtual = [OURS, NODE]
    stream = StreamFormat(*SIZE, FPS)
    assert list(open_virtual_cameras(stream, ("auto",))) == [[OURS, NODE]]
    assert list(open_virtual_cameras(stream, ("pipewire", "loopback"))) == [[NODE], [OURS]]


def test_a_camera_is_found_again_where_its_index_has_changed(machine: FakeSystem) -> None:
    machine.cameras = [replace(ACME, index=0, path="/dev/video0"), ACME_PRO]
    assert found_again(ACME) == machine.cameras[0]
    assert found_again(ACME_PRO) == ACME_PRO


def test_another_camera_is_never_taken_for_a_lost_one(machine: FakeSystem) -> None:
    machine.cameras = [replace(ACME, index=LOGI.index, path=LOGI.path)]
    with pytest.raises(SharpCamError, match="unplugged: Logitech C270"):
        found_again(LOGI)


def test_of_two_like_cameras_the_one_in_the_same_place_is_found_again(machine: FakeSystem) -> None:
    other = replace(LOGI, index=6, path="/dev/video6")
    machine.cameras = [other, LOGI]
    assert found_again(LOGI) == LOGI
    assert found_again(other) == other


def test_a_camera_that_was_never_listed_is_tried_as_it_is(machine: FakeSystem) -> None:
    machine.cameras = [LOGI]
    camera = choose_source("10").camera
    assert camera
    assert found_again(camera) is camera
