"""What stands still loses its noise; what moves, cuts or does not tremble stays as it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from sharpcam.denoise import BLOCK, MOST, TemporalDenoiser

SHAPE = 144, 208
FRAMES = 40


def scene(seed: int = 0) -> NDArray[np.float32]:
    """Soft patches of all kinds of grey: float32 [H, W]."""
    grey = np.random.default_rng(seed).uniform(40, 215, SHAPE).astype(np.float32)
    return np.asarray(cv2.resize(grey[:18, :26], SHAPE[::-1], interpolation=cv2.INTER_CUBIC))


def shot(clean: NDArray[np.float32], sigma: float, index: int) -> NDArray[np.uint8]:
    """The scene with a camera's noise."""
    noise = np.random.default_rng((7, index)).normal(0, sigma, clean.shape)
    return np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


def filmed(
    clean: Callable[[int], NDArray[np.float32]], sigma: float
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8]]]:
    """For each frame what was there, what the camera saw, and what is made of that."""
    denoiser = TemporalDenoiser()
    for index in range(FRAMES):
        y = shot(clean(index), sigma, index)
        kept = y.copy()
        made = denoiser.denoise(y)
        np.testing.assert_array_equal(y, kept)
        yield clean(index), y, made.copy()


def off(y: NDArray[np.uint8], clean: NDArray[np.float32]) -> float:
    """Root mean square error."""
    return float(np.sqrt(np.mean((y - clean) ** 2)))


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5, 5.0])
def test_noise_of_a_scene_at_rest_falls_to_less_than_half(sigma: float) -> None:
    still = scene()
    frames = list(filmed(lambda _: still, sigma))
    rounding = 1 / np.sqrt(12)  # to whole grey levels
    left = [np.sqrt(off(made, still) ** 2 - rounding**2) for _, _, made in frames[MOST:]]
    assert np.mean(left) < 0.5 * sigma
    trembling = [np.std([frame[at] for frame in frames[MOST:]], 0).mean() for at in (1, 2)]
    assert trembling[1] < 0.5 * trembling[0]


@pytest.mark.parametrize("sigma", [0.4, 2.5])
def test_the_mean_brightness_stays(sigma: float) -> None:
    still = scene()
    frames = list(filmed(lambda _: still, sigma))[MOST:]
    shift = np.mean([made.mean() - y.mean() for _, y, made in frames])
    assert abs(shift) < 0.05


def test_a_scene_at_rest_without_noise_stays_bit_exact() -> None:
    still = scene()
    for _, y, made in filmed(lambda _: still, 0):
        np.testing.assert_array_equal(made, y)


def test_after_a_cut_nothing_is_left_of_the_scene_before() -> None:
    first, second = scene(1), scene(2)
    frames = list(filmed(lambda index: first if index < 20 else second, 1.0))
    clean, y, made = frames[20]
    assert off(made, clean) < 1.05 * off(y, clean)


@pytest.mark.parametrize(("sigma", "trail"), [(0.4, 2.5), (1.0, 2.5), (3.0, 4.0)])
@pytest.mark.parametrize("contrast", [3, 12, 60])
def test_what_moves_leaves_no_trail_beyond_the_noise(
    sigma: float, trail: float, contrast: int
) -> None:
    def ball(index: int) -> NDArray[np.float32]:
        picture = np.full(SHAPE, 90, np.float32)
        cv2.circle(picture, (10 + 4 * index, 70), 24, 90 + contrast, -1)
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5))

    for clean, _, made in list(filmed(ball, sigma))[MOST:]:
        assert np.abs(cv2.blur(made - clean, (5, 5))).max() < trail


def test_a_pan_across_the_softest_scene_blurs_by_less_than_can_be_seen() -> None:
    wide = cv2.resize(scene(), None, fx=2.5, fy=1, interpolation=cv2.INTER_CUBIC)

    def pan(index: int) -> NDArray[np.float32]:
        left = 3 * max(0, index - 10)
        return np.asarray(wide[:, left : left + SHAPE[1]])

    frames = list(filmed(pan, 1.0))[11:]
    before, after = (np.mean([off(it[at], it[0]) for it in frames]) for at in (1, 2))
    assert after < before + 0.3


