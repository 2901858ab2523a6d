"""ProfileNet: reads a camera's profile off crops of its frames, with how sure it is of each."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sharpcam.network import ESTIMATOR_CROP
from training.data import make_pair
from training.student import PROFILE_SCALE, SLOPE, normalise_profile


class ProfileNet(nn.Module):
    """Five convolutions, then mean and deviation over the crop, then a small MLP."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 24, 32, 48, 48)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=1 if index in (0, 4) else 2, padding=1)
            for index, (before, after) in enumerate(pairwise(widths))
        )
        self.head = nn.Sequential(nn.Linear(96, 48), nn.LeakyReLU(SLOPE), nn.Linear(48, 8))

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Estimate the profile of each crop.

        Args:
            y: luma [N, 1, 96, 96] in 0..1.

        Returns:
            Profile [N, 4] in CameraProfile's units, which may be a little below zero (a ReLU would
            cut the gradient off where a number is mostly zero), and the scale of its error [N, 4]
            in the same.
        """
        # Exposure is not a fault: only differences within the crop speak.
        x = 4 * (y - y.mean((2, 3), keepdim=True))
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), SLOPE)
        mean = x.mean((2, 3))
        deviation = ((x - mean[:, :, None, None]).square().mean((2, 3)) + 1e-6).sqrt()
        value, log_error = self.head(torch.cat([mean, deviation], 1)).chunk(2, 1)
        scale = y.new_tensor(PROFILE_SCALE)
        return value * scale, log_error.clamp(-5, 3).exp() * scale


def profile_loss(model: nn.Module, y: Tensor, camera: Tensor) -> Tensor:
    """Negative log-likelihood of a Laplace distribution, in normalised units, a scalar."""
    value, error = (normalise_profile(out.float()) for out in model(y))
    return ((value - normalise_profile(camera)).abs() / error + error.log()).mean()


class ProfileValidation:
    """Held-out crops at random cameras; the score is minus the weighted error over a camera."""

    def __init__(self, bank: NDArray[np.uint8], count: int = 400) -> None:
        pairs = [make_pair(bank, ESTIMATOR_CROP, (11, index)) for index in range(count)]
        self.crops = torch.from_numpy(np.stack([pair.degraded for pair in pairs]))[:, None]
        self.cameras = torch.from_numpy(np.stack([pair.camera for pair in pairs]))

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Median absolute error over the surer half of the crops, per number."""
        device = next(model.parameters()).device
        value, error = (out.float().cpu() for out in model(self.crops.to(device)))
        sure = error <= error.median(0).values
        miss = (value - self.cameras).abs()
        medians = [float(miss[sure[:, index], index].median()) for index in range(4)]
        normalised = [miss / scale for miss, scale in zip(medians, PROFILE_SCALE, strict=True)]
        names = ("blur_px", "noise", "compression", "sharpening")
        return {"score": -float(np.mean(normalised))} | dict(zip(names, medians, strict=True))
