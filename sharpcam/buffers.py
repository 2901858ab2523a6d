"""Buffers: arrays for pictures, used again when nobody refers to them any more. Belongs to one
thread; the pictures may go to any.

A fresh array of a picture's size costs a page fault per 4 KiB: a quarter of a millisecond in 720p,
as much as packing the picture itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST = 8
"""Arrays kept: one is being filled, one waits, two are shown, and sinks may hold the last ones."""


def _references(kept: Sequence[NDArray[np.uint8]], index: int) -> int:
    return sys.getrefcount(kept[index])


_UNUSED = _references([np.empty(1, np.uint8)], 0)
"""As counted for an array that only its list refers to. A view refers to its array, too."""


class Buffers:
    """Hands out arrays of one shape at a time."""

    def __init__(self, most: int = MOST) -> None:
        """`most`: arrays kept at most; more than that are handed out, but not used again."""
        self._kept: list[NDArray[np.uint8]] = []
        self._most = most

    def take(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """An uint8 array of this shape that nobody else has; what is in it has no meaning."""
        if self._kept and self._kept[0].shape != shape:
            self._kept.clear()
        for index in range(len(self._kept)):
            if _references(self._kept, index) == _UNUSED:
                return self._kept[index]
        made = np.empty(shape, np.uint8)
        if len(self._kept) < self._most:
            self._kept.append(made)
        return made
