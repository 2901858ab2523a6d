"""How alike two pictures look: LPIPS and MS-SSIM on luma.

LPIPS is version 0.1 with AlexNet (Zhang et al. 2018), whose convolutions and linear heads are
bundled in half precision: 0 is alike, larger is worse. Luma enters as grey RGB, so the figures are
not those of colour pictures, but compare the rows of one table.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from training.metrics import BORDER, similarity

LPIPS_WEIGHTS = Path(__file__).parent / "weights" / "lpips_alexnet.safetensors"
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of LPIPS's inputs in -1..1, per colour."""
CONVOLUTIONS = ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))
"""Stride and padding of AlexNet's five."""
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of MS-SSIM's scales, the finest first (Wang et al. 2003)."""


class Lpips(nn.Module):
    """AlexNet's five feature maps, each unit length in every place, and what their squared
    differences weigh."""

    def __init__(self) -> None:
        super().__init__()
        for name, tensor in load_file(LPIPS_WEIGHTS).items():
            self.register_buffer(name.replace(".", "_"), tensor.float(), persistent=False)

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Pictures [N, 3, H, W] in -1..1, at least 64 pixels high and wide."""
        x = (rgb - rgb.new_tensor(SHIFT).view(1, 3, 1, 1)) / rgb.new_tensor(SCALE).view(1, 3, 1, 1)
        maps = []
        for index, (stride, padding) in enumerate(CONVOLUTIONS):
            if index in (1, 2):
                x = F.max_pool2d(x, 3, 2)
            weight, bias = getattr(self, f"conv{index}_weight"), getattr(self, f"conv{index}_bias")
            x = F.relu(F.conv2d(x, weight, bias, stride, padding))
            maps.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return maps

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distance of each pair of pictures [N, 3, H, W] in -1..1: [N]."""
        distances = [
            ((x - y).square() * getattr(self, f"lin{index}").view(1, -1, 1, 1)).sum(1).mean((1, 2))
            for index, (x, y) in enumerate(zip(self.features(a), self.features(b), strict=True))
        ]
        return torch.stack(distances).sum(0)


@cache
def _network() -> Lpips:
    return Lpips().eval().requires_grad_(False)


@torch.no_grad()
def lpips(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Perceptual distance of two luma pictures uint8 [H, W], border cut; 0 is alike."""
    inner = slice(BORDER, -BORDER)
    pair = torch.from_numpy(np.stack([a[inner, inner], b[inner, inner]])).float() / 127.5 - 1
    grey = pair[:, None].expand(-1, 3, -1, -1)
    return float(_network()(grey[:1], grey[1:]))


def ms_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Structural similarity over five scales of two pictures uint8 [H, W], border cut; both sides
    at least 184 pixels.

    Contrast and structure count on every scale, luminance on the coarsest; a mean of two by two
    pixels leads from one to the next.
    """
    inner = slice(BORDER, -BORDER)
    x, y = a[inner, inner].astype(np.float64), b[inner, inner].astype(np.float64)
    product = 1.0
    for index, weight in enumerate(SCALES):
        whole, contrast = similarity(x, y)
        value = whole if index == len(SCALES) - 1 else contrast
        product *= max(float(value.mean()), 0.0) ** weight
        half = x.shape[1] // 2, x.shape[0] // 2
        x, y = (
            cv2.resize(z[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)
            for z in (x, y)
        )
    return product
