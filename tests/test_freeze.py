from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeClock, picture
from numpy.typing import NDArray

from sharpcam.freeze import FROZEN_SECONDS, HICCUP_SECONDS, NOISY_CHANGES, FreezeWatch

FPS = 30


def noisy(index: int) -> NDArray[np.uint8]:
    """A grey wall with a little noise in it."""
    noise = np.random.default_rng(index).normal(0, 1, (96, 128))
    return np.clip(100 + noise, 0, 255).astype(np.uint8)


class Camera:
    """Shows pictures to the watch at 30 a second."""

    def __init__(self) -> None:
        self.watch, self.clock, self.index = FreezeWatch(), FakeClock(), 0

    def live(self, seconds: float, each: int = 1) -> bool:
        """Noise, every picture `each` times; whether it was ever called frozen."""
        frozen = False
        for count in range(round(seconds * FPS)):
            self.index += count % each == 0
            frozen |= self._show(noisy(self.index))
        return frozen

    def still(self, seconds: float) -> bool:
        return any([self._show(noisy(self.index)) for _ in range(round(seconds * FPS))])

    def _show(self, y: NDArray[np.uint8]) -> bool:
        self.clock.now += 1 / FPS
        return self.watch.is_frozen(y, self.clock.now)


def test_a_living_camera_is_never_called_frozen() -> None:
    assert not Camera().live(60)


def test_noise_that_stops_for_long_is_a_camera_that_has_frozen() -> None:
    camera = Camera()
    camera.live(10)
    assert not camera.still(FROZEN_SECONDS - 0.1)
    assert camera.still(0.2)


def test_a_picture_that_never_had_noise_is_a_drawing() -> None:
    assert not Camera().still(600)


def test_the_same_picture_after_opening_again_is_believed() -> None:
    again = Camera()  # every opened camera has a watch of its own
    again.live(NOISY_CHANGES / FPS / 2)
    assert not again.still(600)


@pytest.mark.parametrize("each", [2, 3, round(HICCUP_SECONDS * FPS) - 1])
def test_a_camera_that_repeats_pictures_in_the_dark_still_has_noise(each: int) -> None:
    camera = Camera()
    assert not camera.live(NOISY_CHANGES * each / FPS + 5, each)
    assert camera.still(FROZEN_SECONDS + 0.1)


def test_slides_that_change_now_and_then_are_no_noise() -> None:
    camera = Camera()
    assert not camera.live(FROZEN_SECONDS * 100, each=round(FROZEN_SECONDS * FPS * 1.5))


def test_a_frozen_camera_that_comes_back_may_freeze_again() -> None:
    camera = Camera()
    for _ in range(2):
        assert not camera.live(10)
        assert camera.still(FROZEN_SECONDS + 0.1)


def test_small_pictures_and_views_are_looked_at_too() -> None:
    watch = FreezeWatch()
    view = picture(1)[:16]
    assert [watch.is_frozen(view[:, 1:], float(second)) for second in range(9)] == [False] * 9
