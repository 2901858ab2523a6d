"""ProfileLearner: follows the camera's profile over time, in its own thread, off the frame path.

The pipeline thread offers every frame; about one a second is copied and estimated at first, later
one in ten seconds. `on_profile` is called from the learner's thread. Every camera has a profile of
its own, which is known again when it comes back.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from threading import Thread
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sharpcam.estimator import ProfileEstimator
from sharpcam.profile import CameraProfile, ProfileTracker
from sharpcam.slot import Slot

log = logging.getLogger(__name__)

FIRST_SECONDS = 0.2
"""Between the first few estimates: a person who just started wants to see it work."""
EARLY_SECONDS = 1.0
LATER_SECONDS = 10.0
FIRST, EARLY = 5, 25
"""How many estimates are made at the first and at the early rate."""


class Estimator(Protocol):
    """What the learner asks; `estimator.ProfileEstimator` is the real one."""

    def estimate(self, y: NDArray[np.uint8]) -> CameraProfile | None: ...


class ProfileLearner:
    """Offer frames, be told when the profile to use has changed. A context manager."""

    def __init__(
        self,
        on_profile: Callable[[CameraProfile], None],
        estimator: Callable[[], Estimator] = ProfileEstimator,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing runs before the context is entered.

        Args:
            on_profile: told of every change, from the learner's thread.
            estimator: makes the estimator, in the learner's thread.
            clock: seconds.
        """
        self._on_profile = on_profile
        self._make_estimator = estimator
        self._clock = clock
        self._slot: Slot[tuple[str, NDArray[np.uint8]]] = Slot()
        self._camera = ""
        self._due_at = -np.inf
        self._offered = 0
        self._thread = Thread(target=self._run, name="profile", daemon=True)

    def __enter__(self) -> ProfileLearner:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._slot.close()
        self._thread.join(timeout=1.0)

    def offer(self, y: NDArray[np.uint8], camera: str = "") -> None:
        """The newest frame's luma, uint8 [H, W], and the name of its camera; copied only when an
        estimate is due."""
        now = self._clock()
        if camera != self._camera:
            self._camera, self._offered = camera, 0
        elif now < self._due_at:
            return
        self._offered += 1
        wait = EARLY_SECONDS if self._offered < EARLY else LATER_SECONDS
        self._due_at = now + (FIRST_SECONDS if self._offered < FIRST else wait)
        self._slot.put((camera, y.copy()))

    def _run(self) -> None:
        try:
            estimator = self._make_estimator()
            trackers: defaultdict[str, ProfileTracker] = defaultdict(ProfileTracker)
            known: CameraProfile | None = None
            while offered := self._slot.take():
                camera, y = offered
                estimate = estimator.estimate(y)
                if estimate is None:
                    continue
                profile = trackers[camera].add(estimate)
                if profile is not known:
                    log.info("camera profile: %s", profile)
                    known = profile
                    self._on_profile(profile)
        except Exception:
            # The picture goes on with the profile it has.
            log.exception("the camera's profile is not followed any more")
