"""UNetStudent: the network that runs in every frame, built from its torch-free NetworkSpec."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpcam.network import NetworkSpec

SLOPE = 0.1
"""Of LeakyReLU below zero."""
PROFILE_SCALE = (1.5, 4.0, 1.0, 1.0)
"""A soft webcam's profile; divides the profile so that the network sees numbers near one."""


def exact(device: torch.device) -> AbstractContextManager[object]:
    """Full precision within mixed precision: bfloat16 has about one step per grey level, so luma
    must not be rounded to it before the first convolution."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def normalise_profile(camera: Tensor) -> Tensor:
    """CameraProfile values [N, 4] to numbers near one."""
    return camera / camera.new_tensor(PROFILE_SCALE)


class ResidualBlock(nn.Module):
    """3x3 convolution, modulation by the camera's profile, LeakyReLU, 3x3 convolution, skip.

    The modulation stands where the seed's network has InstanceNorm: a scale and a shift per channel
    (FiLM, Perez et al. 2018), but from the camera's profile instead of the picture's statistics, so
    it neither costs a pass over the frame nor lets the picture pump, and folds into the
    convolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)  # every block starts as the identity
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """x [N, C, h, w]; scale and shift [N, C, 1, 1]."""
        return x + self.second(F.leaky_relu(self.first(x) * scale + shift, SLOPE))


class ChannelAttention(nn.Module):
    """A gate in 0..1 per channel from the channel means (SE, Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 4, 1)
        self.excite = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.excite(F.relu(self.squeeze(mean))))


class SpatialAttention(nn.Module):
    """A gate in 0..1 per place from the mean and maximum over channels (CBAM, Woo et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        mean_max = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.gate(mean_max))


class CameraFilter(nn.Module):
    """The input through one linear filter of 3 fold x 3 fold taps for each of the fold x fold
    places in a cell, mixed from a learnt bank for each camera.

    Deblurring is linear to the first order, and the right filter depends on the camera: with a
    path of its own the features need not carry it. For one camera it is one convolution.
    """

    def __init__(self, filters: int, fold: int) -> None:
        super().__init__()
        self.fold = fold
        self.bank = nn.Parameter(0.01 * torch.randn(filters, fold**2, 3 * fold, 3 * fold))

    def forward(self, y: Tensor, mixture: Tensor) -> Tensor:
        """y [N, 1, H, W] and mixture [N, filters] to [N, fold^2, H / fold, W / fold]."""
        n, _, height, width = y.shape
        mixture = mixture.to(self.bank.dtype)
        kernels = torch.einsum("nk,kpij->npij", mixture, self.bank).flatten(0, 1)[:, None]
        if n == 1:  # no reshaping in an exported graph, where it would keep things from fusing
            return F.conv2d(y, kernels, stride=self.fold, padding=self.fold)
        # One group for each picture: every picture of a batch has its own camera.
        side_by_side = y.view(1, n, height, width)
        planes = F.conv2d(side_by_side, kernels, stride=self.fold, padding=self.fold, groups=n)
        return planes.view(n, self.fold**2, height // self.fold, width // self.fold)


class UNetStudent(nn.Module):
    """Luma in, luma out, a quarter of the resolution inside; NetworkSpec has the topology."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        c, fold = spec.channels, spec.fold
        # PixelUnshuffle(fold) followed by a 3x3 convolution is one convolution of 3 fold x 3 fold
        # with stride fold: the same function and the same multiply-adds, without the slow
        # transpose.
        self.stem = nn.Conv2d(1, c, 3 * fold, stride=fold, padding=fold)
        self.blocks = nn.ModuleList(ResidualBlock(c) for _ in range(spec.blocks))
        self.linear = CameraFilter(spec.filters, fold) if spec.filters else None
        self.modulation = nn.Sequential(
            nn.Linear(4, 32),
            nn.LeakyReLU(SLOPE),
            nn.Linear(32, 32),
            nn.LeakyReLU(SLOPE),
            nn.Linear(32, 2 * c * (1 + spec.blocks) + spec.filters),
        )
        self.channel_attention = ChannelAttention(c) if spec.channel_attention else nn.Identity()
        self.spatial_attention = SpatialAttention() if spec.spatial_attention else nn.Identity()
        self.head = nn.Conv2d(c, fold**2, 3, padding=1)
        for layer in (self.modulation[-1], self.head):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def residual(self, y: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
        """What is to be added to the luma, and the features before the head.

        Args:
            y: luma [N, 1, H, W] in 0..1, H and W multiples of `fold`.
            camera: profiles [N, 4] in CameraProfile's units.

        Returns:
            Residual [N, 1, H, W] and features [N, C, H / fold, W / fold].
        """
        spec = self.spec
        told = self.modulation(normalise_profile(camera))
        mixture, film = told[:, : spec.filters], told[:, spec.filters :]
        film = film.view(-1, 1 + spec.blocks, 2, spec.channels, 1, 1)
        scale, shift = 1 + film[:, :, 0], film[:, :, 1]
        with exact(y.device):
            stem = self.stem(y)
            linear = self.linear(y, mixture) if self.linear is not None else 0.0
        features = F.leaky_relu(stem * scale[:, 0] + shift[:, 0], SLOPE)
        for index, block in enumerate(self.blocks, start=1):
            features = block(features, scale[:, index], shift[:, index])
        features = self.spatial_attention(self.channel_attention(features))
        return F.pixel_shuffle(self.head(features) + linear, spec.fold), features

    def forward(self, y: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
        """Restored luma [N, 1, H, W], not clipped, and the features before the head."""
        residual, features = self.residual(y, camera)
        return y + residual, features