@pytest.mark.parametrize("sigma", [0.4, 1.0])
def test_a_soft_camera_in_a_shaking_hand_blurs_by_less_than_half_a_grey_level(sigma: float) -> None:
    """From the first frame on nothing rests that could tell the noise."""
    grey = np.random.default_rng(3).uniform(70, 180, (80, 110)).astype(np.float32)
    texture = cv2.GaussianBlur(cv2.resize(grey, None, fx=3, fy=3), (0, 0), 3)

    def shaken(index: int) -> NDArray[np.float32]:
        aside, down = np.random.default_rng((5, index)).uniform(0, 3, 2)
        shift = np.array([[1, 0, -8 - aside], [0, 1, -8 - down]], np.float32)
        return np.asarray(cv2.warpAffine(texture, shift, SHAPE[::-1], flags=cv2.INTER_CUBIC))

    frames = list(filmed(shaken, sigma))[1:]
    before, after = (np.mean([off(it[at], it[0]) for it in frames]) for at in (1, 2))
    assert after**2 - before**2 < 0.5**2


def test_a_slow_fade_is_followed() -> None:
    still = scene()
    for clean, _, made in list(filmed(lambda index: still + index, 0.5))[MOST:]:
        assert abs(float((made - clean).mean())) < 4


def test_an_exposure_step_is_followed_at_once() -> None:
    still = scene()
    frames = list(filmed(lambda index: still + 12 * (index >= 20), 1.0))
    assert abs(float((frames[20][2] - frames[20][0]).mean())) < 0.3


def test_another_size_or_forgetting_begins_anew() -> None:
    denoiser = TemporalDenoiser()
    y = shot(scene(), 1.0, 0)
    for index in range(1, 4):
        denoiser.denoise(shot(scene(), 1.0, index))
    assert denoiser.denoise(y[:, :160]) is not None
    np.testing.assert_array_equal(denoiser.denoise(y), y)
    assert (denoiser.denoise(shot(scene(), 1.0, 1)) != shot(scene(), 1.0, 1)).any()
    denoiser.forget()
    np.testing.assert_array_equal(denoiser.denoise(y), y)


def test_what_is_forgotten_holds_no_memory() -> None:
    denoiser = TemporalDenoiser()
    y = shot(scene(), 1.0, 0)
    references = sys.getrefcount(y)
    denoiser.denoise(y)
    denoiser.denoise(shot(scene(), 1.0, 1))
    made = denoiser.denoise(y)
    held = sys.getrefcount(made)
    denoiser.forget()
    assert sys.getrefcount(made) < held
    assert sys.getrefcount(y) == references


@given(
    st.lists(st.integers(1, 3 * BLOCK), min_size=2, max_size=2).flatmap(
        lambda shape: st.lists(hnp.arrays(np.uint8, tuple(shape)), min_size=2, max_size=5)
    )
)
def test_any_pictures_of_any_size_come_out_within_their_range(frames: list[np.ndarray]) -> None:
    denoiser = TemporalDenoiser()
    for y in frames:
        made = denoiser.denoise(y)
        assert (made.shape, made.dtype) == (y.shape, np.uint8)
    low, high = np.min(frames, 0), np.max(frames, 0)
    assert ((made >= low) & (made <= high)).all()
    height, width = (side // BLOCK * BLOCK for side in y.shape)
    np.testing.assert_array_equal(made[height:], y[height:])
    np.testing.assert_array_equal(made[:, width:], y[:, width:])


def test_rows_that_are_not_contiguous_are_taken() -> None:
    wide = np.zeros((SHAPE[0], SHAPE[1] + 40), np.uint8)
    straight, across = TemporalDenoiser(), TemporalDenoiser()
    for index in range(4):
        y = shot(scene(), 1.0, index)
        wide[:, : SHAPE[1]] = y
        made = straight.denoise(y)
        np.testing.assert_array_equal(across.denoise(wide[:, : SHAPE[1]]), made)
