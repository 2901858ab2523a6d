"""The buffers of a PipeWire stream: which one the next picture goes into.

All readers share them, and each says in a buffer's memory that it is busy with it. A reader whose
program hangs takes every new one and gives none back; then the others would see no picture any
more, so the oldest are taken away from it. For whoever holds the loop's lock.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from sharpcam.system.libpipewire import Busy
from sharpcam.system.spa import META_BUSY, MOST_BUFFERS

KEPT_SECONDS = 0.5
"""So long no buffer comes back before some are taken away: readers that are alive need less."""
TAKEN = 4
"""One is shown, one is being written, and a reader that is alive may hold the others."""


class Pool:
    """Of one stream."""

    def __init__(self, library: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._library, self._clock = library, clock
        self._known: dict[int, Any] = {}
        """By address; the one that was used longest ago is the first."""
        self._came_at = clock()
        """When a buffer last was free."""

    def add(self, buffer: Any) -> None:
        """The stream has one more, a pointer to a pw_buffer."""
        self._known[_address(buffer)] = buffer
        self._came_at = self._clock()

    def remove(self, buffer: Any) -> None:
        """Its memory goes away."""
        self._known.pop(_address(buffer), None)

    def take(self, stream: int, readers: int) -> Any:
        """A buffer to write into; a null pointer where readers hold all of them."""
        buffer = self._free(stream)
        if not buffer and readers > 1 and self._clock() - self._came_at >= KEPT_SECONDS:
            for kept in islice(self._known.values(), TAKEN):
                if busy := _busy(kept):
                    busy.count = 0
            buffer = self._free(stream)
        if buffer:
            self._came_at = self._clock()
            if busy := _busy(buffer):
                busy.count = 1  # ours; one that was taken away and given back all the same has 0
            self._known[_address(buffer)] = self._known.pop(_address(buffer), buffer)
        return buffer

    def _free(self, stream: int) -> Any:
        buffer = None
        for _ in range(MOST_BUFFERS):  # one that a reader still holds goes to the end of the line
            if buffer := self._library.pw_stream_dequeue_buffer(stream):
                break
        return buffer


def _address(buffer: Any) -> int:
    return ctypes.cast(buffer, ctypes.c_void_p).value or 0


def _busy(buffer: Any) -> Any:
    """The count of who is busy with it, in the memory that all share; None where there is none."""
    spa = buffer.contents.buffer.contents
    for meta in spa.metas[: spa.n_metas]:
        if meta.type == META_BUSY and meta.size >= ctypes.sizeof(Busy):
            return Busy.from_address(meta.data)
    return None
