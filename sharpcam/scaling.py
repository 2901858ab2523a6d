"""Sizes and scaling, for results larger than their input and cameras that change their size."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_BLACK, _GREY = 16, 128  # BT.601 limited range: luma and chroma of black


def fit(size: tuple[int, int], box: tuple[int, int], even: bool = False) -> tuple[int, int]:
    """`size` (width, height) scaled up into `box` with its aspect ratio; never down."""
    if min(box[0] / size[0], box[1] / size[1]) <= 1:
        return size
    return inside(size, box, even)


def inside(size: tuple[int, int], box: tuple[int, int], even: bool = False) -> tuple[int, int]:
    """`size` (width, height) scaled up or down into `box` with its aspect ratio."""
    scale = min(box[0] / size[0], box[1] / size[1])
    unit = 2 if even else 1
    width, height = (max(unit, round(side * scale / unit) * unit) for side in size)
    return width, height


def scaled(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Any picture scaled to (width, height), Lanczos up and area mean down; the same array where
    it has that size."""
    if pixels.shape[1::-1] == size:
        return pixels
    larger = size[0] >= pixels.shape[1]
    method = cv2.INTER_LANCZOS4 if larger else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, size, interpolation=method))


def scaled_i420(i420: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """An I420 frame scaled plane by plane to an even (width, height), Lanczos."""
    if (i420.shape[1], i420.shape[0] * 2 // 3) == size:
        return i420
    half = size[0] // 2, size[1] // 2
    y, u, v = _planes(i420)
    return _packed([scaled(y, size), scaled(u, half), scaled(v, half)], size[0])


def letterboxed_i420(i420: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """An I420 frame as large as fits into an even (width, height), black bars around it."""
    width, height = i420.shape[1], i420.shape[0] * 2 // 3
    if (width, height) == size:
        return i420
    inner = inside((width, height), size, even=True)
    left, top = ((outer - side) // 4 * 2 for outer, side in zip(size, inner, strict=True))
    canvas = np.full((size[1] * 3 // 2, size[0]), _GREY, np.uint8)
    canvas[: size[1]] = _BLACK
    targets, sources = _planes(canvas), _planes(scaled_i420(i420, inner))
    for target, source, step in zip(targets, sources, (1, 2, 2), strict=True):
        rows, columns = source.shape
        target[top // step :][:rows, left // step :][:, :columns] = source
    return canvas


def _planes(i420: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Views of Y, U and V."""
    rows, width = i420.shape
    height = rows * 2 // 3
    u, v = i420[height:].reshape(2, height // 2, width // 2)
    return i420[:height], u, v


def _packed(planes: list[NDArray[np.uint8]], width: int) -> NDArray[np.uint8]:
    return np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, width)
