"""ProfileEstimator: the camera's profile from one frame, by a small network on textured crops.

Not on the frame path: a frame costs several milliseconds. `learner.py` decides when.
"""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.assets import asset
from sharpcam.model import open_session
from sharpcam.network import ESTIMATOR_CROP as CROP
from sharpcam.profile import CameraProfile

CANDIDATES = 8
"""Crops looked at along each side of the frame, at most."""
CHOSEN = 12
"""The most textured of them, which the network reads."""
GRID = 16
"""Crops start on the frame's JPEG blocks, as in training."""
QUANTILES = (0.2, 0.5, 0.5, 0.5)
"""Which of the crops' values is taken, for each number of the profile. The scene can add blur to
the camera's, by what is out of focus or has no fine detail, but take none away: so the crisp crops
tell of the camera, and the middle of all tells the rest."""
LEAST_TEXTURE = 2.0
"""Mean gradient in grey levels per pixel below which a crop is a wall and tells nothing of blur."""


class ProfileEstimator:
    """One loaded estimator; not thread-safe."""

    def __init__(self) -> None:
        """Load the bundled network.

        Raises:
            SharpCamError: the installation lacks it.
        """
        self._session = open_session(asset("model/profile.onnx"), threads=1)

    def estimate(self, y: NDArray[np.uint8]) -> CameraProfile | None:
        """The profile that one frame shows: luma uint8 [H, W].

        None when the frame is smaller than a crop or shows nothing but walls.
        """
        crops = textured_crops(y)
        if len(crops) == 0:
            return None
        profile, error = self._session.run(["profile", "error"], {"crops": crops[:, None]})
        return CameraProfile.clipped(
            *(
                weighted_quantile(profile[:, index], 1 / error[:, index], quantile)
                for index, quantile in enumerate(QUANTILES)
            )
        )


def textured_crops(y: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The most textured crops of a frame, uint8 [N, 96, 96], N at most 12 and possibly 0."""
    height, width = y.shape
    if height < CROP or width < CROP:
        return np.empty((0, CROP, CROP), np.uint8)
    tops, lefts = (
        np.unique(np.linspace(0, side - CROP, CANDIDATES).astype(int) // GRID * GRID)
        for side in (height, width)
    )
    crops = np.stack(
        [y[top : top + CROP, left : left + CROP] for top, left in product(tops, lefts)]
    )
    texture = np.array([_texture(crop) for crop in crops])
    order = np.argsort(-texture)[:CHOSEN]
    return np.asarray(crops[order[texture[order] >= LEAST_TEXTURE]])


def _texture(crop: NDArray[np.uint8]) -> float:
    """Mean gradient at a coarse scale, which neither noise nor blur changes much."""
    coarse = cv2.resize(crop, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).astype(np.int16)
    across, down = np.abs(np.diff(coarse, axis=1)), np.abs(np.diff(coarse, axis=0))
    return float(across.mean() + down.mean()) / 2


def weighted_quantile(
    values: NDArray[np.float32], weights: NDArray[np.float32], quantile: float
) -> float:
    """The value below which this part of the weight lies; values and weights [N], N at least 1."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] * quantile)])
