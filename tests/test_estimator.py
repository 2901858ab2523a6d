"""The bundled estimator, on pictures whose faults are known, and the choice of its crops."""

from __future__ import annotations

from statistics import median, pstdev

import cv2
import numpy as np
import pytest

from sharpcam.assets import asset
from sharpcam.estimator import CHOSEN, CROP, TOGETHER, Earlier, ProfileEstimator, textured_crops
from sharpcam.profile import CameraProfile
from sharpcam.video import VideoReader


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """A sharp made-up scene, uint8 [480, 640]: many edges at many scales over smooth shading."""
    rng = np.random.default_rng(0)
    y = np.full((480, 640), 120, np.uint8)
    for _ in range(500):
        centre = tuple(int(value) for value in rng.integers(0, 640, 2))
        cv2.circle(y, centre, int(rng.integers(2, 40)), int(rng.integers(20, 235)), -1, cv2.LINE_AA)
    return y


@pytest.fixture(scope="module")
def estimator() -> ProfileEstimator:
    return ProfileEstimator()


def test_softer_pictures_are_told_softer(estimator: ProfileEstimator, scene: np.ndarray) -> None:
    blurs = []
    for sigma in (0.7, 1.2, 1.8):
        profile = estimator.estimate(cv2.GaussianBlur(scene, (0, 0), sigma))
        assert profile is not None
        blurs.append(profile.blur_px)
    assert blurs == sorted(blurs)
    assert blurs[2] - blurs[0] > 0.5


def test_noisier_pictures_are_told_noisier(estimator: ProfileEstimator, scene: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    soft = cv2.GaussianBlur(scene, (0, 0), 1.0).astype(float)
    levels = []
    for sigma in (0.5, 2.0, 5.0):
        noisy = np.clip(soft + rng.normal(0, sigma, soft.shape), 0, 255).astype(np.uint8)
        profile = estimator.estimate(noisy)
        assert profile is not None
        levels.append(profile.noise)
    assert levels == sorted(levels)
    assert levels[2] - levels[0] > 1.5


def estimates(estimator: ProfileEstimator, clip: str) -> list[CameraProfile]:
    """What every sixth frame of a sample clip tells."""
    with VideoReader(asset(f"samples/{clip}.mkv"), as_camera=True) as video:
        frames = [i420[: video.height].copy() for i420, _ in video][::6]
    told = [estimator.estimate(y, earlier) for earlier in [Earlier()] for y in frames]
    return [profile for profile in told if profile is not None]


def test_a_softened_clip_is_told_as_soft_as_it_was_made(estimator: ProfileEstimator) -> None:
    profiles = estimates(estimator, "soft")  # by 1.1 px, see training/soften.py
    assert len(profiles) > 12
    assert median(profile.blur_px for profile in profiles) == pytest.approx(1.1, abs=0.11)
    assert pstdev(profile.blur_px for profile in profiles) < 0.11


def test_a_clip_with_crisp_edges_and_halos_is_not_told_soft(estimator: ProfileEstimator) -> None:
    # Its edges rise as steeply as those of a clean photograph: more would double the halos.
    profiles = estimates(estimator, "book")
    assert 0.1 < median(profile.blur_px for profile in profiles) < 0.6


def test_a_few_frames_are_read_together_and_walls_are_none_of_them(
    estimator: ProfileEstimator, scene: np.ndarray
) -> None:
    earlier, wall = Earlier(), np.full_like(scene, 77)
    soft = cv2.GaussianBlur(scene, (0, 0), 2.0)
    alone = estimator.estimate(scene)
    first = estimator.estimate(scene, earlier)
    assert first == alone
    assert estimator.estimate(wall, earlier) is None
    assert len(earlier) == 1
    assert estimator.estimate(soft, earlier) != estimator.estimate(soft)
    for _ in range(TOGETHER - 1):
        estimator.estimate(soft, earlier)
    last, without = estimator.estimate(soft, earlier), estimator.estimate(soft)
    assert last is not None
    assert without is not None
    np.testing.assert_allclose(last.as_array(), without.as_array(), atol=1e-4)


def test_walls_and_stamps_tell_nothing(estimator: ProfileEstimator) -> None:
    assert estimator.estimate(np.full((480, 640), 77, np.uint8)) is None
    assert estimator.estimate(np.zeros((CROP - 1, 640), np.uint8)) is None


def test_the_most_textured_crops_are_chosen_on_the_jpeg_grid() -> None:
    y = np.full((480, 640), 100, np.uint8)
    y[:, 320:] = np.kron(np.random.default_rng(0).integers(0, 255, (60, 40)), np.ones((8, 8)))
    crops = textured_crops(y)
    assert crops.shape == (CHOSEN, CROP, CROP)
    assert all(crop.std() > 40 for crop in crops)
