from __future__ import annotations

import errno
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvirtualcam
from fake_v4l2 import NODE, FakeKernel
from pyvirtualcam.util import encode_fourcc

from sharpcam import system
from sharpcam.frame import Frame
from sharpcam.sink import StreamFormat, VirtualCameraSink
from sharpcam.system import v4l2
from sharpcam.system.v4l2loopback import LoopbackCamera

I420 = encode_fourcc(pyvirtualcam.PixelFormat.I420.value)
YUYV = encode_fourcc(pyvirtualcam.PixelFormat.YUYV.value)
ALL = pytest.mark.parametrize("version", ["0.12.7", "0.13.2", "0.15.0"])
NEW = pytest.mark.parametrize("version", ["0.13.2", "0.15.0"])


def opened(kernel: FakeKernel, **changed: Any) -> LoopbackCamera:
    arguments: dict[str, Any] = {
        **{"width": 32, "height": 16, "fps": 30.0, "fourcc": I420, "device": NODE},
        **{"kernel": kernel, "sleep": lambda seconds: None},
    }
    return LoopbackCamera(**(arguments | changed))


def refusal(kernel: FakeKernel, **changed: Any) -> str:
    """What it says to not being opened; nothing may stay open."""
    with pytest.raises(OSError, match=" ") as caught:
        opened(kernel, **changed)
    assert kernel.descriptors == {}
    return str(caught.value)


@ALL
def test_frames_go_in_as_they_are(version: str) -> None:
    kernel = FakeKernel(version)
    camera = opened(kernel)
    frames = [np.full(32 * 24, index, np.uint8) for index in range(3)]
    for frame in frames:
        camera.send(frame)
    assert kernel.frames == [frame.tobytes() for frame in frames]
    assert camera.device() == NODE
    assert camera.native_fourcc() == I420
    camera.close()
    camera.close()
    assert kernel.descriptors == {}


@ALL
def test_the_writers_descriptor_is_opened_once(version: str) -> None:
    kernel = FakeKernel(version)
    camera = opened(kernel)
    before = dict(kernel.descriptors)
    camera.send(bytes(768))
    camera.watchers()
    assert kernel.descriptors == before
    assert len(before) == (1 if version == "0.12.7" else 2)  # newer ones are listened to


def test_yuyv_can_be_sent_too() -> None:
    settled: list[int] = []

    class Watched(FakeKernel):
        def _s_fmt(self, descriptor: int, data: v4l2.Format) -> None:
            settled.append(data.pixelformat)

    opened(Watched(), fourcc=YUYV)
    assert settled == [v4l2.fourcc("YUYV")]


def test_other_formats_and_a_device_without_a_name_are_refused() -> None:
    with pytest.raises(ValueError, match="only I420 and YUY2"):
        opened(FakeKernel(), fourcc=encode_fourcc("NV12"))
    assert "must be named" in refusal(FakeKernel(), device=None)


@pytest.mark.parametrize("fps", [30.0, 25.0, 29.97, 30000 / 1001, 7.5, 0.5])
def test_apps_are_told_the_frame_rate(fps: float) -> None:
    kernel = FakeKernel()
    opened(kernel, fps=fps)
    assert kernel.rate
    assert float(Fraction(kernel.rate[1], kernel.rate[0])) == pytest.approx(fps, rel=1e-4)


def test_a_rate_that_is_not_taken_is_no_error() -> None:
    kernel = FakeKernel(fail={"_s_parm": errno.EINVAL})
    opened(kernel).send(bytes(768))
    assert len(kernel.frames) == 1


def test_layouts_and_numbers_are_the_kernels() -> None:
    """As a C compiler has them from linux/videodev2.h on x86_64 and arm64."""
    assert [v4l2.QUERYCAP, v4l2.G_FMT, v4l2.S_FMT] == [0x80685600, 0xC0D05604, 0xC0D05605]
    assert [v4l2.STREAMON, v4l2.S_PARM] == [0x40045612, 0xC0CC5616]
    assert [v4l2.DQEVENT, v4l2.SUBSCRIBE_EVENT] == [0x80885659, 0x4020565A]
    assert [v4l2.Event.count.offset, v4l2.Event.pending.offset] == [8, 72]
    assert [v4l2.Format.width.offset, v4l2.StreamParameters.numerator.offset] == [8, 12]
    assert v4l2.CLIENT_USAGE == 0x10E00001


# What keeps it from opening


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENODEV, errno.ENXIO])
def test_a_device_that_is_not_there(number: int) -> None:
    assert refusal(FakeKernel(fail={"open": number})).startswith(f"{NODE} is not there")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no groups of files")
def test_without_permission_the_group_and_the_command_are_named(tmp_path: Path) -> None:
    node = tmp_path / "video10"
    node.touch()

    class Elsewhere(FakeKernel):
        def open(self, path: str) -> int:
            raise PermissionError(errno.EACCES, "Permission denied")

    said = refusal(Elsewhere(), device=str(node))
    assert f"belongs to the group '{node.group()}'" in said
    assert f"sudo usermod -aG {node.group()} $USER" in said


def test_where_the_group_is_unknown_it_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(path: Path) -> str:
        raise KeyError("gid 4711")

    monkeypatch.setattr(Path, "group", unknown)
    assert "the group 'video'" in refusal(FakeKernel(fail={"open": errno.EACCES}))


def test_any_other_failure_is_quoted() -> None:
    said = refusal(FakeKernel(fail={"open": errno.ENOMEM}))
    assert said == f"{NODE} fails: as the test wants it"


