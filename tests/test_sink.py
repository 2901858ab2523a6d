from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvirtualcam
from clips import gradient
from fakes import CountingVirtualCamera, FakeVirtualCamera, picture
from numpy.typing import NDArray

from sharpcam import system
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.sink import FileSink, NullSink, StreamFormat, VirtualCameraSink
from sharpcam.system import VIRTUAL_CAMERA_HINT, VirtualCameraInfo
from sharpcam.video import VideoReader, VideoTags

OURS = VirtualCameraInfo("fake", "/dev/video9", "SharpCam")
SMALL = StreamFormat(32, 16, 30.0)
CLIP = StreamFormat(64, 48, 25.0, VideoTags(colorspace=1))
OTHER = VirtualCameraInfo("fake-too", None, "OBS Virtual Camera")


class Refusing(FakeVirtualCamera):
    refuse = "/dev/video9: Permission\n denied"


class Breaking(FakeVirtualCamera):
    break_after = 2


@pytest.fixture
def backends() -> Iterator[dict[str, type]]:
    """pyvirtualcam's own register, as it was afterwards."""
    before = dict(pyvirtualcam.camera.BACKENDS)
    FakeVirtualCamera.opened = []
    pyvirtualcam.register_backend("fake", FakeVirtualCamera)
    pyvirtualcam.register_backend("fake-too", FakeVirtualCamera)
    yield pyvirtualcam.camera.BACKENDS
    pyvirtualcam.camera.BACKENDS.clear()
    pyvirtualcam.camera.BACKENDS.update(before)


def frame(index: int, size: tuple[int, int] = (32, 16)) -> Frame:
    return Frame(picture(index, size), index, float(index), index / 25)


def test_the_virtual_camera_gets_the_planes_untouched(backends: dict[str, type]) -> None:
    with VirtualCameraSink(SMALL, [OURS, OTHER]) as sink:
        for index in range(3):
            sink.send(frame(index), frame(100 + index))
        (camera,) = FakeVirtualCamera.opened
        assert camera.closed == 0
    assert sink.name == "SharpCam"
    assert (camera.width, camera.height, camera.rate) == (32, 16, 30.0)
    assert camera.name == "/dev/video9"
    assert camera.closed == 1
    for index, sent in enumerate(camera.frames):
        np.testing.assert_array_equal(sent.reshape(24, 32), picture(index))
    assert len(camera.frames) == 3


def test_the_next_virtual_camera_stands_in_for_one_that_refuses(
    backends: dict[str, type],
) -> None:
    backends["fake"] = Refusing
    with VirtualCameraSink(SMALL, [OURS, OTHER]) as sink:
        assert sink.name == "OBS Virtual Camera"


def test_when_all_refuse_each_of_them_is_quoted(backends: dict[str, type]) -> None:
    backends["fake"] = Refusing
    missing = VirtualCameraInfo("not-registered", None, "Nobody")
    with pytest.raises(SharpCamError) as caught:
        VirtualCameraSink(SMALL, [OURS, missing])
    assert "SharpCam: 'fake' backend: /dev/video9: Permission denied" in caught.value.message
    assert "Nobody" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint == VIRTUAL_CAMERA_HINT


def test_without_any_virtual_camera_the_hint_says_how_to_get_one() -> None:
    with pytest.raises(SharpCamError, match="none is installed") as caught:
        VirtualCameraSink(SMALL, [])
    assert caught.value.hint == VIRTUAL_CAMERA_HINT


def test_a_virtual_camera_that_breaks_is_an_error_and_is_closed(
    backends: dict[str, type],
) -> None:
    backends["fake"] = Breaking
    with VirtualCameraSink(SMALL, [OURS]) as sink:
        for index in range(2):
            sink.send(frame(index), frame(index))
        with pytest.raises(SharpCamError, match="takes no pictures any more"):
            sink.send(frame(2), frame(2))
    assert FakeVirtualCamera.opened[0].closed == 1


def test_our_own_backends_tell_how_many_watch_and_others_do_not(
    backends: dict[str, type], monkeypatch: pytest.MonkeyPatch
) -> None:
    backends["fake"] = CountingVirtualCamera
    with VirtualCameraSink(SMALL, [OURS]) as sink:
        assert sink.watchers() == 0
        monkeypatch.setattr(CountingVirtualCamera, "watching", 2)
        assert sink.watchers() == 2
    with VirtualCameraSink(SMALL, [OTHER]) as sink:
        assert sink.watchers() is None
    monkeypatch.setattr(system, "watch_of", lambda camera: lambda: len(camera.name))
    with VirtualCameraSink(SMALL, [OTHER]) as sink:
        assert sink.watchers() == len(OTHER.name)
    assert NullSink().watchers() is None


def smooth(index: int) -> Frame:
    """A frame that H.264 keeps to a grey level or two."""
    y = gradient(64, 48, index)[:, :, 0]
    chroma = np.full((24, 64), 128, np.uint8)
    return Frame(np.concatenate((y, chroma)), index, 0.0, 10.0 + index / 25)


def read(path: Path) -> list[tuple[NDArray[np.uint8], float]]:
    with VideoReader(path) as video:
        return list(video)


def test_a_file_keeps_the_pictures_and_their_times_from_zero(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with FileSink(path, CLIP) as sink:
        for index in (0, 1, 4):
            sink.send(smooth(index), smooth(9))
        assert not path.exists()  # not before it is whole
    with VideoReader(path) as video:
        assert video.tags.colorspace == 1  # as the source said
    frames = read(path)
    assert [seconds for _, seconds in frames] == pytest.approx([0, 0.04, 0.16], abs=1e-3)
    for (i420, _), index in zip(frames, (0, 1, 4), strict=True):
        assert np.abs(i420.astype(int) - smooth(index).i420).max() <= 4


def test_a_comparison_has_before_left_and_after_right(tmp_path: Path) -> None:
    path = tmp_path / "out.mkv"
    with FileSink(path, CLIP, compare=True) as sink:
        sink.send(smooth(8), smooth(0))
    ((i420, _),) = read(path)
    assert i420.shape == (72, 128)
    below_labels = slice(30, 48)
    left, right = i420[below_labels, 2:60].astype(int), i420[below_labels, 68:126].astype(int)
    assert np.abs(left - smooth(0).y[below_labels, 2:60]).mean() < 2
    assert np.abs(right - smooth(8).y[below_labels, 4:62]).mean() < 2


def test_a_run_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> None:
        with FileSink(tmp_path / "out.mp4", CLIP) as sink:
            sink.send(smooth(0), smooth(0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_nowhere_takes_everything() -> None:
    with NullSink() as sink:
        sink.send(frame(0), frame(0))
