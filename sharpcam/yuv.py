"""Pixels as cameras and decoders give them to I420, see `frame.py`: BT.601 in the limited range.

Pure. Every function writes into `out`, uint8 [height * 3 / 2, width] with even sides, and reads
that much of the picture: a last odd column or row is lost. Chroma that is finer than I420's is
averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

_LUMA = 219 / 255, 16.0
_CHROMA = 224 / 255, 128 - 128 * 224 / 255
"""Gain and offset from the full range to the limited one."""
_SAME = 1.0, 0.0
_NO_COLOUR = 128


class DamagedError(Exception):
    """A picture that cannot be shown as it is; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Planes:
    """A decoded picture in planes of its own sizes. May be views that the next picture changes."""

    y: Plane
    """uint8 [H, W]."""
    chroma: tuple[Plane, Plane] | None
    """U and V, uint8, as large as `y` or smaller, both alike; None for a grey picture."""
    full_range: bool
    """0 to 255 as in JPEG; else 16 to 235 for luma and 16 to 240 for chroma."""


def i420_shape(height: int, width: int) -> tuple[int, int]:
    """Of a picture of this size."""
    return (height & ~1) * 3 // 2, width & ~1


def parts(i420: Plane) -> tuple[Plane, Plane, Plane]:
    """Views of Y, U and V."""
    height, width = len(i420) * 2 // 3, i420.shape[1]
    u, v = i420[height:].reshape(2, height // 2, width // 2)
    return i420[:height], u, v


def from_planes(planes: Planes, out: Plane) -> Plane:
    """A decoded picture of any subsampling and range."""
    y, *targets = parts(out)
    height, width = y.shape
    luma, chroma = (_LUMA, _CHROMA) if planes.full_range else (_SAME, _SAME)
    _scale(planes.y[:height, :width], luma, y)
    if planes.chroma is None:
        out[height:] = _NO_COLOUR
        return out
    for source, target in zip(planes.chroma, targets, strict=True):
        # Pixels of luma per sample of chroma; planes may be padded.
        down, right = (
            max(1, round(whole / side))
            for whole, side in zip(planes.y.shape, source.shape, strict=True)
        )
        used = source[: -(-height // down), : -(-width // right)]
        if (down, right) == (2, 2):
            _scale(used, chroma, target)
        elif (down, right) == (1, 2):  # 4:2:2, what most webcams send
            gain, offset = chroma
            cv2.addWeighted(used[0::2], gain / 2, used[1::2], gain / 2, offset, target)
        else:
            size = width // 2, height // 2
            _scale(np.asarray(cv2.resize(used, size, interpolation=cv2.INTER_AREA)), chroma, target)
    return out


def _scale(source: Plane, how: tuple[float, float], target: Plane) -> None:
    if how == _SAME:
        np.copyto(target, source)
    else:
        cv2.convertScaleAbs(source, target, *how)


def from_yuyv(sent: Plane, out: Plane) -> Plane:
    """uint8 [H, W, 2], C-contiguous: luma in the first byte, U and V by turns in the second."""
    y, *chroma = parts(out)
    height, width = y.shape
    words = sent[:height, :width].view("<u2")[..., 0]
    np.copyto(y, words, casting="unsafe")  # the low byte; four times as fast as by channel
    return _packed_chroma(sent, chroma, (1, 3), out)


def from_uyvy(sent: Plane, out: Plane) -> Plane:
    """uint8 [H, W, 2], C-contiguous: U and V by turns in the first byte, luma in the second."""
    y, *chroma = parts(out)
    height, width = y.shape
    cv2.extractChannel(sent[:height, :width], 1, y)
    return _packed_chroma(sent, chroma, (0, 2), out)


def _packed_chroma(
    sent: Plane, targets: list[Plane], channels: tuple[int, int], out: Plane
) -> Plane:
    height, width = targets[0].shape[0] * 2, targets[0].shape[1] * 2
    rows = np.ascontiguousarray(sent[:height, :width]).reshape(height // 2, 4 * width)
    both = cv2.addWeighted(rows[:, : 2 * width], 0.5, rows[:, 2 * width :], 0.5, 0)
    pixels = np.asarray(both).reshape(height // 2, width // 2, 4)
    for channel, target in zip(channels, targets, strict=True):
        cv2.extractChannel(pixels, channel, target)
    return out


def from_nv12(sent: Plane, out: Plane) -> Plane:
    """uint8 [H * 3 / 2, W]: luma, then U and V by turns."""
    y, u, v = parts(out)
    height, width = y.shape
    np.copyto(y, sent[:height, :width])
    rows = sent[len(sent) * 2 // 3 :][: height // 2, :width]
    pixels = rows.reshape(height // 2, width // 2, 2)
    cv2.extractChannel(pixels, 0, u)
    cv2.extractChannel(pixels, 1, v)
    return out


def from_bgr(picture: Plane, out: Plane) -> Plane:
    """uint8 [H, W, 3] BGR or [H, W] grey, both in the full range."""
    height, width = len(out) * 2 // 3, out.shape[1]
    picture = picture[:height, :width]
    if picture.ndim == 2:
        return from_planes(Planes(picture, None, full_range=True), out)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420, out), np.uint8)
