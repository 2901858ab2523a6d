"""Before and after in one picture: side by side, and split at a movable line."""

from __future__ import annotations

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
        _write(y, "before", (column - before_width - margin, text_height + margin), scale)
    if width - column > before_width + 2 * margin:
        _write(y, "after", (column + margin, text_height + margin), scale)
    return np.concatenate([plane.reshape(-1) for plane in planes]).reshape(height * 3 // 2, width)


def _write(y: NDArray[np.uint8], word: str, place: tuple[int, int], scale: float) -> None:
    for level, thickness in ((_BLACK, 3), (_WHITE, 1)):
        cv2.putText(
            y,
            word,
            place,
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            level,
            round(max(1, scale) * thickness),
            cv2.LINE_AA,
        )
