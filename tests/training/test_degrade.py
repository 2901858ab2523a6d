"""Each fault of a camera does what its name says, by value."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sharpcam.profile import CameraProfile
from training.cameras import BUCKETS, sample_camera
from training.degrade import (
    SCALERS,
    Camera,
    degrade,
    denoise_smear,
    h264,
    lens_blur,
    mjpeg,
    motion_blur,
    pan,
    resize,
    sensor_noise,
    unsharp,
)
from training.ruler import like_mjpeg, true_profile


@pytest.fixture
def texture() -> np.ndarray:
    noise = np.random.default_rng(3).random((96, 96), dtype=np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 0.8)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_perfect_camera_changes_nothing_but_the_rounding(texture: np.ndarray) -> None:
    assert np.abs(degrade(Camera(), texture, rng()) - texture).max() <= 0.5 / 255 + 1e-6


def test_the_same_seed_gives_the_same_picture(texture: np.ndarray) -> None:
    camera = BUCKETS["low light"]
    first, second = degrade(camera, texture, rng()), degrade(camera, texture, rng())
    np.testing.assert_array_equal(first, second)


def test_lens_blur_spreads_a_point_by_its_standard_deviation() -> None:
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 1
    spread = lens_blur(point, 2.0)
    places = np.arange(41) - 20
    assert np.sqrt((spread.sum(0) * places**2).sum()) == pytest.approx(2.0, rel=0.03)


def test_motion_blur_runs_along_its_angle_only() -> None:
    point = np.zeros((31, 31), np.float32)
    point[15, 15] = 1
    spread = motion_blur(point, 8, 0.0)
    places = np.arange(31) - 15
    along = np.sqrt((spread.sum(0) * places**2).sum())
    across = np.sqrt((spread.sum(1) * places**2).sum())
    assert along == pytest.approx(8 / np.sqrt(12), rel=0.1)
    assert across < 0.1
    assert spread.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("scaler", SCALERS)
def test_scalers_keep_a_flat_wall_and_lose_fine_texture(scaler: str, texture: np.ndarray) -> None:
    wall = np.full((96, 96), 0.3, np.float32)
    np.testing.assert_allclose(resize(resize(wall, 48, 48, scaler), 96, 96, scaler), 0.3, atol=1e-6)
    back = resize(resize(texture, 48, 48, scaler), 96, 96, scaler)
    assert back.std() < 0.95 * texture.std()


def test_sensor_noise_is_stronger_in_the_light_and_as_strong_as_told() -> None:
    dark, light = np.full((96, 96), 0.2, np.float32), np.full((96, 96), 0.8, np.float32)

    def in_linear_light(y: np.ndarray) -> float:
        return float((sensor_noise(y, 1e-3, 0.0, rng()) ** 2.2).std())

    assert in_linear_light(light) == pytest.approx(np.sqrt(1e-3 * 0.8**2.2), rel=0.05)
    assert in_linear_light(dark) < in_linear_light(light) / 2


def test_smear_takes_noise_from_a_wall_and_keeps_an_edge() -> None:
    wall = sensor_noise(np.full((96, 96), 0.5, np.float32), 1e-4, 0.0, rng())
    assert denoise_smear(wall, 1.0).std() < 0.6 * wall.std()
    edge = np.repeat(np.float32([[0.2, 0.8]]), 48, axis=1).repeat(96, axis=0)
    np.testing.assert_allclose(denoise_smear(edge, 1.0), edge, atol=0.01)


def test_the_cameras_sharpening_overshoots_an_edge_and_clips() -> None:
    edge = np.repeat(np.float32([[0.1, 0.95]]), 48, axis=1).repeat(96, axis=0)
    sharpened = unsharp(edge, 1.0, 1.0)
    assert sharpened.max() == 1.0
    assert sharpened.min() < 0.05


def test_mjpeg_at_lower_quality_is_further_from_the_picture(texture: np.ndarray) -> None:
    errors = [float(np.mean((mjpeg(texture, quality) - texture) ** 2)) for quality in (95, 75, 50)]
    assert errors == sorted(errors)
    assert errors[0] > 0


# Below 0.7 px a sampled Gaussian is no Gaussian any more.
@pytest.mark.parametrize("sigma", [0.8, 1.0, 2.0])
def test_the_true_profile_of_a_gaussian_lens_is_its_standard_deviation(sigma: float) -> None:
    assert true_profile(Camera(lens_px=sigma)).blur_px == pytest.approx(sigma, rel=0.08)


def test_the_true_profile_tells_noise_compression_and_the_perfect_camera() -> None:
    assert true_profile(Camera()) == CameraProfile()
    assert true_profile(Camera(quality=75)).compression == pytest.approx(0.5)
    quiet, loud = (true_profile(Camera(read_noise=noise)).noise for noise in (1e-3, 4e-3))
    assert loud == pytest.approx(4 * quiet, rel=0.1)


def test_the_cameras_own_sharpening_brings_no_detail_back() -> None:
    soft = true_profile(Camera(lens_px=1.2))
    little, much = (true_profile(Camera(lens_px=1.2, oversharpen=a)) for a in (0.5, 1.0))
    assert soft.blur_px == little.blur_px == much.blur_px
    assert 0 == soft.sharpening < little.sharpening
    assert much.sharpening == pytest.approx(2 * little.sharpening, rel=0.05)


def test_h264_at_a_higher_rate_factor_is_further_from_the_picture(texture: np.ndarray) -> None:
    errors = [float(np.mean((h264([texture] * 3, crf) - texture) ** 2)) for crf in (18, 24, 30)]
    assert errors == sorted(errors)
    assert 0 < errors[0] < 1e-4


@pytest.mark.parametrize("shape", [(61, 96), (96, 61), (61, 61)])
def test_h264_takes_odd_sizes(texture: np.ndarray, shape: tuple[int, int]) -> None:
    y = texture[: shape[0], : shape[1]]
    assert np.abs(h264([y], 18) - y).max() < 0.1


def test_a_pan_comes_to_rest_at_the_picture_itself(texture: np.ndarray) -> None:
    lengths = set()
    for seed in range(12):
        clip = pan(Camera(), texture, np.random.default_rng(seed))
        np.testing.assert_array_equal(clip[-1], texture)
        lengths.add(len(clip))
        if len(clip) > 1:
            assert not np.allclose(clip[0], texture)
    assert lengths == {1, 2, 3, 4}


def test_h264_is_told_as_mjpeg_of_equal_damage() -> None:
    qualities = [like_mjpeg(crf) for crf in (18, 22, 26, 30)]
    assert qualities == sorted(qualities, reverse=True)
    assert 90 < qualities[0] < 100
    assert true_profile(Camera(crf=26)).compression == pytest.approx((100 - qualities[2]) / 50)


def test_every_sampled_camera_keeps_the_shape_and_the_range(texture: np.ndarray) -> None:
    generator = rng()
    for _ in range(50):
        shown = degrade(sample_camera(generator), texture, generator)
        assert shown.shape == texture.shape
        assert shown.dtype == np.float32
        assert 0 <= shown.min() <= shown.max() <= 1
