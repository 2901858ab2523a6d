"""Guard: whatever happens to the enhancer, a picture comes out; and one that stands still is
restored once. The pipeline thread's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sharpcam.buffers import Buffers
from sharpcam.denoise import TemporalDenoiser
from sharpcam.enhancer import BypassError, Enhancer
from sharpcam.frame import Frame
from sharpcam.meter import Meter
from sharpcam.settings import Settings
from sharpcam.status import State

log = logging.getLogger(__name__)

BYPASS_SECONDS = 5.0
"""How long frames pass untouched after the enhancer failed, before it is tried again."""
STEP = 64
"""Every so many rows are compared first: a camera's noise shows in the first of them."""


@dataclass(frozen=True, slots=True)
class _Done:
    """The last restored picture."""

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    how: tuple[object, ...]

    def is_of(self, i420: NDArray[np.uint8], how: tuple[object, ...]) -> bool:
        if self.how != how:
            return False
        if i420 is self.before:
            return True
        alike = np.array_equal(i420[::STEP], self.before[::STEP])
        return alike and np.array_equal(i420, self.before)


class Guard:
    """Enhances frames; one that cannot be enhanced passes as it is."""

    def __init__(
        self, enhancer: Enhancer, meter: Meter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._enhancer, self._meter, self._clock = enhancer, meter, clock
        self._until = 0.0
        self._buffers = Buffers()
        self._denoiser = TemporalDenoiser()
        self._done: _Done | None = None
        self._bypassing = False
        self.failure = ""
        """Why the enhancer failed the last time; empty while it never did."""

    def enhance(self, frame: Frame, settings: Settings) -> tuple[Frame, State, str]:
        """A new frame with sharper luma, or the frame itself; which state that is, and why."""
        if not settings.enabled or settings.strength == 0:
            return frame, State.OFF, ""
        start = self._clock()
        if start < self._until:
            return frame, State.BYPASSED, self.failure
        how = self._enhancer.version, settings.strength, settings.denoise
        if self._done and self._done.is_of(frame.i420, how):
            return replace(frame, i420=self._done.after), State.SHARPENING, ""
        y = frame.y
        try:
            if settings.denoise and not self._bypassing:
                y = self._denoiser.denoise(y)
                self._meter.add("denoise", self._clock() - start)
            start = self._clock()
            y = self._enhancer.enhance(y, settings.strength)
        except BypassError as reason:
            self._bypassing = True  # the work before it would be in vain, too
            return frame, State.BYPASSED, str(reason)
        except Exception as error:
            # Whatever is wrong with the network, the picture must not stop.
            self.failure = f"{type(error).__name__}: {error}"
            self._until = self._clock() + BYPASS_SECONDS
            self._denoiser.forget()  # it may have stopped half-way
            log.debug("the enhancer failed", exc_info=True)
            return frame, State.BYPASSED, self.failure
        self._bypassing = False
        i420 = self._buffers.take(frame.i420.shape)
        i420[: frame.height] = y
        i420[frame.height :] = frame.i420[frame.height :]
        self._meter.add("enhance", self._clock() - start)
        self._done = _Done(frame.i420, i420, how)
        return replace(frame, i420=i420), State.SHARPENING, ""

    def forget(self) -> None:
        """Give back the memory of the last pictures: there are none for a while."""
        self._done, self._buffers = None, Buffers()
        self._denoiser.forget()
