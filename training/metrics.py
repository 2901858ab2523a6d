"""PSNR and SSIM on luma, as the restoration literature defines them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

BORDER = 4
"""Pixels cut from every side before comparing, where networks and filters see the padding."""
PSNR_CAP = 60.0
"""Identical pictures have infinite PSNR; means need a number."""


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures [H, W], border cut, capped at 60."""
    inner = slice(BORDER, -BORDER)
    a, b = a[inner, inner], b[inner, inner]
    error = cv2.norm(a, b, cv2.NORM_L2SQR) / a.size  # summed as whole numbers: exact
    return PSNR_CAP if error == 0 else min(PSNR_CAP, float(10 * np.log10(255**2 / error)))


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean structural similarity of two uint8 pictures [H, W], border cut.

    11x11 Gaussian window of standard deviation 1.5, valid region, K = 0.01 and 0.03, float64
    (Wang et al. 2004).
    """
    inner = slice(BORDER, -BORDER)
    whole, _ = similarity(a[inner, inner].astype(np.float64), b[inner, inner].astype(np.float64))
    return float(whole.mean())


def similarity(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Structural similarity of every place of two pictures in 0..255, and its part without
    luminance: [H, W] to [H - 10, W - 10] each."""
    window = cv2.getGaussianKernel(11, 1.5)

    def mean(picture: NDArray[np.float64]) -> NDArray[np.float64]:
        return cv2.sepFilter2D(picture, -1, window, window)[5:-5, 5:-5]

    mean_x, mean_y = mean(x), mean(y)
    variance_x, variance_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    contrast = (2 * covariance + c2) / (variance_x + variance_y + c2)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance * contrast, contrast
