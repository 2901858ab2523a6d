"""What SharpCam is measured against: the classics, each at its best for the very pictures.

All take and give luma as uint8 [H, W].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data import load_luma, photographs
from training.degrade import Camera, degrade, to_uint8
from training.metrics import psnr

Picture = NDArray[np.uint8]
Sharpener = Callable[[Picture], Picture]
RADII = (0.5, 0.7, 1.0, 1.4, 2.0)
AMOUNTS = (0.0, 0.3, 0.6, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
STOPS = (0.0, 0.5, 1.0, 2.0, 4.0)
TAPS = 9
FIT_PICTURES, FIT_ROWS = 24, 3000


def unsharp_mask(y: Picture, radius: float, amount: float) -> Picture:
    """The classic: the picture plus `amount` times its difference from a Gaussian blur."""
    blurred = cv2.GaussianBlur(y, (0, 0), radius)
    return cv2.addWeighted(y, 1 + amount, blurred, -amount, 0)


def rcas(y: Picture, stops: float) -> Picture:
    """AMD's robust contrast-adaptive sharpening (FidelityFX FSR 1): a cross of five pixels whose
    negative lobe is as large as clipping allows, halved for every stop."""
    e = y.astype(np.float32) / 255
    padded = np.pad(e, 1, mode="edge")
    cross = np.stack([padded[:-2, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:], padded[2:, 1:-1]])
    low, high = cross.min(0), cross.max(0)
    darker = low / np.maximum(4 * high, 1e-5)
    brighter = (1 - high) / np.minimum(4 * low - 4, -1e-5)
    lobe = np.clip(np.maximum(-darker, brighter), -(0.25 - 1 / 16), 0) * 2.0**-stops
    return to_uint8((lobe * cross.sum(0) + e) / (4 * lobe + 1))


def best_of(candidates: list[Sharpener], shown: list[Picture], targets: list[Picture]) -> Sharpener:
    """The one with the highest mean PSNR on these very pictures: an oracle."""

    def score(sharpen: Sharpener) -> float:
        return mean(psnr(sharpen(y), target) for y, target in zip(shown, targets, strict=True))

    return max(candidates, key=score)


def oracle_unsharp(shown: list[Picture], targets: list[Picture]) -> Sharpener:
    """The unsharp mask that is best for these very pictures."""
    masks = [
        partial(unsharp_mask, radius=radius, amount=amount)
        for radius, amount in product(RADII, AMOUNTS)
    ]
    return best_of(list(masks), shown, targets)


def oracle_rcas(shown: list[Picture], targets: list[Picture]) -> Sharpener:
    """RCAS at the sharpness that is best for these very pictures."""
    return best_of([partial(rcas, stops=stops) for stops in STOPS], shown, targets)


def least_squares_filter(camera: Camera, data: Path, scale: float) -> Sharpener:
    """The linear filter of 9x9 taps that undoes this camera best on training photographs."""
    products, wanted = np.zeros((TAPS**2 + 1,) * 2), np.zeros(TAPS**2 + 1)
    for rows, values in _examples(camera, data, scale):
        products += rows.T @ rows
        wanted += rows.T @ values
    solution = np.linalg.solve(products + 1e-3 * np.eye(TAPS**2 + 1), wanted)
    kernel, offset = solution[:-1].reshape(TAPS, TAPS), float(solution[-1])

    def apply(y: Picture) -> Picture:
        filtered = cv2.filter2D(y.astype(np.float32) / 255, -1, kernel)
        return to_uint8(filtered + offset)

    return apply


def _examples(
    camera: Camera, data: Path, scale: float
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Windows as the camera shows them, with a one behind, and what was in their middle."""
    for index, path in enumerate(photographs(data, "train")[:FIT_PICTURES]):
        target = load_luma(path, scale)
        rng = np.random.default_rng(index)
        shown = degrade(camera, target, rng)
        windows = np.lib.stride_tricks.sliding_window_view(shown, (TAPS, TAPS))
        places = [rng.integers(0, side, FIT_ROWS) for side in windows.shape[:2]]
        rows = windows[places[0], places[1]].reshape(FIT_ROWS, -1).astype(np.float64)
        half = TAPS // 2
        values = target[places[0] + half, places[1] + half].astype(np.float64)
        yield np.hstack([rows, np.ones((FIT_ROWS, 1))]), values
