"""The learner: off the frame path, rarely, and never in the picture's way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, current_thread

import numpy as np
import pytest

from sharpcam.estimator import Earlier
from sharpcam.learner import EARLY, SURE, ProfileLearner
from sharpcam.profile import CameraProfile

FRAME = np.zeros((8, 8), np.uint8)


class FakeEstimator:
    """Gives the estimates it was made with, then None; records the threads and the frames."""

    def __init__(self, *estimates: CameraProfile | None) -> None:
        self.estimates = list(estimates)
        self.frames: SimpleQueue[np.ndarray] = SimpleQueue()
        self.threads: set[str] = set()
        self.earlier: list[Earlier | None] = []

    def estimate(self, y: np.ndarray, earlier: Earlier | None = None) -> CameraProfile | None:
        self.earlier.append(earlier)
        self.threads.add(current_thread().name)
        result = self.estimates.pop(0) if self.estimates else None
        self.frames.put(y)
        return result


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def running(learner: ProfileLearner) -> Iterator[ProfileLearner]:
    """Afterwards all that was offered has been learnt, however slow the machine is: leaving the
    learner's own context waits for a second only."""
    with learner:
        yield learner
    learner._thread.join(60)
    assert not learner._thread.is_alive()


def test_a_changed_profile_is_told_from_the_learners_own_thread() -> None:
    soft = CameraProfile.of(1.5, 1.0, 0.2)
    estimator, told = FakeEstimator(soft), SimpleQueue()
    with running(
        ProfileLearner(lambda p: told.put((p, current_thread().name)), lambda: estimator)
    ) as learner:
        learner.offer(FRAME)
        assert told.get(timeout=60) == (soft, "profile")
    assert estimator.threads == {"profile"}


def test_the_frame_is_copied_because_the_camera_reuses_its_buffer() -> None:
    estimator = FakeEstimator()
    frame = FRAME.copy()
    with running(ProfileLearner(lambda _: None, lambda: estimator)) as learner:
        learner.offer(frame)
        frame[:] = 99
        assert estimator.frames.get(timeout=60).max() == 0


def test_few_of_many_frames_are_estimated_and_fewer_later() -> None:
    clock = Clock()
    estimator = FakeEstimator()
    counts = []
    with running(ProfileLearner(lambda _: None, lambda: estimator, clock)) as learner:
        for _ in range(3):  # three times twenty seconds at 30 frames a second
            count = 0
            for _ in range(600):
                clock.now += 1 / 30
                before = learner._offered
                learner.offer(FRAME)
                if learner._offered > before:
                    estimator.frames.get(timeout=60)
                    count += 1
            counts.append(count)
    assert counts[0] <= EARLY
    assert counts[0] > counts[1] >= counts[2] >= 1


def test_a_wall_tells_nothing_and_the_next_frame_does() -> None:
    clock, told = Clock(), SimpleQueue()
    estimator = FakeEstimator(None, CameraProfile.of(1.0, 0.0, 0.0))
    with running(ProfileLearner(told.put, lambda: estimator, clock)) as learner:
        for _ in range(2):
            clock.now += 60
            learner.offer(FRAME)
            estimator.frames.get(timeout=60)
        assert told.get(timeout=60) == CameraProfile.of(1.0, 0.0, 0.0)
    assert told.empty()


def test_a_broken_estimator_is_logged_and_frames_are_still_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failed = Event()

    def broken() -> FakeEstimator:
        failed.set()
        raise RuntimeError("no such model")

    with running(ProfileLearner(lambda _: None, broken)) as learner:
        learner.offer(FRAME)
        assert failed.wait(60)
        learner.offer(FRAME)
    assert "not followed" in caplog.text


def test_every_camera_has_a_profile_of_its_own_that_is_known_again() -> None:
    soft, sharp = CameraProfile.of(1.5, 1.0, 0.2), CameraProfile.of(0.2, 3.0, 0.0)
    told: SimpleQueue[CameraProfile] = SimpleQueue()
    clock = Clock()
    # The last one alone would be taken for soft; what is remembered of the camera says otherwise.
    estimator = FakeEstimator(soft, soft, sharp, CameraProfile.of(0.3, 1.0, 0.2), soft)
    with running(ProfileLearner(told.put, lambda: estimator, clock)) as learner:
        for camera in ("Acme", "Acme", "Logi", "Logi", "Acme"):
            learner.offer(FRAME, camera)
            estimator.frames.get(timeout=60)
            clock.now += 60
        seen = [told.get(timeout=60) for _ in range(4)]
    assert seen[0] == soft
    assert seen[1] == sharp
    assert seen[3] == soft
    acme, logi = estimator.earlier[0], estimator.earlier[2]
    assert [it is acme for it in estimator.earlier] == [True, True, False, False, True]
    assert estimator.earlier[3] is logi


def test_another_camera_is_looked_at_at_once() -> None:
    estimator = FakeEstimator()
    clock = Clock()
    with running(ProfileLearner(lambda _: None, lambda: estimator, clock)) as learner:
        for camera in ("Acme", "Logi"):
            learner.offer(FRAME, camera)
            estimator.frames.get(timeout=60)
        learner.offer(FRAME, "Logi")
        assert learner._offered == 1


class FakeMemory:
    """Keeps profiles by camera."""

    def __init__(self, **kept: CameraProfile) -> None:
        self.kept = kept

    def recall(self, key: str) -> CameraProfile | None:
        return self.kept.get(key)

    def remember(self, key: str, profile: CameraProfile) -> None:
        self.kept[key] = profile

    def forget(self, key: str) -> None:
        self.kept.pop(key, None)


SOFT, SHARP = CameraProfile.of(1.5, 1.0, 0.2), CameraProfile.of(0.2, 1.0, 0.2)


def learn(memory: FakeMemory, *estimates: CameraProfile) -> list[CameraProfile]:
    """Offer so many frames of one camera; returns what was told."""
    estimator, clock, told = FakeEstimator(*estimates), Clock(), []
    with running(ProfileLearner(told.append, lambda: estimator, clock, memory)) as learner:
        for _ in estimates:
            learner.offer(FRAME, "Acme")
            estimator.frames.get(timeout=60)
            clock.now += 100
    return told


def test_a_camera_known_from_earlier_is_used_at_once_and_odd_estimates_do_not_move_it() -> None:
    told = learn(FakeMemory(Acme=SOFT), SHARP, SHARP)
    assert told == [SOFT]


def test_what_was_learnt_is_remembered_once_it_is_sure() -> None:
    memory = FakeMemory()
    learn(memory, *[SOFT] * (SURE - 1))
    assert memory.kept == {}
    learn(memory, *[SOFT] * SURE)
    assert memory.kept == {"Acme": SOFT}


def test_learning_again_forgets_what_was_known() -> None:
    memory, clock, told = FakeMemory(Acme=SOFT), Clock(), []
    estimator = FakeEstimator(SHARP, SHARP)
    with running(ProfileLearner(told.append, lambda: estimator, clock, memory)) as learner:
        learner.offer(FRAME, "Acme")
        estimator.frames.get(timeout=60)
        learner.learn_again()
        learner.offer(FRAME, "Acme")  # at once, though none is due
        estimator.frames.get(timeout=60)
    assert told == [SOFT, SHARP]
    assert estimator.earlier[0] is not estimator.earlier[1]
    assert memory.kept == {}
