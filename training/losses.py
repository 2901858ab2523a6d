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


def log_error(restored: Tensor, target: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Mean logarithm of each picture's mean square error, minus 0.23 times its PSNR: a gain of one
    decibel is worth as much in a picture that is nearly right as in a bad one.

    `epsilon` is the error, a PSNR of 50 dB, below which nothing more is to be had.
    """
    error = (restored - target).float().square().mean((1, 2, 3))
    return (error + epsilon).log().mean()


def sobel_edge(restored: Tensor, target: Tensor) -> Tensor:
    """L1 distance of the horizontal and vertical Sobel gradients, on the valid region."""
    difference = (restored - target).float()

    # By slices: a convolution of one channel is five times slower on a CPU.
    def smooth(x: Tensor, dim: int) -> Tensor:
        n = x.shape[dim] - 2
        return x.narrow(dim, 0, n) + 2 * x.narrow(dim, 1, n) + x.narrow(dim, 2, n)

    def slope(x: Tensor, dim: int) -> Tensor:
        n = x.shape[dim] - 2
        return x.narrow(dim, 2, n) - x.narrow(dim, 0, n)

    across, down = slope(smooth(difference, 2), 3), slope(smooth(difference, 3), 2)
    return (across.abs().mean() + down.abs().mean()) / 16


@cache
def gaussian_matrix(side: int, device: torch.device) -> Tensor:
    """SSIM's window of 11 taps, standard deviation 1.5, as a matrix [side - 10, side]: blurring is
    a product from either side, twenty times faster on a CPU than convolving one channel."""
    taps = torch.arange(11, device=device, dtype=torch.float32) - 5
    window = torch.exp(-taps.square() / (2 * 1.5**2))
    matrix = torch.zeros(side - 10, side, device=device)
    for row in range(side - 10):
        matrix[row, row : row + 11] = window / window.sum()
    return matrix


def ssim(restored: Tensor, target: Tensor) -> Tensor:
    """Mean structural similarity on the valid region (Wang et al. 2004), a scalar up to 1."""
    a, b = restored.float(), target.float()
    down, across = (gaussian_matrix(side, a.device) for side in a.shape[2:])
    with torch.autocast(a.device.type, enabled=False):  # variances are small differences
        stack = torch.cat([a, b, a * a, b * b, a * b])
        means = (down @ stack @ across.T).chunk(5)
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
