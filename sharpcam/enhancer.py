"""Enhancer: luma in, restored luma out."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.assets import asset
from sharpcam.model import Model, Session, load_model
from sharpcam.profile import TYPICAL, CameraProfile

MAX_PIXELS = 4096 * 2160
"""Larger pictures are restored in strips, so that memory stays below about half a GB."""


class BypassError(Exception):
    """The enhancer lets frames pass as they are for now; the text is the reason, for people."""


class Enhancer(Protocol):
    """Restores one luma picture. One thread calls `enhance`; any thread may set the profile."""

    @property
    def name(self) -> str:
        """For status lines and the bench: model and engine."""
        ...

    def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        """Restored luma, uint8 [H, W] like `y`, any H and W from 1 up; `y` itself is not changed.

        `strength` is 0 to 1.5; 0 gives the input back bit-exact (it may be `y` itself).

        Raises:
            BypassError: the frame is to pass as it is.
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


class OnnxEnhancer:
    """A student on ONNX Runtime, on the CPU."""

    def __init__(
        self,
        model: Model,
        threads: int,
        profile: CameraProfile = TYPICAL,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Raises SharpCamError where the weights are damaged."""
        self.name = f"{model.spec.tier} (ONNX Runtime)"
        self._model = model
        self._threads = threads
        self._max_pixels = max_pixels
        # Beyond this distance no pixel matters; whole cells, so that strips start on the grid.
        self._fold = model.spec.fold
        self._overlap = -(-model.spec.receptive_field // 2 // self._fold) * self._fold
        self._changing = Lock()
        self._profile = profile
        self._session: Session | None = model.session(profile, threads)

    def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        if strength == 0:
            return y
        session = self._session  # one read: `set_profile` may swap it meanwhile
        if session is None:
            raise RuntimeError("enhance() after close()")
        height, width = y.shape
        if height * width <= self._max_pixels:
            return self._run(session, y, strength)
        rows = self._max_pixels // width - 2 * self._overlap
        rows = max(self._fold, 2 * self._overlap, rows // self._fold * self._fold)
        sharp = np.empty_like(y)
        for top in range(0, height, rows):
            above = min(top, self._overlap)
            strip = y[top - above : top + rows + self._overlap]
            sharp[top : top + rows] = self._run(session, strip, strength)[above:][:rows]
        return sharp

    def _run(self, session: Session, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        height, width = y.shape
        below, right = -height % self._fold, -width % self._fold
        if not below and not right:
            return session.run(np.ascontiguousarray(y), strength)
        padded = cv2.copyMakeBorder(y, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return session.run(np.asarray(padded, np.uint8), strength)[:height, :width]

    def set_profile(self, profile: CameraProfile) -> None:
        with self._changing:
            if profile != self._profile and self._session is not None:
                self._session = self._model.session(profile, self._threads)
                self._profile = profile

    def close(self) -> None:
        with self._changing:
            self._session = None


def load_enhancer(model: Path | None, threads: int) -> Enhancer:
    """The student from a file, or the bundled one.

    Raises:
        SharpCamError: the file is not a student that this version can run.
    """
    return OnnxEnhancer(load_model(model or asset("model/standard.onnx")), threads)