@pytest.mark.parametrize("driver", [b"vivid", b"uvcvideo", b""])
def test_a_device_of_another_driver_is_not_written(driver: bytes) -> None:
    assert refusal(FakeKernel(driver=driver)) == f"{NODE} is no v4l2loopback device"


def test_a_node_that_is_no_video_device_is_not_written() -> None:
    kernel = FakeKernel(fail={"_querycap": errno.ENOTTY})
    assert refusal(kernel) == f"{NODE} is no v4l2loopback device"


def test_a_device_that_goes_away_while_it_is_opened() -> None:
    assert "is not there" in refusal(FakeKernel(fail={"_querycap": errno.ENODEV}))
    assert "is not there" in refusal(FakeKernel(fail={"_s_fmt": errno.ENODEV}))
    assert "is not there" in refusal(FakeKernel(fail={"open again": errno.ENODEV}))


@ALL
def test_a_device_that_another_program_feeds_is_refused(version: str) -> None:
    said = refusal(FakeKernel(version, fed=True))
    if version == "0.13.2":  # cannot be told from a reader that holds another format
        assert "stays at 640x480 YUYV instead of 32x16" in said
    else:
        assert "is fed by another program already" in said
    assert f"`fuser -v {NODE}`" in said


@ALL
def test_a_format_that_a_reader_holds_is_named(version: str) -> None:
    said = refusal(FakeKernel(version, held=(320, 240, "YU12")))
    assert "stays at 320x240 YU12 instead of 32x16" in said


@ALL
def test_a_waiting_reader_with_our_format_does_not_keep_us_out(version: str) -> None:
    held = None if version == "0.13.2" else (32, 16, "YU12")
    kernel = FakeKernel(version, held=held)
    opened(kernel).send(bytes(768))
    assert len(kernel.frames) == 1


def test_busy_with_the_very_format_means_another_writer() -> None:
    kernel = FakeKernel("0.13.2", held=(32, 16, "YU12"))
    assert "is fed by another program already" in refusal(kernel)


def test_a_size_that_the_module_refuses_is_an_error() -> None:
    assert "stays at 16x16 YU12 instead of 32x16" in refusal(FakeKernel(max_width=16))


def test_a_module_without_memory_is_quoted() -> None:
    said = refusal(FakeKernel(fail={"_s_fmt": errno.ENOMEM}))
    assert said == f"{NODE} fails: as the test wants it"


# 0.12


def test_the_old_module_is_told_that_we_are_its_writer() -> None:
    kernel = FakeKernel("0.12.7")
    opened(kernel)
    assert list(kernel.descriptors.values()) == ["writer"]


def test_an_old_module_that_another_writer_left_unusable_is_mended() -> None:
    kernel = FakeKernel("0.12.7", broken=True)
    camera = opened(kernel)
    camera.send(bytes(768))
    assert len(kernel.descriptors) == 1
    camera.close()
    assert kernel.descriptors == {}


def test_an_old_module_that_does_not_start_is_an_error() -> None:
    said = refusal(FakeKernel("0.12.7", fail={"_streamon": errno.EIO}))
    assert said == f"{NODE} fails: as the test wants it"


# Sending


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENODEV, "is not there"),
        (errno.EBUSY, "is fed by another program already"),
        (errno.EINVAL, "is fed by another program already"),
        (errno.EIO, "fails: as the test wants it"),
    ],
)
def test_a_frame_that_is_not_taken_is_an_error_in_plain_words(number: int, words: str) -> None:
    kernel = FakeKernel()
    camera = opened(kernel)
    kernel.fail["write"] = number
    with pytest.raises(OSError, match=words):
        camera.send(bytes(768))
    camera.close()
    assert kernel.descriptors == {}


def test_half_a_frame_is_an_error() -> None:
    camera = opened(FakeKernel(takes=512))
    with pytest.raises(OSError, match="took 512 of 768 bytes"):
        camera.send(bytes(768))


# Watching


@NEW
def test_readers_are_counted_by_the_modules_events(version: str) -> None:
    kernel = FakeKernel(version)
    camera = opened(kernel)
    assert camera.watchers() == 0
    kernel.watched_by(1)
    assert [camera.watchers(), camera.watchers()] == [1, 1]
    kernel.watched_by(0)
    kernel.watched_by(1)
    assert camera.watchers() == 1  # the newest counts
    kernel.watched_by(0)
    assert camera.watchers() == 0
    camera.close()
    assert camera.watchers() is None


@NEW
def test_a_reader_that_waits_already_is_counted(version: str) -> None:
    assert opened(FakeKernel(version, readers=1)).watchers() == 1


# As pyvirtualcam and the sink use it


@pytest.mark.skipif(not system.BACKENDS, reason="v4l2loopback is Linux's")
def test_the_sink_opens_it_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = FakeKernel()
    monkeypatch.setattr("sharpcam.system.v4l2loopback.Kernel", lambda: kernel)
    assert system.BACKENDS["sharpcam-v4l2loopback"] is LoopbackCamera
    candidate = system.VirtualCameraInfo("sharpcam-v4l2loopback", NODE, "SharpCam")
    i420 = np.arange(32 * 24, dtype=np.uint8).reshape(24, 32)
    frame = Frame(i420, 0, 0.0)
    with VirtualCameraSink(StreamFormat(32, 16, 25.0), [candidate]) as sink:
        sink.send(frame, frame)
    assert kernel.frames == [i420.tobytes()]
    assert kernel.rate == (1, 25)
    assert kernel.descriptors == {}
