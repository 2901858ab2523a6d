"""PreviewFeed: frames for the preview's process, through memory that both map.

The memory is a file in this user's runtime folder, mode 0600, because frames are private pictures;
it is there only while a preview is attached. The pipeline thread writes and never waits: there are
two places, and the header says which one is whole. A reader that was too slow for one sees it by
the sequence having moved on, and takes the next one.
"""

from __future__ import annotations

import logging
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.paths import runtime_folders

log = logging.getLogger(__name__)

MAGIC, WIDTH, HEIGHT, SEQUENCE, CAPTURED_AT = range(5)
"""Places of 64 bits each in the header: written as a whole, so a reader sees no half of one. The
sequence is 0 before the first picture; captured_at, in seconds, is there once for each place."""
SIGN = int.from_bytes(b"ShrpCam1", "little")
PREFIX = "preview-"
START = 64
"""Bytes before the first place."""


class PreviewFeed:
    """A sink that does nothing until a preview is attached."""

    name = "preview"

    def __init__(self) -> None:
        self._lock = Lock()
        """Held for as long as it takes to copy a frame, or to make or remove the memory."""
        self._attached = 0
        self._memory: _Memory | None = None

    @contextmanager
    def attached(self) -> Iterator[None]:
        """While entered, frames are written. For any thread, and for several at once."""
        with self._lock:
            self._attached += 1
        try:
            yield
        finally:
            with self._lock:
                self._attached -= 1
                if not self._attached:
                    self._drop()

    @property
    def path(self) -> Path | None:
        """The file to map; another one when the size has changed. None before there is a frame."""
        memory = self._memory
        return memory.path if memory else None

    def send(self, after: Frame, before: Frame) -> None:
        if not self._attached:
            return
        with self._lock:
            if not self._attached:
                return
            if self._memory and self._memory.size != (after.width, after.height):
                self._drop()
            if not self._memory:
                try:
                    self._memory = _Memory(after.width, after.height)
                except OSError as error:
                    log.debug("no memory for the preview: %s", error)
                    return
            self._memory.write(after, before)

    @property
    def count(self) -> int:
        """How many previews are attached."""
        return self._attached

    def watchers(self) -> int | None:
        return self._attached

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._memory:
            self._memory.close()
            self._memory = None


class _Memory:
    """The file, its mapping and the two places in it."""

    def __init__(self, width: int, height: int) -> None:
        """Raises OSError where no private folder takes it."""
        self.size = width, height
        self._sequence = 0
        self.path, file = _private_file()
        try:
            os.ftruncate(file, START + 2 * _place_bytes(width, height))
            self._map = mmap.mmap(file, 0)
        except BaseException:
            self.path.unlink(missing_ok=True)
            raise
        finally:
            os.close(file)
        self._places = _places(self._map, width, height)
        self._header, self._captured_at = _header(self._map)
        self._header[WIDTH], self._header[HEIGHT] = width, height
        self._header[MAGIC] = SIGN

    def write(self, after: Frame, before: Frame) -> None:
        self._sequence += 1
        place = self._sequence % 2
        before_y, i420 = self._places[place]
        np.copyto(before_y, before.y)
        np.copyto(i420, after.i420)
        self._captured_at[place] = after.captured_at
        self._header[SEQUENCE] = self._sequence

    def close(self) -> None:
        # Who still maps it sees an end instead of a picture that stands still for ever.
        self._header[MAGIC] = 0
        del self._header, self._captured_at, self._places  # else the map cannot be closed
        self._map.close()
        with suppress(OSError):  # Windows: not while the preview maps it; then the preview does it
            self.path.unlink()


def remove_left() -> None:
    """Remove what a program that was killed has left behind; for the only instance."""
    for folder in runtime_folders():
        for path in folder.glob(f"{PREFIX}*"):
            with suppress(OSError):
                path.unlink()


class FeedReader:
    """The preview's end of the memory. A context manager."""

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            SharpCamError: it is not there (any more), or is something else.
        """
        gone = SharpCamError("the preview's pictures are gone", "start it again")
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise gone from error
        self.path, self._seen = path, 0
        if len(self._map) < START:
            self._map.close()
            raise gone
        self._header, self._captured_at = _header(self._map)
        self.width, self.height = int(self._header[WIDTH]), int(self._header[HEIGHT])
        whole = START + 2 * _place_bytes(self.width, self.height) == len(self._map)
        if self.ended or not whole or not self.width or self.width % 2 or self.height % 2:
            del self._header, self._captured_at
            self._map.close()
            raise gone
        self._places = _places(self._map, self.width, self.height)

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more: the size has changed, or the program has ended."""
        return int(self._header[MAGIC]) != SIGN

    def read(self) -> tuple[Frame, Frame] | None:
        """After and before of the newest frame; None where there is no new one yet."""
        sequence = int(self._header[SEQUENCE])
        if sequence == self._seen:
            return None
        before_y, i420 = (place.copy() for place in self._places[sequence % 2])
        captured_at = float(self._captured_at[sequence % 2])
        if int(self._header[SEQUENCE]) != sequence:
            return None  # the writer may be at this place again
        self._seen = sequence
        before = i420.copy()  # the same chroma: only luma is changed
        before[: self.height] = before_y
        return Frame(i420, sequence, captured_at), Frame(before, sequence, captured_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        ended = self.ended
        del self._header, self._captured_at, self._places
        self._map.close()
        if ended:
            with suppress(OSError):
                self.path.unlink()


def _header(memory: mmap.mmap) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Views of the header's numbers, and of when the pictures in the two places were captured."""
    words = START // 8
    numbers = np.frombuffer(memory, np.uint64, words)
    return numbers, np.frombuffer(memory, np.float64, words)[CAPTURED_AT : CAPTURED_AT + 2]


def _place_bytes(width: int, height: int) -> int:
    """Luma before, and all of after."""
    return width * height + width * height * 3 // 2


def _places(
    memory: mmap.mmap, width: int, height: int
) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Views of the two places: uint8 [H, W] before, uint8 [H * 3 / 2, W] after."""
    places = []
    for start in (START, START + _place_bytes(width, height)):
        flat = np.frombuffer(memory, np.uint8, _place_bytes(width, height), start)
        before, after = flat[: width * height], flat[width * height :]
        places.append((before.reshape(height, width), after.reshape(height * 3 // 2, width)))
    return places


def _private_file() -> tuple[Path, int]:
    """A new file that only this user may open, and its descriptor.

    Raises:
        OSError: there is no place for it.
    """
    refused: OSError = OSError("no folder for it")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for folder in runtime_folders():
        path = folder / f"{PREFIX}{os.urandom(8).hex()}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return path, os.open(path, flags, 0o600)
        except OSError as error:
            refused = error
    raise refused
