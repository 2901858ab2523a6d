"""CameraSource: the physical camera, through OpenCV.

MJPG is asked for first: uncompressed 720p over USB 2 comes at 10 frames a second. What the driver
really gives is read back, because it may differ from everything that was asked; where OpenCV hands
out what the camera sent, it is taken as it is, see `unpack.py`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import cv2

from sharpcam import system
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.freeze import FreezeWatch
from sharpcam.source import SourceLostError
from sharpcam.unpack import FORMATS, Unpacker
from sharpcam.video import VideoTags
from sharpcam.yuv import DamagedError

log = logging.getLogger(__name__)

RAW_BACKENDS = (cv2.CAP_V4L2,)
"""Of OpenCV's backends, those that keep to CAP_PROP_CONVERT_RGB = 0 in every format."""
MJPG = cv2.VideoWriter.fourcc(*"MJPG")
FAILED_READS = 5
"""So many failed reads in a row mean that the camera is gone; one or two happen."""
READ_TIMEOUT_MS = 2000
"""After so long without a picture the driver gives up one read, where it knows how to."""
SILENT_SECONDS = 1.0
"""A failed read that took longer than this was a wait for nothing: no need for a second one."""

# OpenCV warns at each try to open a camera that is not there; our error says it once.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

Opener = Callable[[int, int, list[int]], Any]
"""index, backend, parameters -> an object like cv2.VideoCapture."""


class CameraSource:
    """One opened camera, by the index that its backend gave it."""

    live = True
    tags = VideoTags()

    def __init__(
        self,
        camera: system.CameraInfo,
        size: tuple[int, int] = (1280, 720),
        fps: float = 30.0,
        *,
        open_capture: Opener = cv2.VideoCapture,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the camera and read one picture, which shows its real size.

        Args:
            camera: as `system.cameras()` lists it.
            size: width and height to ask for.
            fps: rate to ask for.

        Raises:
            SharpCamError: it cannot be opened, or gives no picture.
        """
        self.name = camera.name
        self._clock = clock
        self._sequence = -1
        self._damaged = 0
        self._freeze = FreezeWatch()
        # DirectShow settles the format when it opens, so everything is said in the constructor.
        wanted = [
            *(cv2.CAP_PROP_FOURCC, MJPG),
            *(cv2.CAP_PROP_FRAME_WIDTH, size[0]),
            *(cv2.CAP_PROP_FRAME_HEIGHT, size[1]),
            *(cv2.CAP_PROP_FPS, round(fps)),
        ]
        self._capture, backend = self._opened(camera, wanted, open_capture)
        with suppress(cv2.error):  # not every backend has the knob
            self._capture.set(cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS)
        self._unpacker = Unpacker(self._ask_for_raw() if backend in RAW_BACKENDS else "")
        try:
            first = self._first_picture()
        except SourceLostError as error:
            self.close()
            raise _refused(
                camera,
                f"{self.name} gives no picture ({error})",
                "close other programs that use it, or plug it in again",
            ) from error
        self._first: Frame | None = first
        self.width, self.height = first.width, first.height
        told = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = told if 1 <= told <= 240 else fps  # some drivers say 0, others nonsense
        if (self.width, self.height) != size:
            log.info("%s: asked for %dx%d, gives %dx%d", self.name, *size, self.width, self.height)
        log.info("%s: sends %s", self.name, self._unpacker.sent_as or "what OpenCV makes BGR")

    @staticmethod
    def _opened(
        camera: system.CameraInfo, wanted: list[int], open_capture: Opener
    ) -> tuple[Any, int]:
        backends = (camera.backend,) if camera.backend else system.CAMERA_BACKENDS
        for backend in backends:
            for parameters in (wanted, []):  # some drivers refuse to open with parameters
                with suppress(cv2.error):
                    capture = open_capture(camera.index, backend, parameters)
                    if capture.isOpened():
                        if not parameters:
                            for name, value in zip(wanted[::2], wanted[1::2], strict=True):
                                with suppress(cv2.error):
                                    capture.set(name, value)
                        return capture, backend
                    capture.release()
        raise _refused(
            camera,
            f"cannot open {camera.name}",
            f"close other programs that use it; {system.CAMERA_HINT}",
        )

    def read(self) -> Frame | None:
        frame, self._first = self._first or self._grab(), None
        if (frame.width, frame.height) != (self.width, self.height):
            raise SourceLostError(
                f"its picture changed from {self.width}x{self.height} "
                f"to {frame.width}x{frame.height}"
            )
        if self._freeze.is_frozen(frame.y, frame.captured_at):
            raise SourceLostError("its picture stands still")
        return frame

    def _ask_for_raw(self) -> str:
        """Have pictures as the camera sends them; returns their format, or nothing where that
        cannot be."""
        with suppress(cv2.error):
            code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
            name = code.to_bytes(4, "little").decode("ascii", "replace")
            if name in FORMATS and self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0):
                return name
        return ""

    def _first_picture(self) -> Frame:
        try:
            return self._grab()
        except SourceLostError:
            if not (self._unpacker.sent_as and self._damaged):
                raise
            log.info("%s: %s is not understood", self.name, self._unpacker.sent_as)
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 1)
            self._unpacker = Unpacker()
            return self._grab()

    def _grab(self) -> Frame:
        for _ in range(FAILED_READS):
            with suppress(cv2.error):
                start = self._clock()
                if not self._capture.grab():
                    if self._clock() - start > SILENT_SECONDS:
                        raise SourceLostError("it sends no picture")
                    continue
                captured_at = self._clock()
                whole, sent = self._capture.retrieve(self._unpacker.room)
                if whole and sent is not None and sent.size:
                    self._sequence += 1  # of damaged ones, too: a gap is a lost frame
                    try:
                        i420 = self._unpacker.unpack(sent)
                    except DamagedError as error:
                        self._note_damage(error)
                    else:
                        return Frame(i420, self._sequence, captured_at, captured_at)
        raise SourceLostError(f"{FAILED_READS} reads in a row failed")

    def _note_damage(self, error: DamagedError) -> None:
        self._damaged += 1
        level = logging.WARNING if self._damaged == 1 else logging.DEBUG
        log.log(level, "%s: a damaged picture is left out: %s", self.name, error)

    def close(self) -> None:
        self._capture.release()


def _refused(camera: system.CameraInfo, message: str, hint: str) -> SharpCamError:
    """Why it does not open: somebody has it, where the system can tell who."""
    if users := ", ".join(system.users_of(camera.path)):
        return SharpCamError(f"camera busy: {camera.name} is used by {users}", f"close {users}")
    return SharpCamError(message, hint)
