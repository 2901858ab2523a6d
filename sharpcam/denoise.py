"""TemporalDenoiser: frames averaged over time where nothing moves.

A network that sharpens one frame makes its noise stronger, too, and noise that trembles is what
people see of it and what a call's codec spends its bits on. So noise goes before the network sees
the frame: a motion-adaptive recursive filter. Where a block of pixels differs from its average by
no more than noise does, the frame moves the average by 1/n, n being how many frames it is made of;
elsewhere it replaces it. What is left of the average is bounded, pixel by pixel, by what noise can
have done, so that nothing that moves leaves a trail. A cut needs no care of its own: there all
blocks differ.

Noise and motion are told apart by their grain. A soft camera shows nothing fine, so that what moves
differs by patches of one sign, while over 4x4 pixels noise nearly cancels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PATCH = 4
BLOCK = 2 * PATCH
"""Side of the blocks that move or rest, in pixels."""
UNIT = np.int16(64)
"""A grey level in averages."""
MOST = 12
"""Frames that an average is made of at most: what changes too slowly to be told from noise is
followed within so many."""
SHARE = 5
"""Bits of the share of an average that is kept."""
RESTS, MOVES = 2.5, 4.0
"""Times the noise that a block differs by when it rests, when it moves; between them it is mixed.
At rest, textured blocks differ by more than flat ones: codecs work so."""
LEAST, LARGEST = 0.3, 1.3
"""What is taken for noise at least and at most, in grey levels: the mean difference of patches."""
FALLS, RISES = 0.25, 0.01
"""How fast the noise follows what is measured; slowly upwards, since motion can look like it."""
QUIET = 0.25
"""The noise is what this part of the blocks stays below, of those that change at all."""
BOUND = 12.0
"""Times the noise that a pixel may be off the frame: patches show about a quarter of what single
pixels differ by. With LARGEST, shares of it stay within 16 bits."""
ROWS = 18 * BLOCK
"""Rows that are worked on at once: much less or much more takes half as long again, because of the
calls or because they leave the processor's cache."""
ROUNDING = MOST / 2 / float(UNIT)
"""What an average of MOST frames lacks because shares are rounded down, in grey levels."""


class TemporalDenoiser:
    """Takes the frames of one source in their order. One thread's."""

    def __init__(self) -> None:
        self._averages: _Averages | None = None

    def denoise(self, y: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame with less noise, uint8 [H, W] like `y`; valid until the next call.

        The first frame, and one of another size than the one before, comes back as it is. So does
        every pixel that equals its average, or is not in a whole block.
        """
        if self._averages and self._averages.shape == y.shape:
            return self._averages.add(y)
        self._averages = _Averages(y) if min(y.shape) >= BLOCK else None
        return y

    def forget(self) -> None:
        """What comes next has nothing to do with the frames before; gives back their memory."""
        self._averages = None


class _Averages:
    """Of every pixel in whole blocks, for frames of one size."""

    def __init__(self, y: NDArray[np.uint8]) -> None:
        """`y` is the first frame."""
        self.shape = y.shape
        height, width = (side // BLOCK * BLOCK for side in y.shape)
        self._strips = [slice(top, min(top + ROWS, height)) for top in range(0, height, ROWS)]
        self._average = np.multiply(y[:height, :width], UNIT)
        self._frame = np.empty((ROWS, width), np.int16)
        self._made = np.empty_like(y)
        self._differ = np.zeros((height // BLOCK, width // BLOCK), np.float32)
        """Of each block, between the frame and the average, in grey levels."""
        self._frames = np.ones_like(self._differ)
        """That each block's average is made of."""
        self._noise = 0.0
        """Not measured yet."""

    def add(self, y: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Another frame; returns the averages after it, valid until the next call."""
        for rows in self._strips:
            off = self._average[rows]
            np.subtract(off, self._scaled(y, rows), out=off)
        self._measure()
        self._noise = self._follow()
        bound = np.int16(BOUND * self._noise * float(UNIT))
        keep = self._keep()
        height, width = self._average.shape
        for rows in self._strips:
            off = self._average[rows]
            np.clip(off, -bound, bound, out=off)
            bands = off.reshape(-1, BLOCK, width)
            share = keep[rows.start // BLOCK : rows.stop // BLOCK]
            np.multiply(bands, share[:, None], out=bands)
            np.right_shift(off, SHARE, out=off)
            average = np.add(off, self._scaled(y, rows), out=off)
            made = self._made[rows, :width]
            cv2.convertScaleAbs(average, dst=made, alpha=1 / float(UNIT), beta=ROUNDING)
        self._made[height:], self._made[:, width:] = y[height:], y[:, width:]
        return self._made

    def _scaled(self, y: NDArray[np.uint8], rows: slice) -> NDArray[np.int16]:
        """Rows of the frame in the unit of averages; valid until the next call."""
        frame = self._frame[: rows.stop - rows.start]
        return np.multiply(y[rows, : frame.shape[1]], UNIT, out=frame)

    def _measure(self) -> None:
        """The blocks' mean absolute difference of patches, when `_average` is the difference."""
        height, width = self._differ.shape
        means = self._average
        # By halves: means over four at once are not done with vector instructions.
        for side in (4, 2):
            means = cv2.resize(means, (width * side, height * side), interpolation=cv2.INTER_AREA)
        patches = np.abs(means).astype(np.float32)
        cv2.resize(patches, (width, height), dst=self._differ, interpolation=cv2.INTER_AREA)
        self._differ /= float(UNIT)

    def _follow(self) -> float:
        """The noise after another frame."""
        changed = self._differ[self._differ > 0]
        if not changed.size:
            return max(self._noise, LEAST)
        at = int(QUIET * changed.size)
        quiet = float(np.partition(changed, at)[at])
        pace = FALLS if quiet < self._noise else RISES if self._noise else 1.0
        return min(max(self._noise + pace * (quiet - self._noise), LEAST), LARGEST)

    def _keep(self) -> NDArray[np.int16]:
        """Which share of the average is kept, in 1/32, for each row of blocks and each column of
        pixels."""
        moved = (self._differ - RESTS * self._noise) / ((MOVES - RESTS) * self._noise)
        # A block that moved begins anew, one that moved a little forgets as much.
        self._frames *= 1 - np.clip(moved, 0, 1)
        np.minimum(self._frames + 1, np.float32(MOST), out=self._frames)
        shares = np.rint((1 - 1 / self._frames) * 2**SHARE).astype(np.int16)
        size = self._average.shape[1], len(shares)
        return np.asarray(cv2.resize(shares, size, interpolation=cv2.INTER_LINEAR), np.int16)
