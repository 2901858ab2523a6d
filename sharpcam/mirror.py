"""Mirrored: a source whose picture has left and right swapped while that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2

from sharpcam.buffers import Buffers
from sharpcam.frame import Frame
from sharpcam.source import Source
from sharpcam.yuv import parts


class Mirrored:
    """Around another source, which it owns."""

    def __init__(self, source: Source, is_on: Callable[[], bool]) -> None:
        """`is_on` is asked for every frame, in the capture thread."""
        self._source, self._is_on = source, is_on
        self._buffers = Buffers()
        self.name, self.fps, self.tags, self.live = (
            source.name,
            source.fps,
            source.tags,
            source.live,
        )
        self.width, self.height = source.width, source.height

    def read(self) -> Frame | None:
        frame = self._source.read()
        if frame is None or not self._is_on():
            return frame
        mirrored = self._buffers.take(frame.i420.shape)
        for plane, target in zip(parts(frame.i420), parts(mirrored), strict=True):
            cv2.flip(plane, 1, target)
        return replace(frame, i420=mirrored)

    def close(self) -> None:
        self._source.close()
