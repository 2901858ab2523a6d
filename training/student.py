"""UNetStudent: the network that runs in every frame, built from its torch-free NetworkSpec."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpcam.network import NetworkSpec
from sharpcam.profile import CameraProfile
from training.quantise import BEFORE_LEAKY, Grid, round_kernels

SLOPE = 0.1
"""Of LeakyReLU below zero."""
PROFILE_SCALE = (1.0,) * 5 + (0.3,) * 5 + (2.0,) * 2 + (0.3,) * 3 + (1.0,) * 2
"""A soft webcam's profile; divides the profile so that the network sees numbers near one."""
LEAST_RESPONSE = 0.005
"""Contrast below which a band has nothing to give back."""


def exact(device: torch.device) -> AbstractContextManager[object]:
    """Full precision within mixed precision: bfloat16 has about one step per grey level, so luma
    must not be rounded to it before the first convolution."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def normalise_profile(camera: Tensor) -> Tensor:
    """CameraProfile values [N, 17] to numbers near one. The response as the width of a Gaussian
    that leaves as much: a difference of blur is then equally large in every band."""
    width = (-camera[:, :5].clamp(LEAST_RESPONSE, 1.0).log()).sqrt()
    return torch.cat([width, camera[:, 5:]], 1) / camera.new_tensor(PROFILE_SCALE)


def denormalise_profile(numbers: Tensor) -> Tensor:
    """The other way round; a width below zero is a response of 1."""
    numbers = numbers * numbers.new_tensor(PROFILE_SCALE)
    response = (-numbers[:, :5].clamp_min(0).square()).exp()
    return torch.cat([response, numbers[:, 5:]], 1)


class CameraConv(nn.Module):
    """A convolution whose weights are a camera's own: a base plus a mixture of learnt differences.

    The mixture is `camera`, some numbers that a small network makes of the profile (after CondConv,
    Yang et al. 2019, which mixes for each picture). For one camera it is an ordinary convolution.
    """

    def __init__(
        self, into: int, out: int, side: int, numbers: int, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__()
        base = nn.Conv2d(into, out, side)
        self.weight, self.bias = base.weight, base.bias
        self.weights = nn.Parameter(torch.zeros(numbers, out, into, side, side))
        self.biases = nn.Parameter(torch.zeros(numbers, out))
        self.stride, self.padding = stride, padding
        self.out = Grid()

    def forward(self, x: Tensor, camera: Tensor, film: Tensor | None = None) -> Tensor:
        """x [N, into, H, W] and camera [N, numbers] to [N, out, H', W'], with `film` [N, 2, out]
        modulated by a scale and a shift per channel, which cost nothing as they too are weights."""
        n, into, height, width = x.shape
        camera = camera.to(self.weight.dtype)
        kernels = self.weight + torch.einsum("nk,koihw->noihw", camera, self.weights)
        bias = self.bias + camera @ self.biases
        if film is not None:
            scale, shift = 1 + film[:, 0].to(bias.dtype), film[:, 1].to(bias.dtype)
            kernels, bias = kernels * scale[..., None, None, None], bias * scale + shift
        kernels = kernels.flatten(0, 1)
        if self.out.range is not None:
            kernels = round_kernels(kernels)
        step = {"stride": self.stride, "padding": self.padding}
        if n == 1:  # no reshaping in an exported graph, where it would keep things from fusing
            return self.out(F.conv2d(x, kernels, bias[0], **step))
        # One group for each picture: every picture of a batch has its own camera.
        side_by_side = x.reshape(1, n * into, height, width)
        made = F.conv2d(side_by_side, kernels, bias.flatten(), groups=n, **step)
        return self.out(made.view(n, -1, *made.shape[2:]))


class ChannelNorm(nn.Module):
    """Mean 0 and deviation 1 in each channel: of each picture (InstanceNorm, Ulyanov et al. 2016),
    or as all pictures of the training had them (BatchNorm, Ioffe and Szegedy 2015)."""

    PACE = 0.01
    """Of the running statistics."""
    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, each: bool) -> None:
        """`each`: of each picture."""
        super().__init__()
        self.each = each
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """x [N, C, h, w]; the mean and deviation are this picture's or this batch's."""
        if self.each:
            return F.instance_norm(x)
        with exact(x.device):
            # Updates the running statistics.
            return F.batch_norm(x.float(), self.mean, self.variance, None, None, True, self.PACE)

    def fold(self, film: Tensor) -> Tensor:
        """A modulation [N, 2, C] that includes the running statistics."""
        scale = (1 + film[:, 0]) * (self.variance + 1e-5).rsqrt()
        return torch.stack([scale - 1, film[:, 1] - self.mean * scale], 1)


class ResidualBlock(nn.Module):
    """3x3 convolution, modulation by the camera's profile, LeakyReLU, 3x3 convolution, skip.

    The modulation stands where the seed's network has InstanceNorm: a scale and a shift per channel
    (FiLM, Perez et al. 2018), but from the camera's profile instead of the picture's statistics, so
    it neither costs a pass over the frame nor lets the picture pump, and folds into the
    convolution.
    """

    def __init__(self, channels: int, numbers: int, norm: str = "none") -> None:
        super().__init__()
        self.first = CameraConv(channels, channels, 3, numbers)
        self.norm = None if norm == "none" else ChannelNorm(channels, each=norm == "instance")
        self.first.out = Grid(BEFORE_LEAKY)
        self.second = CameraConv(channels, channels, 3, numbers)
        self.middle, self.out = Grid(), Grid()
        nn.init.zeros_(self.second.weight)  # every block starts as the identity
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor, camera: Tensor, film: Tensor) -> Tensor:
        """x [N, C, h, w]; camera [N, numbers]; film [N, 2, C]."""
        middle = self.middle(F.leaky_relu(self.modulated(x, camera, film), SLOPE))
        return self.out(x + self.second(middle, camera))

    def modulated(self, x: Tensor, camera: Tensor, film: Tensor) -> Tensor:
        """The first convolution, brought to scale where that is asked for, then to the camera's."""
        if self.norm is None:
            return self.first(x, camera, film)
        if not self.norm.each and not self.training:
            return self.first(x, camera, self.norm.fold(film))
        scale, shift = (1 + film[:, 0])[..., None, None], film[:, 1][..., None, None]
        return self.norm(self.first(x, camera)) * scale + shift


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
        self.out = Grid()

    def forward(self, y: Tensor, mixture: Tensor) -> Tensor:
        """y [N, 1, H, W] and mixture [N, filters] to [N, fold^2, H / fold, W / fold]."""
        n, _, height, width = y.shape
        mixture = mixture.to(self.bank.dtype)
        kernels = torch.einsum("nk,kpij->npij", mixture, self.bank).flatten(0, 1)[:, None]
        if self.out.range is not None:
            kernels = round_kernels(kernels)
        step = {"stride": self.fold, "padding": self.fold}
        if n == 1:  # no reshaping in an exported graph, where it would keep things from fusing
            return self.out(F.conv2d(y, kernels, **step))
        # One group for each picture: every picture of a batch has its own camera.
        planes = F.conv2d(y.view(1, n, height, width), kernels, groups=n, **step)
        return self.out(planes.view(n, self.fold**2, height // self.fold, width // self.fold))


class UNetStudent(nn.Module):
    """Luma in, luma out, a quarter of the resolution inside; NetworkSpec has the topology."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        c, fold = spec.channels, spec.fold
        # PixelUnshuffle(fold) followed by a 3x3 convolution is one convolution of 3 fold x 3 fold
        # with stride fold: the same function and the same multiply-adds, without the slow
        # transpose.
        self.stem = CameraConv(1, c, 3 * fold, spec.experts, stride=fold, padding=fold)
        self.stem.out = Grid(BEFORE_LEAKY)
        self.bytes, self.features = Grid(), Grid()
        self.blocks = nn.ModuleList(
            ResidualBlock(c, spec.experts, spec.norm) for _ in range(spec.blocks)
        )
        self.linear = CameraFilter(spec.filters, fold) if spec.filters else None
        self.modulation = nn.Sequential(
            nn.Linear(CameraProfile.SIZE, 64),
            nn.LeakyReLU(SLOPE),
            nn.Linear(64, 64),
            nn.LeakyReLU(SLOPE),
            nn.Linear(64, spec.filters + spec.experts + 2 * c * (1 + spec.blocks)),
        )
        self.channel_attention = ChannelAttention(c) if spec.channel_attention else nn.Identity()
        self.spatial_attention = SpatialAttention() if spec.spatial_attention else nn.Identity()
        self.head = CameraConv(c, fold**2, 3, spec.experts)
        self.refine = nn.Conv2d(fold**2, fold**2, 3, padding=1) if spec.refinement else None
        for layer in (self.head, self.refine):
            if layer is not None:
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)
        # Nothing at first but for the mixtures, or nothing would tell the experts apart.
        last, mixtures = self.modulation[-1], slice(spec.filters, spec.filters + spec.experts)
        with torch.no_grad():
            for parameter in (last.weight, last.bias):
                kept = parameter[mixtures].clone()
                parameter.zero_()
                parameter[mixtures] = kept

    def phases(self, y: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
        """What is to be added to the luma, by the place in a cell, and the features before the
        head.

        Args:
            y: luma [N, 1, H, W] in 0..1, H and W multiples of `fold`.
            camera: profiles [N, 17] in CameraProfile's units.

        Returns:
            Residual [N, fold^2, H / fold, W / fold] and features [N, C, H / fold, W / fold].
        """
        spec = self.spec
        told = self.modulation(normalise_profile(camera))
        mixture, experts, film = told.split(
            [spec.filters, spec.experts, 2 * spec.channels * (1 + spec.blocks)], 1
        )
        film = film.view(-1, 1 + spec.blocks, 2, spec.channels)
        with exact(y.device):
            y = self.bytes(y)
            stem = self.stem(y, experts, film[:, 0])
            linear = self.linear(y, mixture) if self.linear is not None else 0.0
        features = self.features(F.leaky_relu(stem, SLOPE))
        for index, block in enumerate(self.blocks, start=1):
            features = block(features, experts, film[:, index])
        features = self.spatial_attention(self.channel_attention(features))
        phases = self.head(features, experts) + linear
        if self.refine is not None:
            phases = phases + self.refine(phases)
        return phases, features

    def forward(self, y: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
        """Restored luma [N, 1, H, W], not clipped, and the features before the head."""
        phases, features = self.phases(y, camera)
        return y + F.pixel_shuffle(phases, self.spec.fold), features
