"""What a camera offers, from a driver that answers as Video4Linux does."""

from __future__ import annotations

import errno
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from sharpcam.system import camera_formats
from sharpcam.system.camera_formats import offered
from sharpcam.system.info import CameraFormat, FrameSize

DISCRETE, CONTINUOUS, STEPWISE = 1, 2, 3


def fourcc(text: str) -> int:
    return int.from_bytes(text.encode(), "little")


class FakeDriver:
    """Formats with their sizes and intervals; answers the three questions as the kernel does."""

    def __init__(self) -> None:
        self.formats: list[tuple[int, str]] = []
        self.sizes: dict[str, tuple[int, list[tuple[int, ...]]]] = {}
        self.intervals: dict[tuple[str, int, int], tuple[int, list[tuple[Fraction, ...]]]] = {}

    def add(self, name: str, flags: int, kind: int, *sizes: tuple[int, ...]) -> None:
        self.formats.append((flags, name))
        self.sizes[name] = kind, list(sizes)

    def __call__(self, device: int, request: int, buffer: bytearray) -> int:
        # Size, type and number of a request are in its bits; these are in linux/videodev2.h.
        assert request >> 16 & 0x3FFF == len(buffer)
        answer = {0xC0405602: self._format, 0xC02C564A: self._size, 0xC034564B: self._interval}
        answer[request](buffer)
        return 0

    def _format(self, buffer: bytearray) -> None:
        index, kind = struct.unpack_from("<2I", buffer)
        assert kind == 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
        flags, name = self._at(self.formats, index)
        struct.pack_into("<3I32sI", buffer, 0, index, kind, flags, b"Motion", fourcc(name))

    def _size(self, buffer: bytearray) -> None:
        index, code = struct.unpack_from("<2I", buffer)
        kind, sizes = self.sizes[code.to_bytes(4, "little").decode()]
        size = self._at(sizes, index)
        struct.pack_into(f"<I{len(size)}I", buffer, 8, kind, *size)

    def _interval(self, buffer: bytearray) -> None:
        index, code, width, height = struct.unpack_from("<4I", buffer)
        name = code.to_bytes(4, "little").decode()
        kind, intervals = self.intervals.get((name, width, height), (DISCRETE, []))
        parts = [n for each in self._at(intervals, index) for n in each.as_integer_ratio()]
        struct.pack_into(f"<I{len(parts)}I", buffer, 16, kind, *parts)

    @staticmethod
    def _at(found: list[Any], index: int) -> Any:
        if index >= len(found):
            raise OSError(errno.EINVAL, "Invalid argument")
        return found[index]


@pytest.fixture
def node(tmp_path: Path) -> str:
    """A file in place of /dev/video0: it can be opened."""
    path = tmp_path / "video0"
    path.touch()
    return str(path)


def test_a_webcam_tells_formats_sizes_and_rates(node: str) -> None:
    driver = FakeDriver()
    driver.add("MJPG", 1, DISCRETE, (1280, 720), (640, 480))
    driver.add("YUYV", 0, DISCRETE, (640, 480))
    driver.intervals["MJPG", 1280, 720] = DISCRETE, [(Fraction(1, 30),), (Fraction(1, 15),)]
    driver.intervals["MJPG", 640, 480] = DISCRETE, [(Fraction(1, 5),), (Fraction(1001, 30000),)]
    assert offered(node, driver) == (
        CameraFormat(
            "MJPG",
            True,
            (FrameSize(1280, 720, (30.0, 15.0)), FrameSize(640, 480, (29.97, 5.0))),
        ),
        CameraFormat("YUYV", False, (FrameSize(640, 480),)),
    )


def test_a_range_of_sizes_shows_its_ends_and_what_is_usual_between(node: str) -> None:
    driver = FakeDriver()
    driver.add("YUYV", 0, STEPWISE, (160, 1920, 16, 120, 1080, 8))
    driver.add("GREY", 0, CONTINUOUS, (2, 8192, 1, 1, 8192, 1))
    driver.intervals["YUYV", 640, 480] = STEPWISE, [(Fraction(1, 60), Fraction(1), Fraction(1, 60))]
    yuyv, grey = offered(node, driver)
    assert [(size.width, size.height) for size in yuyv.sizes] == [
        (160, 120),
        (640, 480),
        (1280, 720),
        (1920, 1080),
    ]
    assert yuyv.sizes[1].fps == (60.0, 1.0)
    assert [(size.width, size.height) for size in grey.sizes][0::4] == [(2, 1), (8192, 8192)]


def test_a_step_leaves_out_sizes_between(node: str) -> None:
    driver = FakeDriver()
    driver.add("YUYV", 0, STEPWISE, (320, 1280, 320, 240, 960, 200))
    (yuyv,) = offered(node, driver)
    assert [(size.width, size.height) for size in yuyv.sizes] == [(320, 240), (1280, 960)]


def test_a_format_without_sizes_is_still_told(node: str) -> None:
    driver = FakeDriver()
    driver.add("H264", 1, DISCRETE)
    assert offered(node, driver) == (CameraFormat("H264", True, ()),)


def test_a_driver_that_never_ends_is_stopped(node: str) -> None:
    def endless(device: int, request: int, buffer: bytearray) -> int:
        if request != camera_formats.ENUM_FMT:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        struct.pack_into("<I", buffer, 44, fourcc("YUYV"))
        return 0

    assert len(offered(node, endless)) == camera_formats.MOST


def test_an_interval_of_nothing_is_no_rate(node: str) -> None:
    driver = FakeDriver()
    driver.add("YUYV", 0, DISCRETE, (640, 480))
    driver.intervals["YUYV", 640, 480] = DISCRETE, [(Fraction(0),), (Fraction(1, 25),)]
    assert offered(node, driver)[0].sizes[0].fps == (25.0,)


def test_a_node_that_cannot_be_asked_offers_nothing(node: str, tmp_path: Path) -> None:
    assert offered(str(tmp_path / "gone")) == ()
    assert offered(node) == ()  # a file knows none of the questions
