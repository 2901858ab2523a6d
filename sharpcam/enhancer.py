"""Enhancer: luma in, restored luma out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sharpcam.profile import CameraProfile


class Enhancer(Protocol):
    """Restores one luma picture. One thread calls `enhance`; any thread may set the profile."""

    @property
    def name(self) -> str:
        """For status lines and the bench: model and engine."""
        ...

    def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        """Restored luma, uint8 [H, W] like `y`, any H and W from 1 up; `y` itself is not changed.

        `strength` is 0 to 1.5; 0 gives the input back bit-exact (it may be `y` itself).
        """
        ...

    def set_profile(self, profile: CameraProfile) -> None:
        """Condition on this camera from a later frame on. The costs (milliseconds) fall on the
        calling thread, never on the one that calls `enhance`."""
        ...

    def close(self) -> None:
        """Free the model; nothing may be called afterwards."""
        ...


class Passthrough:
    """Leaves every picture as it is."""

    name = "passthrough"

    def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        return y

    def set_profile(self, profile: CameraProfile) -> None:
        pass

    def close(self) -> None:
        pass
