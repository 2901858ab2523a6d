"""PSNR and SSIM against a second implementation."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from training.metrics import BORDER, PSNR_CAP, psnr, ssim


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    a = np.kron(rng.integers(0, 256, (12, 15)), np.ones((6, 6))).astype(np.uint8)
    b = np.clip(a + rng.normal(0, 12, a.shape), 0, 255).astype(np.uint8)
    return a, b


def test_psnr_is_scikit_images(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    inner = slice(BORDER, -BORDER)
    a, b = (picture[inner, inner] for picture in pictures)
    assert psnr(*pictures) == pytest.approx(peak_signal_noise_ratio(a, b), abs=1e-9)


def test_ssim_is_scikit_images(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    inner = slice(BORDER, -BORDER)
    a, b = (picture[inner, inner] for picture in pictures)
    _, full = structural_similarity(
        a,
        b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
        data_range=255,
    )
    assert ssim(*pictures) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)


def test_equal_pictures_have_the_cap_and_one(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    assert psnr(pictures[0], pictures[0]) == PSNR_CAP
    assert ssim(pictures[0], pictures[0]) == pytest.approx(1)
