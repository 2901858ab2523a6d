"""The pictures that a camera offers, asked of Video4Linux. Nothing is set and no light goes on.

The numbers and the layout of the structures are those of linux/videodev2.h.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from sharpcam.system.info import CameraFormat, FrameSize

VIDEO_CAPTURE = 1
FLAG_COMPRESSED = 0x0001
DISCRETE = 1

_FORMAT = struct.Struct("=3I32sI16x")  # v4l2_fmtdesc
_SIZE = struct.Struct("=3I6I8x")  # v4l2_frmsizeenum
_INTERVAL = struct.Struct("=5I6I8x")  # v4l2_frmivalenum


def _iowr(number: int, layout: struct.Struct) -> int:
    return 3 << 30 | layout.size << 16 | ord("V") << 8 | number


ENUM_FMT = _iowr(2, _FORMAT)
ENUM_FRAMESIZES = _iowr(74, _SIZE)
ENUM_FRAMEINTERVALS = _iowr(75, _INTERVAL)

MOST = 256
"""Longer lists come from a driver that never ends them."""
USUAL_SIZES = ((640, 480), (1280, 720), (1920, 1080))
"""Sizes to show of a camera that offers any."""

Ioctl = Callable[[int, int, bytearray], object]


def offered(path: str, ioctl: Ioctl | None = None) -> tuple[CameraFormat, ...]:
    """What the camera at `path` offers, in its own order; empty where it cannot be asked."""
    try:
        device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return ()
    try:
        return tuple(_formats(device, ioctl or _ioctl()))
    finally:
        os.close(device)


def _ioctl() -> Ioctl:
    import fcntl  # not on Windows

    return fcntl.ioctl


def _formats(device: int, ioctl: Ioctl) -> Iterator[CameraFormat]:
    for fields in _enumerate(device, ioctl, ENUM_FMT, _FORMAT, VIDEO_CAPTURE):
        _, _, flags, _, code = fields
        name = code.to_bytes(4, "little").decode("ascii", errors="replace").strip("\0 ")
        sizes = tuple(_sizes(device, ioctl, code))
        yield CameraFormat(name, bool(flags & FLAG_COMPRESSED), sizes)


def _sizes(device: int, ioctl: Ioctl, code: int) -> Iterator[FrameSize]:
    for _, _, kind, *numbers in _enumerate(device, ioctl, ENUM_FRAMESIZES, _SIZE, code):
        pairs = [(numbers[0], numbers[1])] if kind == DISCRETE else _within(*numbers)
        for width, height in pairs:
            yield FrameSize(width, height, _rates(device, ioctl, code, width, height))
        if kind != DISCRETE:
            return


def _within(*numbers: int) -> list[tuple[int, int]]:
    """The smallest, the usual and the largest size of a range: least, most and step of the width,
    then of the height."""
    width, height = numbers[:3], numbers[3:]

    def fits(value: int, least: int, most: int, step: int) -> bool:
        return least <= value <= most and (value - least) % max(1, step) == 0

    usual = [size for size in USUAL_SIZES if fits(size[0], *width) and fits(size[1], *height)]
    return sorted({(width[0], height[0]), *usual, (width[1], height[1])})


def _rates(device: int, ioctl: Ioctl, code: int, width: int, height: int) -> tuple[float, ...]:
    """Frames per second, the highest first."""
    found: set[float] = set()
    request = (code, width, height)
    for fields in _enumerate(device, ioctl, ENUM_FRAMEINTERVALS, _INTERVAL, *request):
        kind, numbers = fields[4], fields[5:]
        # An interval is seconds as a fraction; a range has its shortest and its longest.
        ends = (numbers[:2],) if kind == DISCRETE else (numbers[:2], numbers[2:4])
        found |= {round(below / above, 2) for above, below in ends if above and below}
        if kind != DISCRETE:
            break
    return tuple(sorted(found, reverse=True))


def _enumerate(
    device: int, ioctl: Ioctl, request: int, layout: struct.Struct, *asked: int
) -> Iterator[tuple[Any, ...]]:
    """Ask for number 0, 1, 2 ... until the driver has no more."""
    for index in count():
        if index == MOST:
            return
        buffer = bytearray(layout.size)
        struct.pack_into(f"={1 + len(asked)}I", buffer, 0, index, *asked)
        try:
            ioctl(device, request, buffer)
        except OSError:  # EINVAL at the end; ENOTTY where the driver has no such list
            return
        yield layout.unpack(buffer)
