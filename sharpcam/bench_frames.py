"""What the bench's cameras send: frames of the bundled clip, coded as webcams code them."""

from __future__ import annotations

from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.assets import asset
from sharpcam.scaling import scaled_i420
from sharpcam.video import VideoReader
from sharpcam.yuv import parts

FRAMES = 8
"""Different frames that a case goes through again and again."""
JPEG_OPTIONS = [
    *(cv2.IMWRITE_JPEG_QUALITY, 85),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422),
]
"""About what webcams use."""

Picture = NDArray[np.uint8]


def clip_frames(width: int, height: int) -> list[Picture]:
    """Frames of the bundled clip at this size: I420, uint8 [height * 3 / 2, width] each."""
    with VideoReader(asset("samples/book.mkv")) as video:
        every_tenth = islice(video, 0, 10 * FRAMES, 10)
        return [scaled_i420(i420, (width, height)) for i420, _ in every_tenth]


def as_jpeg(i420: Picture) -> Picture:
    """uint8 [N]."""
    bgr = cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420)
    return np.asarray(cv2.imencode(".jpg", bgr, JPEG_OPTIONS)[1], np.uint8)


def as_yuyv(i420: Picture) -> Picture:
    """uint8 [H, W, 2]."""
    y, u, v = parts(i420)
    sent = np.empty((*y.shape, 2), np.uint8)
    sent[:, :, 0] = y
    sent[:, 0::2, 1], sent[:, 1::2, 1] = u.repeat(2, 0), v.repeat(2, 0)
    return sent
