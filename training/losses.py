"""The loss terms, each a pure function of restored and target luma [N, 1, H, W] in 0..1."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

VGG_WEIGHTS = Path(__file__).parent / "weights" / "vgg16_features.safetensors"


def charbonnier(restored: Tensor, target: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Smooth L1: mean of sqrt(difference^2 + epsilon^2) (Charbonnier et al. 1994)."""
    return torch.sqrt((restored - target).square() + epsilon**2).mean()


def sobel_edge(restored: Tensor, target: Tensor) -> Tensor:
    """L1 distance of the horizontal and vertical Sobel gradients."""
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=restored.device) / 8
    kernels = torch.stack([across, across.T])[:, None]
    difference = (restored - target).float()
    return F.conv2d(difference, kernels).abs().mean()


def gaussian_window(device: torch.device) -> Tensor:
    """The 11-tap window of SSIM, standard deviation 1.5: [1, 1, 11, 1]."""
    taps = torch.arange(11, device=device, dtype=torch.float32) - 5
    window = torch.exp(-taps.square() / (2 * 1.5**2))
    return (window / window.sum())[None, None, :, None]


def ssim(restored: Tensor, target: Tensor) -> Tensor:
    """Mean structural similarity on the valid region (Wang et al. 2004), a scalar up to 1."""
    window = gaussian_window(restored.device)
    a, b = restored.float(), target.float()
    stack = torch.cat([a, b, a * a, b * b, a * b])
    means = F.conv2d(F.conv2d(stack, window), window.transpose(2, 3)).chunk(5)
    mean_a, mean_b = means[0], means[1]
    variance_a, variance_b = means[2] - mean_a**2, means[3] - mean_b**2
    covariance = means[4] - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * (2 * covariance + c2) / (variance_a + variance_b + c2)).mean()


class VGGFeatures(nn.Module):
    """VGG16 up to relu3_3 (Simonyan and Zisserman 2015), frozen; bundled weights."""

    LAYERS = (
        ("conv1_1", "conv1_2"),
        ("conv2_1", "conv2_2"),
        ("conv3_1", "conv3_2", "conv3_3"),
    )

    def __init__(self) -> None:
        super().__init__()
        for name, tensor in load_file(VGG_WEIGHTS).items():
            self.register_buffer(name.replace(".", "_"), tensor.float(), persistent=False)

    def forward(self, y: Tensor) -> list[Tensor]:
        """Luma [N, 1, H, W] in 0..1, taken as grey RGB, to each stage's last features."""
        mean = y.new_tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
        deviation = y.new_tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
        x = (y - mean) / deviation
        stages = []
        for index, names in enumerate(self.LAYERS):
            x = x if index == 0 else F.max_pool2d(x, 2)
            for name in names:
                weight, bias = getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias")
                x = F.relu(F.conv2d(x, weight, bias, padding=1))
            stages.append(x)
        return stages


@cache
def vgg_features(device: torch.device) -> VGGFeatures:
    """The one frozen VGG of a device."""
    return VGGFeatures().to(device).eval().requires_grad_(False)


def vgg_perceptual(restored: Tensor, target: Tensor) -> Tensor:
    """Mean L1 distance of VGG features, each stage relative to the target's mean activation."""
    vgg = vgg_features(restored.device)
    with torch.no_grad():
        wanted = vgg(target)
    terms = [
        F.l1_loss(got, want) / want.abs().mean().clamp_min(1e-3)
        for got, want in zip(vgg(restored), wanted, strict=True)
    ]
    return torch.stack(terms).mean()


def feature_distance(adapted: Tensor, teacher: Tensor) -> Tensor:
    """Feature distillation: mean square distance to the teacher's features, in their own variance.

    Args:
        adapted: the student's features through a 1x1 adapter, [N, C, h, w].
        teacher: the teacher's features, [N, C, h, w].
    """
    return F.mse_loss(adapted, teacher) / teacher.var().clamp_min(1e-6)
