"""ProfileEstimator: the camera's profile from some frames, by a small network on textured crops.

Not on the frame path: an estimate costs tens of milliseconds. `learner.py` decides when.
"""

from __future__ import annotations

from collections import deque
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.assets import asset
from sharpcam.model import open_session
from sharpcam.network import ESTIMATOR_CROP as CROP
from sharpcam.network import (
    ESTIMATOR_FEATURES,
    INPUT_CROPS,
    INPUT_EARLIER,
    OUTPUT_FEATURES,
    OUTPUT_PROFILE,
)
from sharpcam.profile import CameraProfile

CANDIDATES = 8
"""Crops looked at along each side of the frame, at most."""
CHOSEN = 12
"""The most textured of them, which the network reads."""
TOGETHER = 6
"""Frames whose crops it reads together: what is soft in one scene is crisp in another."""
GRID = 16
"""Crops start on the frame's JPEG blocks, as in training."""
LEAST_TEXTURE = 2.0
"""Mean gradient in grey levels per pixel below which a crop is a wall and tells nothing of blur."""


NOTHING = np.empty((0, ESTIMATOR_FEATURES), np.float32)


class Earlier(deque[NDArray[np.float32]]):
    """What the crops of the last frames of one camera told: the next estimate counts it in."""

    def __init__(self) -> None:
        super().__init__(maxlen=TOGETHER - 1)


class ProfileEstimator:
    """One loaded estimator; not thread-safe."""

    def __init__(self) -> None:
        """Load the bundled network.

        Raises:
            SharpCamError: the installation lacks it.
        """
        self._session = open_session(asset("model/profile.onnx"), threads=1)

    def estimate(
        self, y: NDArray[np.uint8], earlier: Earlier | None = None
    ) -> CameraProfile | None:
        """The profile that a frame shows, luma uint8 [H, W], together with those before it.

        None when the frame is smaller than a crop or shows nothing but walls.

        Args:
            y: the frame.
            earlier: of the same camera; this frame is added to it.
        """
        crops = textured_crops(y)
        if len(crops) == 0:
            return None
        before = np.concatenate([NOTHING, *(earlier or ())])
        profile, told = self._session.run(
            [OUTPUT_PROFILE, OUTPUT_FEATURES], {INPUT_CROPS: crops[:, None], INPUT_EARLIER: before}
        )
        if earlier is not None:
            earlier.append(told)
        return CameraProfile.from_array(profile)


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
