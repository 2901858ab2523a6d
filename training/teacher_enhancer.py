"""A trained teacher on whole pictures, for evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from sharpcam.profile import CameraProfile
from training.teacher import load_teacher

MULTIPLE = 8
"""The teacher's lowest level is at an eighth of the resolution."""


class TeacherEnhancer:
    """Weights from a run's teacher.safetensors."""

    def __init__(self, path: Path) -> None:
        """Load the weights.

        Raises:
            SharpCamError: missing, damaged, or not a teacher's.
        """
        self._teacher = load_teacher(path).eval()

    @torch.no_grad()
    def enhance(self, y: NDArray[np.uint8], profile: CameraProfile) -> NDArray[np.uint8]:
        """Restored luma: uint8 [H, W] to the same."""
        height, width = y.shape
        luma = torch.from_numpy(y).float()[None, None] / 255
        padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        luma = F.pad(luma, padding, mode="replicate")
        restored, _ = self._teacher(luma, torch.from_numpy(profile.as_array())[None])
        out = (restored[0, 0, :height, :width].clamp(0, 1) * 255 + 0.5).to(torch.uint8)
        return np.asarray(out.numpy())
