"""UNetTeacher: a strong restoration U-Net, some ten times the student, that the student learns
from.

It may go on from what a trained student makes of the picture: the student's weights are the
camera's own, which a U-Net that is told the profile as planes is slow to learn.

Blocks after NAFNet (Chen et al. 2022): LayerNorm, depthwise convolution and a multiplicative gate,
no other nonlinearity. Its channel attention is left out, because a mean over the whole picture
makes a crop and a frame disagree. The camera's profile enters as constant planes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpcam.errors import SharpCamError
from sharpcam.network import NetworkSpec
from sharpcam.profile import CameraProfile
from training.checkpoint import load_weights, read_about
from training.student import UNetStudent, exact, normalise_profile

ADDED_SCALE = 0.05
"""What a student adds to luma, of a usual picture; divides it, so that the U-Net sees numbers near
one."""


@dataclass(frozen=True)
class TeacherSpec:
    """Width at half resolution, and blocks per level: half, quarter, eighth, quarter, half."""

    width: int = 48
    blocks: tuple[int, int, int, int, int] = (2, 2, 4, 2, 2)
    after: NetworkSpec | None = None
    """The student that it goes on from, if any."""

    @classmethod
    def from_metadata(cls, values: dict[str, Any]) -> TeacherSpec:
        """Rebuild a spec from what a weights file says about itself."""
        after = values.get("after")
        return cls(
            values["width"],
            tuple(values["blocks"]),
            NetworkSpec.from_json(json.dumps(after)) if after else None,
        )


class LayerNorm(nn.Module):
    """Over the channels of each place; [N, C, H, W]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        last = x.permute(0, 2, 3, 1)
        weight, bias = self.weight.flatten(), self.bias.flatten()
        return F.layer_norm(last, weight.shape, weight, bias, 1e-6).permute(0, 3, 1, 2)


class GatedBlock(nn.Module):
    """A NAFNet block without channel attention: spatial mixing, then channel mixing, both gated."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = LayerNorm(channels), LayerNorm(channels)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.depthwise = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.narrow = nn.Conv2d(channels, channels, 1)
        self.feed = nn.Conv2d(channels, 2 * channels, 1)
        self.forth = nn.Conv2d(channels, channels, 1)
        self.beta = nn.Parameter(torch.full((channels, 1, 1), 0.1))
        self.gamma = nn.Parameter(torch.full((channels, 1, 1), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to the same shape."""
        a, b = self.depthwise(self.widen(self.norm1(x))).chunk(2, 1)
        x = x + _scaled(self.narrow, a * b, self.beta)
        a, b = self.feed(self.norm2(x)).chunk(2, 1)
        return x + _scaled(self.forth, a * b, self.gamma)


def _scaled(convolution: nn.Conv2d, x: Tensor, scale: Tensor) -> Tensor:
    """A 1x1 convolution times a scale [C, 1, 1]: of its weights, fewer than its results."""
    bias = convolution.bias
    assert bias is not None
    return F.conv2d(x, scale[..., None] * convolution.weight, scale.flatten() * bias)


class UNetTeacher(nn.Module):
    """Luma in, luma out; three levels at 1/2, 1/4 and 1/8 of the resolution."""

    FEATURES_FOLD = 4
    """`forward` returns features at this fraction of the resolution, the student's own."""

    def __init__(self, spec: TeacherSpec) -> None:
        super().__init__()
        self.spec = spec
        w = spec.width
        half, quarter, eighth, quarter_up, half_up = (
            nn.Sequential(*(GatedBlock(channels) for _ in range(count)))
            for channels, count in zip((w, 2 * w, 4 * w, 2 * w, w), spec.blocks, strict=True)
        )
        self.first: UNetStudent | None = None
        pictures = 1
        if spec.after is not None:
            self.first = UNetStudent(spec.after).requires_grad_(False)
            self.from_first = nn.Conv2d(spec.after.channels, 2 * w, 1)
            pictures = 2
        self.stem = nn.Conv2d(4 * pictures + CameraProfile.SIZE, w, 3, padding=1)
        self.enter_half, self.enter_quarter, self.middle = half, quarter, eighth
        self.leave_quarter, self.leave_half = quarter_up, half_up
        self.down1 = nn.Conv2d(w, 2 * w, 2, stride=2)
        self.down2 = nn.Conv2d(2 * w, 4 * w, 2, stride=2)
        self.up2 = nn.Sequential(nn.Conv2d(4 * w, 8 * w, 1, bias=False), nn.PixelShuffle(2))
        self.up1 = nn.Sequential(nn.Conv2d(2 * w, 4 * w, 1, bias=False), nn.PixelShuffle(2))
        self.head = nn.Conv2d(w, 4, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def feature_channels(self) -> int:
        return 2 * self.spec.width

    def forward(self, y: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
        """Restore luma.

        Args:
            y: luma [N, 1, H, W] in 0..1, H and W multiples of 8.
            camera: profiles [N, 17] in CameraProfile's units.

        Returns:
            Restored luma [N, 1, H, W], not clipped, and features [N, 2 width, H / 4, W / 4].
        """
        begun, pictures = y, y
        if self.first is not None:
            with torch.no_grad():
                begun, known = self.first(y, camera)
            pictures = torch.cat([y, (begun - y) / ADDED_SCALE], 1)
        x = F.pixel_unshuffle(pictures, 2)
        planes = normalise_profile(camera)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        with exact(y.device):
            stem = self.stem(torch.cat([x, planes], 1))
        half = self.enter_half(stem)
        quarter = self.down1(half)
        if self.first is not None:
            quarter = quarter + self.from_first(known)
        quarter = self.enter_quarter(quarter)
        eighth = self.middle(self.down2(quarter))
        features = self.leave_quarter(self.up2(eighth) + quarter)
        out = self.leave_half(self.up1(features) + half)
        return begun + F.pixel_shuffle(self.head(out), 2), features


@torch.no_grad()
def put_after(teacher: UNetTeacher, student: UNetStudent) -> UNetTeacher:
    """A teacher that begins with what the student makes and knows what the given teacher does: its
    features, not how it added them, since that is done already."""
    then = UNetTeacher(replace(teacher.spec, after=student.spec))
    assert then.first is not None
    state = {k: v for k, v in teacher.state_dict().items() if not k.startswith("first.")}
    if teacher.first is None:  # luma, then what is added, then the profile
        luma, profile = state["stem.weight"].split([4, CameraProfile.SIZE], 1)
        state["stem.weight"] = torch.cat([luma, torch.zeros_like(luma), profile], 1)
    for name, value in then.from_first.state_dict(prefix="from_first.").items():
        if name not in state or state[name].shape != value.shape:
            state[name] = torch.zeros_like(value)
    state |= student.state_dict(prefix="first.")
    state |= then.head.state_dict(prefix="head.")  # zero, as in any new teacher
    then.load_state_dict(state)
    return then


def load_teacher(path: Path) -> UNetTeacher:
    """A trained teacher, in full precision.

    Raises:
        SharpCamError: missing, damaged, or not a teacher's.
    """
    try:
        spec = TeacherSpec.from_metadata(read_about(path)["spec"])
    except KeyError as error:
        raise SharpCamError(
            f"{path} is not a teacher's: no {error}", "give one of a run"
        ) from error
    teacher = UNetTeacher(spec)
    load_weights(path, teacher)
    return teacher
