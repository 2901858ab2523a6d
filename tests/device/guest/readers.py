"""Programs that read a camera as a meeting app does, and tell the numbers in its pictures."""

from __future__ import annotations

import os
import signal
import subprocess

import cv2
import numpy as np
from numbered import read
from numpy.typing import NDArray


class Reader:
    """A process that reads `device` until it is stopped."""

    def __init__(self, program: str, device: str, size: tuple[int, int] = (320, 240)) -> None:
        """`program`: ffmpeg, v4l2-ctl or opencv."""
        self.size = size
        self._bytes = size[0] * size[1]
        self._program: subprocess.Popen[bytes] | None = None
        output, ours = os.pipe()
        if program == "opencv":
            self._child = os.fork()  # a new interpreter would load OpenCV again, for seconds
            if self._child == 0:
                _read_with_opencv(device, ours)
        else:
            if program == "v4l2-ctl":
                self._bytes = self._bytes * 3 // 2  # I420 as it is
            command, nothing = _command(program, device), subprocess.DEVNULL
            self._program = subprocess.Popen(
                command, stdin=nothing, stdout=ours, stderr=subprocess.PIPE
            )
        os.close(ours)
        self._pictures = os.fdopen(output, "rb", buffering=0)

    def picture(self) -> NDArray[np.uint8]:
        """The next luma, uint8 [H, W]; waits for it.

        Raises:
            EOFError: the program ended, with what it said.
        """
        data = b""
        while len(data) < self._bytes:
            chunk = self._pictures.read(self._bytes - len(data))
            if not chunk:
                raise EOFError(self.said())
            data += chunk
        width, height = self.size
        return np.frombuffer(data, np.uint8)[: width * height].reshape(height, width)

    def numbers(self, count: int) -> list[int | None]:
        """Of the next `count` pictures."""
        return [read(self.picture()) for _ in range(count)]

    def number_from(self, least: int) -> int:
        """Read on to a number that is at least so high."""
        while (number := read(self.picture())) is None or number < least:
            pass
        return number

    def said(self) -> str:
        """What an ended program complained about."""
        if not self._program or not self._program.stderr:
            return ""
        return self._program.stderr.read().decode(errors="replace")

    def stop(self) -> None:
        """End it, and be sure of it."""
        if self._program:
            self._program.kill()
            self._program.communicate()
        else:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        self._pictures.close()


def _command(program: str, device: str) -> list[str]:
    if program == "v4l2-ctl":
        return ["v4l2-ctl", "-d", device, "--stream-mmap", "--stream-to=-"]
    plain = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    return ["ffmpeg", "-v", "error", "-nostdin", "-f", "v4l2", "-i", device, *plain]


def _read_with_opencv(device: str, output: int) -> None:
    """The child: never returns."""
    try:
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        with os.fdopen(output, "wb", buffering=0) as pictures:
            while capture.isOpened():
                whole, bgr = capture.read()
                if whole:  # else it has waited for ten seconds, which can happen here
                    pictures.write(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).tobytes())
    finally:
        os._exit(1)
