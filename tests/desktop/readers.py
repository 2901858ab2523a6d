"""GStreamer as a reader of the PipeWire camera: another program, another implementation."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from threading import Timer
from types import TracebackType
from typing import Any

import numpy as np
from mortal import mortal
from numbered import read
from numpy.typing import NDArray
from session import PATIENCE, Session


class Reader:
    """Reads the camera SharpCam until it is closed. A context manager."""

    def __init__(
        self, session: Session, size: tuple[int, int], pixels: str = "I420", caps: str = ""
    ) -> None:
        self._size, self._pixels = size, pixels
        self._bytes = size[0] * size[1] * (3 if pixels == "I420" else 4) // 2
        wanted = f"video/x-raw,format={pixels}{caps}"
        source = ["pipewiresrc", "target-object=sharpcam"]
        self.program = subprocess.Popen(
            mortal("gst-launch-1.0", "-q", *source, "!", wanted, "!", "fdsink", "fd=1"),
            env=session.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._watchdog = Timer(PATIENCE, self.program.kill)
        self._watchdog.start()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watchdog.cancel()
        self._watchdog.join()
        self.program.kill()
        self.program.communicate()

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """As they come: uint8 [H * 3 / 2, W] of I420, [H, W, 2] of YUY2."""
        width, height = self._size
        shape: Any = (height * 3 // 2, width) if self._pixels == "I420" else (height, width, 2)
        stdout: Any = self.program.stdout
        while len(data := stdout.read(self._bytes)) == self._bytes:
            yield np.frombuffer(data, np.uint8).reshape(shape)

    def numbers(self, count: int) -> list[tuple[int | None, float]]:
        """The numbers in the next pictures, and when they came; `time.monotonic()`."""
        got = []
        for picture in self.pictures():
            now = time.monotonic()
            luma = picture[: self._size[1]] if picture.ndim == 2 else picture[:, :, 0]
            got.append((read(luma), now))
            if len(got) == count:
                break
        return got
