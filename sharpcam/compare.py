"""Before and after in one picture: side by side, and split at a movable line."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.frame import Frame

_BLACK, _WHITE = 16, 235  # BT.601 limited range


def side_by_side(before: Frame, after: Frame) -> NDArray[np.uint8]:
    """Both pictures whole, labelled: I420, uint8 [H * 3 / 2, 2 W]."""
    planes = [
        np.hstack(pair) for pair in ((before.y, after.y), (before.u, after.u), (before.v, after.v))
    ]
    return _labelled(planes, before.width)


def split(before: Frame, after: Frame, at: float) -> NDArray[np.uint8]:
    """`before` left of the line at `at` (0 to 1 of the width), `after` right of it: I420, uint8
    [H * 3 / 2, W]."""
    column = round(min(max(at, 0.0), 1.0) * before.width / 2) * 2
    planes = [
        np.hstack((left[:, : column // step], right[:, column // step :]))
        for left, right, step in (
            (before.y, after.y, 1),
            (before.u, after.u, 2),
            (before.v, after.v, 2),
        )
    ]
    return _labelled(planes, column)


def zoomed(frame: Frame, x: float, y: float) -> Frame:
    """A quarter of the picture at twice its size, every pixel to be seen. `x` and `y` (0 to 1 of
    width and height) say where: they stay in place."""
    planes = []
    for plane, step in ((frame.y, 2), (frame.u, 1), (frame.v, 1)):
        height, width = plane.shape
        tall, wide = -(-height // 2), -(-width // 2)
        # On whole pixels of chroma, which are two of luma.
        top = round(min(max(y, 0.0), 1.0) * (height - tall) / step) * step
        left = round(min(max(x, 0.0), 1.0) * (width - wide) / step) * step
        part = plane[top : top + tall, left : left + wide]
        planes.append(part.repeat(2, 0).repeat(2, 1)[:height, :width].reshape(-1))
    return replace(frame, i420=np.concatenate(planes).reshape(frame.i420.shape))


def _labelled(planes: list[NDArray[np.uint8]], column: int) -> NDArray[np.uint8]:
    """Draw the line and the two words into luma and pack the planes."""
    y = planes[0]
    height, width = y.shape
    y[:, max(0, column - 1) : column + 1] = _WHITE
    scale = max(0.4, height / 900)
    margin = round(12 * scale)
    (before_width, text_height), _ = cv2.getTextSize("before", cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    # A word is left out where its side is too narrow for it.
    if column > before_width + 2 * margin:
        write_words(y, "before", (column - before_width - margin, text_height + margin), scale)
    if width - column > before_width + 2 * margin:
        write_words(y, "after", (column + margin, text_height + margin), scale)
    return np.concatenate([plane.reshape(-1) for plane in planes]).reshape(height * 3 // 2, width)


def write_words(y: NDArray[np.uint8], words: str, place: tuple[int, int], scale: float) -> None:
    """Into luma, uint8 [H, W], in place: white with a black outline, to be read on everything."""
    # The outline is the same words all around: OpenCV 5 sets thicker ones wider.
    step = round(max(1, scale))
    around = [(right, down, _BLACK) for right in (-step, 0, step) for down in (-step, 0, step)]
    for right, down, level in (*around, (0, 0, _WHITE)):
        cv2.putText(
            y,
            words,
            (place[0] + right, place[1] + down),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            level,
            step,
            cv2.LINE_AA,
        )
