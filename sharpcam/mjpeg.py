"""MJPEG: a camera's JPEGs to I420, without the way by RGB. With the video files, all that knows
PyAV. One thread owns a decoder, and none starts threads.

libjpeg-turbo is the fastest; where the system has none, FFmpeg decodes, which is always there. A
damaged picture is refused: half of it grey for a moment is worse than the one before a moment
longer. Unless a camera's pictures are all damaged: then they are shown as they are for a while.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.buffers import Buffers
from sharpcam.system.libturbojpeg import MAX_PIXELS, TurboJpeg
from sharpcam.yuv import DamagedError, Planes, from_bgr, from_planes, i420_shape

log = logging.getLogger(__name__)

DAMAGED_IN_A_ROW = 3
"""So many make a camera whose pictures are always damaged; fewer than make one that is gone."""
LENIENT_PICTURES = 300
"""So many are shown as they are then: three that were damaged may have been an accident."""
_LIMITED = 1  # AVColorRange


class JpegDecoder(Protocol):
    """Gives a JPEG's own planes."""

    name: str

    def planes(self, jpeg: NDArray[np.uint8], strict: bool = True) -> Planes | None:
        """Decode one picture, uint8 [N]; with `strict`, one with a damaged part is refused.

        Returns:
            The planes, valid until the next call; None for a JPEG that is not YCbCr or grey.

        Raises:
            DamagedError: it cannot be decoded.
        """
        ...


class FfmpegJpeg:
    """FFmpeg's decoder, from PyAV."""

    name = "FFmpeg"

    def __init__(self) -> None:
        self._contexts = {strict: _context(strict) for strict in (True, False)}

    def planes(self, jpeg: NDArray[np.uint8], strict: bool = True) -> Planes | None:
        if not jpeg.size:
            raise DamagedError("it is empty")  # FFmpeg would take it for the stream's end
        try:
            frames = self._contexts[strict].decode(av.Packet(jpeg.tobytes()))
        except av.FFmpegError as error:
            raise DamagedError(error.strerror) from error
        if not frames:
            raise DamagedError("there is no picture in it")
        frame = frames[0]
        if frame.format.name != "gray" and not frame.format.name.startswith(("yuvj4", "yuv4")):
            return None
        y, *chroma = (
            np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
                :, : plane.width
            ]
            for plane in frame.planes
        )
        both = (chroma[0], chroma[1]) if chroma else None
        return Planes(y, both, full_range=frame.color_range != _LIMITED)


def _context(strict: bool) -> av.VideoCodecContext:
    context = av.VideoCodecContext.create("mjpeg", "r")
    context.thread_count = 1  # a picture is decoded faster than threads are woken
    context.options = {"max_pixels": str(MAX_PIXELS)}
    if strict:
        context.options["err_detect"] = "explode"
    return context


def fastest() -> JpegDecoder:
    """The best decoder that there is here."""
    return TurboJpeg() if _has_turbo() else FfmpegJpeg()


@cache
def _has_turbo() -> bool:
    try:
        TurboJpeg()
    except OSError as error:
        log.info("FFmpeg decodes the camera's pictures: %s", error)
        return False
    return True


class MjpegDecoder:
    """One camera's pictures."""

    def __init__(self, buffers: Buffers, decoder: JpegDecoder | None = None) -> None:
        """Pictures are made in `buffers`; by default the fastest decoder is used."""
        self._buffers = buffers
        self._decoder = decoder or fastest()
        self._damaged, self._lenient = 0, 0
        self._warned = False
        self._last: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    def decode(self, jpeg: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """I420, uint8 [height * 3 / 2, width], of one JPEG, uint8 [N]. Neither may be changed
        afterwards: the same JPEG again gives the same array.

        Raises:
            DamagedError: it cannot be decoded.
        """
        if self._last and np.array_equal(jpeg, self._last[0]):  # other lengths are not compared
            return self._last[1]
        strict = not self._lenient
        self._lenient = max(0, self._lenient - 1)
        try:
            i420 = self._decode(jpeg, strict)
        except DamagedError:
            self._damaged += 1
            if strict and self._damaged == DAMAGED_IN_A_ROW:
                self._be_lenient()
            raise
        self._damaged = 0
        self._last = jpeg, i420
        return i420

    def _be_lenient(self) -> None:
        self._lenient = LENIENT_PICTURES
        if not self._warned:
            self._warned = True
            log.warning("the camera's pictures are all damaged: they are shown as they are")

    def _decode(self, jpeg: NDArray[np.uint8], strict: bool) -> NDArray[np.uint8]:
        planes = self._decoder.planes(jpeg, strict)
        if planes:
            shape = i420_shape(*planes.y.shape)
            if not all(shape):
                raise DamagedError("it is one pixel wide or high")
            return from_planes(planes, self._buffers.take(shape))
        picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)  # RGB or CMYK, which no camera should send
        if picture is None:
            raise DamagedError("it is no picture")
        bgr = np.asarray(picture, np.uint8)
        return from_bgr(bgr, self._buffers.take(i420_shape(*bgr.shape[:2])))
