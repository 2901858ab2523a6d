"""Coring: where restoring a picture changes next to nothing, the picture stays as it is.

Away from edges a network adds a grey level here and takes one there, of the noise and of the
roundings inside it, and these places are others in every frame. Sharpeners have left out what is
that small for as long as there is video.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SMALL = 1
"""Grey levels that a lone change is left out up to."""
AROUND = np.ones((3, 3), np.uint8)
"""Where a pixel's neighbours change by more, what little it changes by belongs to theirs."""


def cored(sharp: NDArray[np.uint8], y: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`sharp` where it differs from `y` by more than SMALL grey levels, or a neighbour does; else
    `y`. All uint8 [H, W]; neither is changed."""
    kept = cv2.absdiff(sharp, y)
    cv2.threshold(kept, SMALL, 255, cv2.THRESH_BINARY, dst=kept)
    cv2.dilate(kept, AROUND, dst=kept)
    # By bits: half the time of a copy through a mask.
    made = cv2.bitwise_xor(sharp, y)
    cv2.bitwise_and(made, kept, dst=made)
    return np.asarray(cv2.bitwise_xor(made, y, dst=made), np.uint8)
