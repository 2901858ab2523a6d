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
GRAIN = 0.72
"""Times what the halves of patches differ by within them, noise makes patches differ from their
average: 0.58 where it is white, 0.6 to 0.8 behind codecs."""
SPARSE = 6
"""One row of blocks in so many tells the noise; divides a strip of ROWS."""
QUIET = 0.15
"""The noise is what this part of the blocks stays below, of those that change at all."""
BOUND = 12.0
"""Times the noise that a pixel may be off the frame: patches show about a quarter of what single
pixels differ by. With LARGEST, shares of it stay within 16 bits."""
ROWS = 24 * BLOCK
"""Rows that are worked on at once. Fewer mean more calls, more leave the processor's cache: at
1080p, 10 or 45 blocks at once take 6 % longer."""
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
        # Kept: new memory for every frame would come in pages that the system clears first.
        self._half = np.empty((ROWS // 2, width // 2), np.int16)
        self._patches = np.empty((ROWS // PATCH, width // PATCH), np.int16)
        self._made = np.empty_like(y)
        self._differ = np.zeros((height // BLOCK, width // BLOCK), np.float32)
        """Of each block, between the frame and the average, in grey levels."""
        self._frames = np.ones_like(self._differ)
        """That each block's average is made of."""
        self._grain = np.zeros((-(-len(self._differ) // SPARSE), width // BLOCK), np.float32)
        """Of one row of blocks in SPARSE, in grey levels; see `_measure_grain`."""
        self._noise = LEAST
        self._measured = False

    def add(self, y: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Another frame; returns the averages after it, valid until the next call."""
        height, width = self._average.shape
        bound = np.int16(BOUND * self._noise * float(UNIT))
        for rows in self._strips:
            off, frame = self._average[rows], self._frame[: rows.stop - rows.start]
            blocks = slice(rows.start // BLOCK, rows.stop // BLOCK)
            np.multiply(y[rows, :width], UNIT, out=frame)
            np.subtract(off, frame, out=off)
            self._measure(off, self._differ[blocks])
            self._measure_grain(self._grain[blocks.start // SPARSE : -(-blocks.stop // SPARSE)])
            keep = self._keep(self._differ[blocks], self._frames[blocks])
            np.clip(off, -bound, bound, out=off)
            bands = off.reshape(len(keep), BLOCK, width)
            np.multiply(bands, keep[:, None], out=bands)
            np.right_shift(off, SHARE, out=off)
            average = np.add(off, frame, out=off)
            made = self._made[rows, :width]
            cv2.convertScaleAbs(average, dst=made, alpha=1 / float(UNIT), beta=ROUNDING)
        self._made[height:], self._made[:, width:] = y[height:], y[:, width:]
        self._follow()
        return self._made

    def _measure(self, off: NDArray[np.int16], differ: NDArray[np.float32]) -> None:
        """The blocks' mean absolute difference of patches."""
        height, width = differ.shape
        # By halves: means over four at once are not done with vector instructions.
        half = self._half[: height * BLOCK // 2]
        patches = self._patches[: height * BLOCK // PATCH]
        cv2.resize(off, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
        cv2.resize(half, patches.shape[::-1], dst=patches, interpolation=cv2.INTER_AREA)
        apart = np.abs(patches).astype(np.float32)
        cv2.resize(apart, (width, height), dst=differ, interpolation=cv2.INTER_AREA)
        differ /= float(UNIT)

    def _measure_grain(self, grain: NDArray[np.float32]) -> None:
        """What noise alone would make of `differ`, from the patches measured last: what their
        halves differ by within them. There a soft thing that moves shows little, so that noise is
        told even where all moves.
        """
        height, width = grain.shape
        halves = _every(SPARSE, self._half, PATCH)[: height * PATCH]
        patches = _every(SPARSE, self._patches, BLOCK // PATCH)[: height * BLOCK // PATCH]
        spread = cv2.resize(patches, halves.shape[::-1], interpolation=cv2.INTER_NEAREST)
        apart = cv2.absdiff(halves, spread)
        halved = cv2.resize(apart, (2 * width, 2 * height), interpolation=cv2.INTER_AREA)
        cv2.resize(
            halved.astype(np.float32), (width, height), dst=grain, interpolation=cv2.INTER_AREA
        )
        grain *= GRAIN / float(UNIT)

    def _keep(self, differ: NDArray[np.float32], frames: NDArray[np.float32]) -> NDArray[np.int16]:
        """Which share of the average is kept, in 1/32, for each row of blocks and each column of
        pixels; counts how many frames the averages are made of."""
        rests = differ * np.float32(-1 / ((MOVES - RESTS) * self._noise))
        rests += np.float32(MOVES / (MOVES - RESTS))
        np.clip(rests, 0, 1, out=rests)
        # A block that moved begins anew, one that moved a little forgets as much.
        frames *= rests
        frames += 1
        np.minimum(frames, MOST, out=frames)
        shares = ((1 << SHARE) + 0.5 - (1 << SHARE) / frames).astype(np.int16)
        size = self._average.shape[1], len(shares)
        return np.asarray(cv2.resize(shares, size, interpolation=cv2.INTER_LINEAR), np.int16)

    def _follow(self) -> None:
        """Note the noise of this frame for the next ones."""
        changed = self._grain[self._grain > 0]
        if changed.size:
            at = int(QUIET * changed.size)
            quiet = float(np.partition(changed, at)[at])
            pace = FALLS if quiet < self._noise else RISES if self._measured else 1.0
            self._noise = min(max(self._noise + pace * (quiet - self._noise), LEAST), LARGEST)
            self._measured = True


def _every(step: int, rows: NDArray[np.int16], together: int) -> NDArray[np.int16]:
    """The first of every `step` groups of so many rows `together`."""
    width = rows.shape[1]
    return rows.reshape(-1, together, width)[::step].reshape(-1, width)
