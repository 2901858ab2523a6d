"""Unpacker: what a camera sends, in the format in which it sends it, to I420. The capture
thread's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sharpcam.buffers import Buffers
from sharpcam.mjpeg import MjpegDecoder
from sharpcam.yuv import DamagedError, from_bgr, from_nv12, from_uyvy, from_yuyv, i420_shape

Picture = NDArray[np.uint8]

_JPEG = frozenset(("MJPG", "JPEG"))
_I420 = frozenset(("YU12", "I420", "IYUV"))
_PACKED: dict[str, Callable[[Picture, Picture], Picture]] = {
    "YUYV": from_yuyv,
    "YUY2": from_yuyv,
    "UYVY": from_uyvy,
}
FORMATS = _JPEG | _I420 | _PACKED.keys() | {"NV12"}
"""Four characters each: what is taken as it is sent."""


class Unpacker:
    """For one opened camera."""

    def __init__(self, sent_as: str = "") -> None:
        """`sent_as`: one of FORMATS; or empty for pictures that OpenCV has made BGR or grey."""
        assert not sent_as or sent_as in FORMATS
        self.sent_as = sent_as
        self._buffers = Buffers()
        self._mjpeg = MjpegDecoder(self._buffers) if sent_as in _JPEG else None
        self._sent: Picture | None = None

    @property
    def room(self) -> Picture | None:
        """An array that the next picture may be put into, where it fits; None for a new one."""
        if self._sent is not None and self.sent_as in _I420:
            return self._buffers.take(self._sent.shape)
        return self._sent

    def unpack(self, sent: Picture) -> Picture:
        """I420, uint8 [height * 3 / 2, width], of one picture as OpenCV gives it; treat it as
        read-only.

        Raises:
            DamagedError: it is not what the format says.
        """
        if self._mjpeg:
            return self._mjpeg.decode(sent.reshape(-1))
        self._sent = sent
        if not self.sent_as:
            return self._made(from_bgr, sent, len(sent))
        if self.sent_as in _PACKED:
            whole = sent.ndim == 3 and sent.shape[2] == 2
        else:
            whole = sent.ndim == 2 and len(sent) % 3 == sent.shape[1] % 2 == 0
        if not whole or not sent.size:
            raise DamagedError(f"{self.sent_as} of the shape {sent.shape}")
        if self.sent_as in _PACKED:
            return self._made(_PACKED[self.sent_as], sent, len(sent))
        if self.sent_as in _I420:
            return sent
        return self._made(from_nv12, sent, len(sent) * 2 // 3)

    def _made(
        self, convert: Callable[[Picture, Picture], Picture], sent: Picture, height: int
    ) -> Picture:
        shape = i420_shape(height, sent.shape[1])
        if not all(shape):
            raise DamagedError("it is one pixel wide or high")
        return convert(sent, self._buffers.take(shape))
