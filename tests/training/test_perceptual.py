"""LPIPS and MS-SSIM against second implementations.

The numbers are what the packages lpips 0.1.4 (AlexNet, full precision) and pytorch-msssim 1.0.0
give for these very pictures, their border of 4 pixels cut.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.perceptual import lpips, ms_ssim


@pytest.fixture(scope="module")
def pictures() -> dict[str, np.ndarray]:
    """Blocks of chance, the same with grain, and blurred: uint8 [264, 328]."""
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(0, 256, (33, 41)), np.ones((8, 8))).astype(np.uint8)
    grainy = np.clip(blocks + rng.normal(0, 12, blocks.shape), 0, 255).astype(np.uint8)
    return {"as it is": blocks, "grainy": grainy, "soft": cv2.GaussianBlur(blocks, (0, 0), 1.5)}


@pytest.mark.parametrize(("kind", "expected"), [("grainy", 0.032184), ("soft", 0.759008)])
def test_lpips_is_the_lpips_packages(
    pictures: dict[str, np.ndarray], kind: str, expected: float
) -> None:
    # Half precision in the bundled file moves the third digit at most.
    assert lpips(pictures["as it is"], pictures[kind]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("kind", "expected"), [("grainy", 0.9918951), ("soft", 0.9188374)])
def test_ms_ssim_is_pytorch_msssims(
    pictures: dict[str, np.ndarray], kind: str, expected: float
) -> None:
    assert ms_ssim(pictures["as it is"], pictures[kind]) == pytest.approx(expected, abs=1e-6)


def test_equal_pictures_are_alike(pictures: dict[str, np.ndarray]) -> None:
    assert lpips(pictures["soft"], pictures["soft"]) == 0
    assert ms_ssim(pictures["soft"], pictures["soft"]) == pytest.approx(1)
