"""Enhancer: luma in, restored luma out."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock, Thread
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.assets import asset
from sharpcam.coring import cored
from sharpcam.engine_choice import choose_engine, fastest_on_processor
from sharpcam.engines import EXACT, Choice, EngineLostError
from sharpcam.model import Model, Session, load_model
from sharpcam.profile import TYPICAL, CameraProfile

log = logging.getLogger(__name__)

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

    @property
    def version(self) -> object:
        """Something else as soon as the same picture would be restored in another way: after
        another profile, or by another network."""
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
    version = None

    def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        return y

    def set_profile(self, profile: CameraProfile) -> None:
        pass

    def close(self) -> None:
        pass


class StudentEnhancer:
    """A student on one of the engines."""

    def __init__(
        self,
        model: Model,
        threads: int,
        profile: CameraProfile = TYPICAL,
        max_pixels: int = MAX_PIXELS,
        choice: Choice = EXACT,
    ) -> None:
        """Raises SharpCamError where the weights are damaged or the engine is not there."""
        self.name = f"{model.spec.tier} ({choice.label})"
        self._choice = choice
        self._model = model
        self._threads = threads
        self._max_pixels = max_pixels
        # Beyond this distance no pixel matters; whole cells, so that strips start on the grid.
        self._fold = model.spec.fold
        self._overlap = -(-model.spec.receptive_field // 2 // self._fold) * self._fold
        self._changing = Lock()
        self._falling_back = False
        self._profile = profile
        self.version: object = object()
        self._size: tuple[int, int] | None = None
        """Of the pictures that the session was given last."""
        self._session: Session | None = model.session(profile, threads, choice)

    def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        if strength == 0:
            return y
        session = self._session  # one read: `set_profile` may swap it meanwhile
        if session is None:
            raise RuntimeError("enhance() after close()")
        try:
            return cored(self._enhance(session, y, strength), y)
        except EngineLostError as error:
            self._fall_back(str(error))
            raise BypassError(f"{self._choice.label}: {error}; the processor takes over") from error

    def _enhance(
        self, session: Session, y: NDArray[np.uint8], strength: float
    ) -> NDArray[np.uint8]:
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
        self._size = height + below, width + right
        if not below and not right:
            return session.run(np.ascontiguousarray(y), strength)
        padded = cv2.copyMakeBorder(y, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return session.run(np.asarray(padded, np.uint8), strength)[:height, :width]

    def set_profile(self, profile: CameraProfile) -> None:
        with self._changing:
            if profile != self._profile and self._session is not None:
                self._profile = profile
                try:
                    self._session = self._prepared(self._session)
                except EngineLostError as error:
                    self._fall_back(str(error))
                else:
                    self.version = object()  # last: what was made before it is of the old one

    def set_threads(self, threads: int) -> None:
        """Compute with so many threads of the processor from a later frame on, the same picture.
        The costs fall on the calling thread, as those of `set_profile`."""
        with self._changing:
            if threads == self._threads:
                return
            self._threads = threads
            if self._session is not None and not self._choice.device:
                self._session = self._prepared(self._session)

    def _prepared(self, before: Session) -> Session:
        """A session for the profile, ready for pictures as those that the one before was given."""
        session = self._model.session(self._profile, self._threads, self._choice)
        if size := self._size:
            session.prepare(*size, beyond=before.goes_beyond)
        return session

    def _fall_back(self, why: str) -> None:
        """Go on on the processor, in a while: it is made ready in a thread of its own."""
        if not self._falling_back:
            self._falling_back = True
            log.warning("%s: %s; the processor takes over", self._choice.label, why)
            Thread(target=self._replace, name="fall back", daemon=True).start()

    def _replace(self) -> None:
        choice = fastest_on_processor(self._threads)
        with self._changing:
            if self._session is None:
                return
            self._choice = choice
            self._session = self._prepared(self._session)
            self.name = f"{self._model.spec.tier} ({choice.label})"
            self.version = object()

    def close(self) -> None:
        with self._changing:
            self._session = None


def load_enhancer(model: Path | None, threads: int, engine: str = "auto") -> Enhancer:
    """The student from a file, or the bundled one, on the engine of this name.

    Raises:
        SharpCamError: the file is not a student that this version can run, or there is no such
            engine.
    """
    loaded = load_model(model or asset("model/standard.onnx"))
    return StudentEnhancer(loaded, threads, choice=choose_engine(engine, threads))
