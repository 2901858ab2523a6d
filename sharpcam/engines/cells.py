"""Pictures as cells, for engines that compute on channels.

A cell is a square of SIDE x SIDE pixels. In memory, a picture as cells [H / SIDE, W / SIDE,
SIDE^2] has the numbers of a cell side by side, as those engines keep their channels: the network
then needs no other order of anything from its first convolution to its last.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.network import INPUT_Y

SIDE = 4
"""Of a cell; only students of this fold speak cells. Four bytes in a row are moved at once."""
INPUT_CELLS, OUTPUT_CELLS = "y_cells", "y_sharp_cells"
"""In the place of luma: uint8 [1, H / SIDE, W / SIDE, SIDE^2], a cell's pixels row by row."""


def picture_input(y: NDArray[np.uint8], in_cells: bool) -> dict[str, NDArray[np.uint8]]:
    """Luma uint8 [H, W] under the name that a student's graph has for it, as it takes it."""
    return {INPUT_CELLS: as_cells(y)} if in_cells else {INPUT_Y: y[None, None]}


def as_cells(y: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma uint8 [H, W], C-contiguous, as cells [1, H / 4, W / 4, 16]. A cell's row is
    one 32-bit number here."""
    height, width = y.shape
    rows = y.view(np.int32).reshape(height // SIDE, SIDE, width // SIDE)
    cells = np.empty((height // SIDE, width // SIDE, SIDE), np.int32)
    cv2.merge([rows[:, index] for index in range(SIDE)], cells)  # half of what numpy takes
    return cells.view(np.uint8)[None]


def from_cells(cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The other way round; a new array."""
    _, down, across, _ = cells.shape
    rows = np.empty((down, SIDE, across), np.int32)
    np.copyto(rows, cells[0].view(np.int32).transpose(0, 2, 1))
    return rows.view(np.uint8).reshape(down * SIDE, across * SIDE)
