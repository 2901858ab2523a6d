"""Frame: one picture on its way from the camera to the virtual camera.

The pixel contract, in words: a frame is I420 (planar YUV 4:2:0, the format of webcams, codecs and
virtual cameras); on its way to a virtual camera it is sRGB as BT.601 in limited range, and that is
announced. It is one C-contiguous uint8 array of shape [height * 3 / 2, width]: `height` rows of
luma, then the U plane, then the V plane, each (height / 2) x (width / 2). Width and height are
even. The student changes luma only; chroma passes untouched, so colours cannot shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One I420 picture with its place in the stream. Treat the pixels as read-only: threads share
    them."""

    i420: NDArray[np.uint8]
    """uint8 [height * 3 / 2, width], C-contiguous."""
    sequence: int
    """Counts up by one per frame the source delivered; a gap is a frame that was
    damaged or dropped."""
    captured_at: float
    """`time.monotonic()` in seconds when the source had the whole picture, still coded."""
    pts: float = 0.0
    """Presentation time in seconds; only differences count. A camera's is `captured_at`."""

    def __post_init__(self) -> None:
        # A multiple of three rows is two parts of luma, which are even, and one of chroma.
        whole = self.i420.ndim == 2 and self.i420.size > 0
        if not whole or self.i420.dtype != np.uint8 or len(self.i420) % 3 or self.width % 2:
            raise ValueError(
                f"expected uint8 I420 with even width and height, "
                f"got {self.i420.dtype} {self.i420.shape}"
            )
        if not self.i420.flags.c_contiguous:
            raise ValueError("expected a C-contiguous I420 buffer")

    @property
    def width(self) -> int:
        return int(self.i420.shape[1])

    @property
    def height(self) -> int:
        return int(self.i420.shape[0]) * 2 // 3

    @property
    def y(self) -> NDArray[np.uint8]:
        """Luma, a view: uint8 [height, width]."""
        return self.i420[: self.height]

    @property
    def u(self) -> NDArray[np.uint8]:
        """Blue-difference chroma, a view: uint8 [height / 2, width / 2]."""
        return self._chroma()[: self.height // 2]

    @property
    def v(self) -> NDArray[np.uint8]:
        """Red-difference chroma, a view: uint8 [height / 2, width / 2]."""
        return self._chroma()[self.height // 2 :]

    def _chroma(self) -> NDArray[np.uint8]:
        return self.i420[self.height :].reshape(self.height, self.width // 2)
