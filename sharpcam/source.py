"""Source: where frames come from. A file here; the camera in `camera.py`.

The capture thread opens, reads and closes a source; nobody else touches it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.picture import PICTURE_EXTENSIONS, picture_to_i420
from sharpcam.video import VideoReader, VideoTags

PICTURE_FPS = 30.0
"""A picture is a camera in front of a still scene."""


class SourceLostError(Exception):
    """The camera went away or fell silent; opening it again may help. The text says what
    happened."""


class Source(Protocol):
    """Delivers frames one after the other; all of the same size."""

    name: str
    """As people know it."""
    width: int
    height: int
    fps: float
    """Nominal frames per second; the frames' own times count."""
    tags: VideoTags
    """What the pixels mean: matrix, range, rotation."""
    live: bool
    """True: it has a clock of its own, and what is not taken in time is dropped.
    False: every frame waits for its turn."""

    def read(self) -> Frame | None:
        """Wait for the next frame; None at the end.

        Raises:
            SourceLostError: there will be no more frames unless it is opened again.
        """
        ...

    def close(self) -> None:
        """Release the device or file; nothing may be called afterwards."""
        ...


class FileSource:
    """A video or a picture as a camera: at its own pace, or as fast as frames are taken."""

    def __init__(
        self,
        path: Path,
        *,
        live: bool,
        loop: bool = False,
        seconds: float | None = None,
        name: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open the file.

        Args:
            live: deliver at the file's own pace and in a camera's colours; else as fast as frames
                are taken, as they are in the file.
            loop: begin again at the end. A picture is shown for ever when live or looping, once
                otherwise.
            seconds: end after this much of the file's own time.

        Raises:
            SharpCamError: missing, empty, damaged or neither a video nor a picture.
        """
        self.name = name or path.name
        self.live = live
        self._path = path
        self._seconds = seconds
        self._clock, self._sleep = clock, sleep
        self._video: VideoReader | None = None
        frames: Iterator[tuple[NDArray[np.uint8], float]]
        if path.suffix.lower() in PICTURE_EXTENSIONS:
            picture = picture_to_i420(path)
            self.height, self.width = picture.shape[0] * 2 // 3, picture.shape[1]
            self.fps, self.tags = PICTURE_FPS, VideoTags()
            frames = self._still(picture, for_ever=live or loop)
        else:
            self._video = VideoReader(path, as_camera=live)
            self.width, self.height = self._video.width, self._video.height
            self.fps, self.tags = float(self._video.fps), self._video.tags
            frames = self._clip(loop)
        self._frames = frames
        self._sequence = -1
        self._next_pts = 0.0
        self._started_at: float | None = None

    def read(self) -> Frame | None:
        self._wait()
        captured_at = self._clock()
        i420, pts = next(self._frames, (None, 0.0))
        end = float("inf") if self._seconds is None else self._seconds - 1e-6  # times are rounded
        if i420 is None or pts >= end:
            return None
        self._sequence += 1
        self._next_pts = pts + 1 / self.fps
        return Frame(i420, self._sequence, captured_at, pts)

    def _wait(self) -> None:
        """Until the next frame is due. Like a camera, the picture is decoded after that; so its
        own time is not known yet, and the nominal rate stands in for it."""
        if not self.live:
            return
        if self._started_at is None:
            self._started_at = self._clock()
        late = self._clock() - (self._started_at + self._next_pts)
        if late < 0:
            self._sleep(-late)
        elif late > 1:
            self._started_at += late  # the machine slept or stood still: go on from here

    def _still(
        self, picture: NDArray[np.uint8], for_ever: bool
    ) -> Iterator[tuple[NDArray[np.uint8], float]]:
        index = 0
        while index == 0 or for_ever:
            yield picture, index / self.fps
            index += 1

    def _clip(self, loop: bool) -> Iterator[tuple[NDArray[np.uint8], float]]:
        offset = 0.0
        while self._video is not None:
            for i420, seconds in self._video:
                yield i420, offset + seconds
            if not loop:
                return
            offset = self._next_pts
            self._video.close()
            self._video = VideoReader(self._path, as_camera=self.live)
            if (self._video.width, self._video.height) != (self.width, self.height):
                raise SharpCamError(
                    f"{self._path} was replaced by another video while it played", "start again"
                )

    def close(self) -> None:
        self._frames = iter(())  # as in VideoReader.close: a generator that holds its owner
        if self._video is not None:
            self._video.close()
            self._video = None
