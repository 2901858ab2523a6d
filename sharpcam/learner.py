"""ProfileLearner: follows the camera's profile over time, in its own thread, off the frame path.

The pipeline thread offers every frame; about one a second is copied and estimated at first, later
one in ten seconds. `on_profile` is called from the learner's thread. Every camera has a profile of
its own, which is known again when it comes back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sharpcam.estimator import Earlier, ProfileEstimator
from sharpcam.profile import CameraProfile
from sharpcam.profile_tracker import ProfileTracker
from sharpcam.session.memory import give_back_now
from sharpcam.slot import Slot

log = logging.getLogger(__name__)

FIRST_SECONDS = 0.2
"""Between the first few estimates: a person who just started wants to see it work."""
EARLY_SECONDS = 1.0
LATER_SECONDS = 10.0
FIRST, EARLY = 5, 25
"""How many estimates are made at the first and at the early rate."""
SURE = 5
"""Estimates after which a profile is worth to be kept for the next time."""


class Estimator(Protocol):
    """What the learner asks; `estimator.ProfileEstimator` is the real one."""

    def estimate(
        self, y: NDArray[np.uint8], earlier: Earlier | None = None
    ) -> CameraProfile | None: ...


class Memory(Protocol):
    """Where profiles are kept for the next time; `profiles.ProfileStore` is the real one."""

    def recall(self, key: str) -> CameraProfile | None: ...

    def remember(self, key: str, profile: CameraProfile) -> None: ...

    def forget(self, key: str) -> None: ...


class ProfileLearner:
    """Offer frames, be told when the profile to use has changed. A context manager."""

    def __init__(
        self,
        on_profile: Callable[[CameraProfile], None],
        estimator: Callable[[], Estimator] = ProfileEstimator,
        clock: Callable[[], float] = time.monotonic,
        memory: Memory | None = None,
    ) -> None:
        """Nothing runs before the context is entered.

        Args:
            on_profile: told of every change, from the learner's thread.
            estimator: makes the estimator, in the learner's thread.
            clock: seconds.
            memory: what is known of cameras from earlier; asked and told in the learner's thread.
        """
        self._memory = memory
        self._again = Event()
        self._on_profile = on_profile
        self._make_estimator = estimator
        self._clock = clock
        self._slot: Slot[tuple[str, NDArray[np.uint8]]] = Slot()
        self._camera = ""
        self._due_at = -np.inf
        self._offered = 0
        self._trackers: dict[str, ProfileTracker] = {}
        self._earlier: dict[str, Earlier] = {}
        self._known: CameraProfile | None = None
        """What was told last."""
        self._thread = Thread(target=self._run, name="profile", daemon=True)

    def __enter__(self) -> ProfileLearner:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
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

    def learn_again(self) -> None:
        """Forget the camera whose frames are offered, and learn it anew. For any thread."""
        self._again.set()
        self._camera = ""  # the next frame counts as another camera's first one

    def _run(self) -> None:
        try:
            estimator = self._make_estimator()
            while offered := self._slot.take():
                self._learn(*offered, estimator)
        except Exception:
            # The picture goes on with the profile it has.
            log.exception("the camera's profile is not followed any more")

    def _learn(self, camera: str, y: NDArray[np.uint8], estimator: Estimator) -> None:
        if self._again.is_set():
            self._again.clear()
            self._trackers.pop(camera, None)
            self._earlier.pop(camera, None)
            if self._memory:
                self._memory.forget(camera)
        tracker = self._trackers.get(camera)
        if tracker is None:
            remembered = self._memory.recall(camera) if self._memory else None
            tracker = self._trackers[camera] = ProfileTracker(known=remembered)
            if remembered:
                self._use(remembered)
        estimate = estimator.estimate(y, self._earlier.setdefault(camera, Earlier()))
        if estimate is None:
            return
        profile = tracker.add(estimate)
        self._use(profile)
        give_back_now()  # what both networks worked in, and the plans for the profile before
        if self._memory and len(tracker) >= SURE:
            self._memory.remember(camera, profile)

    def _use(self, profile: CameraProfile) -> None:
        if profile is not self._known:
            log.info("camera profile: %s", profile)
            self._known = profile
            self._on_profile(profile)
