"""What a camera sends, in every format that is taken as it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sharpcam.unpack import FORMATS, Unpacker
from sharpcam.yuv import DamagedError, parts

Picture = NDArray[np.uint8]

LEVELS = 120, 110, 150
"""Y, U and V of the picture that all formats show."""


def sent_as(name: str, height: int = 48, width: int = 64) -> Picture:
    y, u, v = LEVELS
    if name in ("YUYV", "YUY2", "UYVY"):
        order = (u, y, v, y) if name == "UYVY" else (y, u, y, v)
        return np.tile(np.array(order, np.uint8), (height, width // 2)).reshape(height, width, 2)
    i420 = np.empty((height * 3 // 2, width), np.uint8)
    for plane, level in zip(parts(i420), LEVELS, strict=True):
        plane[:] = level
    if name == "NV12":
        i420[height:] = np.tile(np.array((u, v), np.uint8), (height // 2, width // 2))
    if name in ("MJPG", "JPEG", ""):
        bgr = np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420))
        return np.asarray(cv2.imencode(".jpg", bgr)[1]).reshape(1, -1) if name else bgr
    return i420


@pytest.mark.parametrize("name", [*sorted(FORMATS), ""])
def test_every_format_shows_the_same_picture(name: str) -> None:
    unpacker = Unpacker(name)
    shown = [unpacker.unpack(sent_as(name)) for _ in range(3)]
    for i420 in shown:
        assert i420.shape == (72, 64)
        assert i420.flags.c_contiguous
        for plane, level in zip(parts(i420), LEVELS, strict=True):
            assert np.abs(plane.astype(int) - level).max() <= 2


@pytest.mark.parametrize("name", [*sorted(FORMATS), ""])
def test_the_room_for_the_next_picture_holds_none_that_is_still_shown(name: str) -> None:
    unpacker = Unpacker(name)
    shown = []
    for _ in range(20):
        sent, room = sent_as(name), unpacker.room
        if room is not None and room.shape == sent.shape:
            room[:] = sent
            sent = room
        shown.append(unpacker.unpack(sent))
        if (room := unpacker.room) is not None:
            room[:] = 255  # the driver puts something else into it
    for i420 in shown:
        assert np.abs(parts(i420)[0].astype(int) - LEVELS[0]).max() <= 2


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("shape", [(48, 64, 3), (48, 64), (1, 999), (50, 63), (0, 0)], ids=str)
def test_what_is_not_what_it_says_is_damaged(name: str, shape: tuple[int, ...]) -> None:
    if name in ("YU12", "I420", "IYUV", "NV12") and shape == (48, 64):
        return  # a picture of 32 rows
    with pytest.raises(DamagedError):
        Unpacker(name).unpack(np.zeros(shape, np.uint8))
