"""A picture that stands still is restored once, and again as soon as anything about it changes."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from fakes import FakeEnhancer, picture

from sharpcam.denoise import TemporalDenoiser
from sharpcam.enhancer import BypassError
from sharpcam.frame import Frame
from sharpcam.guard import STEP, Guard
from sharpcam.meter import Meter
from sharpcam.profile import CameraProfile
from sharpcam.settings import Settings
from sharpcam.status import State

SIZE = 64, 3 * STEP
PROFILES = CameraProfile.of(1.0, 2.0, 0.3), CameraProfile.of(2.0, 2.0, 0.3)


class Scene:
    """A guard, what it is given and what comes out."""

    def __init__(self) -> None:
        self.enhancer, self.meter = FakeEnhancer(), Meter()
        self.guard = Guard(self.enhancer, self.meter)
        self.settings = Settings(denoise=False)
        self.sequence = 0

    def show(self, i420: np.ndarray) -> np.ndarray:
        """The luma that is sent for this picture; checks all else about the frame."""
        self.sequence += 1
        frame = Frame(i420, self.sequence, float(self.sequence), self.sequence / 30)
        after, state, _ = self.guard.enhance(frame, self.settings)
        assert state is State.SHARPENING
        assert (after.sequence, after.captured_at, after.pts) == (
            frame.sequence,
            frame.captured_at,
            frame.pts,
        )
        np.testing.assert_array_equal(after.i420[after.height :], i420[after.height :])
        expected = FakeEnhancer.expected(frame.y, self.settings.strength)
        np.testing.assert_array_equal(after.y, expected)
        return after.y


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("copied", [False, True])
def test_a_picture_that_stands_still_is_restored_once(scene: Scene, copied: bool) -> None:
    still = picture(1, SIZE)
    for _ in range(5):
        scene.show(still.copy() if copied else still)
    assert len(scene.enhancer.calls) == 1
    assert scene.meter.spreads()["enhance"].median > 0


def test_only_work_that_was_done_is_measured(scene: Scene) -> None:
    for _ in range(5):
        scene.show(picture(1, SIZE))
    assert len(scene.meter._times["enhance"]) == 1


def test_a_picture_that_moves_is_restored_every_time(scene: Scene) -> None:
    for index in range(5):
        scene.show(picture(index, SIZE))
    assert len(scene.enhancer.calls) == 5


@pytest.mark.parametrize("place", [(1, 5), (SIZE[1] - 1, 63), (SIZE[1] + 3, 0), (-1, -1)], ids=str)
def test_one_other_pixel_makes_another_picture(scene: Scene, place: tuple[int, int]) -> None:
    still = picture(1, SIZE)
    scene.show(still)
    changed = still.copy()
    changed[place] ^= 1
    scene.show(changed)
    scene.show(changed.copy())
    assert len(scene.enhancer.calls) == 2


def test_the_strength_acts_at_once(scene: Scene) -> None:
    still = picture(1, SIZE)
    for strength in (1.0, 0.5, 0.5, 1.0):
        scene.settings = Settings(strength=strength, denoise=False)
        scene.show(still)
    assert scene.enhancer.calls == [1.0, 0.5, 1.0]


def test_a_new_profile_acts_at_once(scene: Scene) -> None:
    still = picture(1, SIZE)
    for profile in PROFILES:
        scene.enhancer.set_profile(profile)
        scene.show(still)
        scene.show(still)
    assert len(scene.enhancer.calls) == 2


def test_a_profile_that_comes_while_the_picture_is_restored_acts_on_the_next() -> None:
    scene = Scene()
    scene.enhancer._work = lambda: scene.enhancer.set_profile(PROFILES[0])
    still = picture(1, SIZE)
    scene.show(still)
    scene.show(still)
    assert len(scene.enhancer.calls) == 2


def test_off_and_on_again_shows_what_each_says(scene: Scene) -> None:
    still = picture(1, SIZE)
    sharp = scene.show(still).copy()
    frame = Frame(still, 9, 9.0)
    assert scene.guard.enhance(frame, Settings(enabled=False)) == (frame, State.OFF, "")
    np.testing.assert_array_equal(scene.show(still), sharp)


def test_an_enhancer_that_bypasses_now_is_asked_although_it_has_restored_that_picture(
    scene: Scene,
) -> None:
    class Bypassing(FakeEnhancer):
        bypassed = False

        @property
        def version(self) -> object:
            return self.bypassed

        def enhance(self, y: np.ndarray, strength: float) -> np.ndarray:
            if self.bypassed:
                raise BypassError("too slow")
            return super().enhance(y, strength)

    enhancer = Bypassing()
    guard, frame = Guard(enhancer, Meter()), Frame(picture(1, SIZE), 0, 0.0)
    assert guard.enhance(frame, Settings())[1] is State.SHARPENING
    enhancer.bypassed = True
    assert guard.enhance(frame, Settings()) == (frame, State.BYPASSED, "too slow")


def noisy(index: int) -> np.ndarray:
    """A flat I420 picture with other noise for every index."""
    rng = np.random.default_rng(index)
    return np.rint(rng.normal(100, 2, (SIZE[1] * 3 // 2, SIZE[0]))).astype(np.uint8)


def test_what_stands_still_is_enhanced_with_less_noise_and_chroma_stays(scene: Scene) -> None:
    for index in range(30):
        i420 = noisy(index)
        frame = Frame(i420, index, float(index))
        after, state, _ = scene.guard.enhance(frame, Settings())
        assert state is State.SHARPENING
        np.testing.assert_array_equal(after.i420[after.height :], i420[after.height :])
    before = FakeEnhancer.expected(frame.y, 1.0)
    assert after.y.std() < before.std() / 2
    assert scene.meter.spreads()["denoise"].median > 0
    after, _, _ = scene.guard.enhance(frame, Settings(denoise=False))
    np.testing.assert_array_equal(after.y, before)


def test_a_denoiser_that_fails_lets_frames_pass_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: TemporalDenoiser, y: np.ndarray) -> np.ndarray:
        raise MemoryError("no memory")

    monkeypatch.setattr(TemporalDenoiser, "denoise", fails)
    frame = Frame(noisy(0), 0, 0.0)
    bypassed = frame, State.BYPASSED, "MemoryError: no memory"
    assert scene.guard.enhance(frame, Settings()) == bypassed
    assert scene.guard.enhance(frame, Settings()) == bypassed


def test_while_bypassed_nothing_is_denoised_in_vain(scene: Scene) -> None:
    def too_slow() -> None:
        raise BypassError("too slow")

    for index in range(9):
        scene.enhancer._work = too_slow if 2 <= index < 6 else lambda: None
        frame = Frame(noisy(index), index, float(index))
        after, state, _ = scene.guard.enhance(frame, Settings())
        assert (state is State.BYPASSED) == (2 <= index < 6)
        assert (after is frame) == (2 <= index < 6)
    # The first that is bypassed was denoised already; the first one after is not yet.
    assert len(scene.meter._times["denoise"]) == 2 + 1 + 2


def test_what_is_forgotten_holds_no_picture(scene: Scene) -> None:
    still = picture(1, SIZE)
    references = sys.getrefcount(still)
    scene.show(still)
    assert sys.getrefcount(still) > references
    scene.guard.forget()
    assert sys.getrefcount(still) == references
    scene.show(still)
    assert len(scene.enhancer.calls) == 2


def test_frames_that_are_still_shown_are_not_written_over(scene: Scene) -> None:
    shown = [scene.show(picture(index, SIZE)) for index in range(30)]
    for index, y in enumerate(shown):
        expected = FakeEnhancer.expected(picture(index, SIZE)[: SIZE[1]], 1.0)
        np.testing.assert_array_equal(y, expected)
