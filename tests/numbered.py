"""Numbers in pictures: drawn by whoever makes a frame, read by whoever gets it.

Sixteen bits of the number and four of a checksum lie as black and white cells along the top edge,
between a white-black and a black-white pair that show the two levels. Cells are a fraction of the
width, so that scaling, sharpening, chroma subsampling and strong compression leave them legible.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 16
CELLS = 2 + BITS + 4 + 2
CELLS_PER_WIDTH = 32
ROWS = 1.5
"""Height of the strip, in cells."""
BLACK, WHITE = 16, 235
CONTRAST = 60
"""Grey levels that must lie between the two pairs' white and black."""


def _cells(number: int) -> list[int]:
    check = ~sum(number >> shift & 15 for shift in (0, 4, 8, 12)) & 15
    coded = number << 4 | check
    return [1, 0, *(coded >> bit & 1 for bit in reversed(range(BITS + 4))), 0, 1]


def draw(luma: NDArray[np.uint8], number: int) -> None:
    """Put `number`, modulo 65536, into the top of uint8 [H, W], in place."""
    cell = luma.shape[1] / CELLS_PER_WIDTH
    for index, bit in enumerate(_cells(number % (1 << BITS))):
        columns = slice(round(index * cell), round((index + 1) * cell))
        luma[: round(ROWS * cell), columns] = WHITE if bit else BLACK


def read(luma: NDArray[np.uint8]) -> int | None:
    """The number in uint8 [H, W]; None where there is none, or a torn one."""
    cell = luma.shape[1] / CELLS_PER_WIDTH
    rows = luma[round(0.4 * cell) : max(round(1.1 * cell), round(0.4 * cell) + 1)]
    levels = [
        float(rows[:, round((i + 0.3) * cell) : max(round((i + 0.7) * cell), 1)].mean())
        for i in range(CELLS)
    ]
    white, black = (levels[0] + levels[-1]) / 2, (levels[1] + levels[-2]) / 2
    if white - black < CONTRAST:
        return None
    bits = [int(level > (white + black) / 2) for level in levels]
    number = int("".join(map(str, bits[2 : 2 + BITS])), 2)
    return number if bits == _cells(number) else None


def scene(width: int, height: int) -> NDArray[np.uint8]:
    """A soft picture without a number, I420: uint8 [H * 3 / 2, W]."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.sin(columns / 9) + np.sin(rows / 7) + np.sin((rows + columns) / 23)
    luma = (125 + 30 * waves).astype(np.uint8)
    return np.concatenate((luma, np.full((height // 2, width), 128, np.uint8)))


def picture(number: int, background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of an I420 `background` with `number` in it."""
    i420 = background.copy()
    draw(i420[: len(i420) * 2 // 3], number)
    return i420
