"""The networks that SharpCam is measured against, trained on its own data with its own loop.

    python -m training.peers --net fsrcnn --steps 6000
    python -m training.peers --net seed --steps 600 --batch 4

FSRCNN is the classic small network for a picture of twice the size; the seed student is the
full-resolution network that this project started from, 37 times the work of ours. Both are blind,
as they were published: nothing tells them the camera. The data, the order of the examples and the
picture terms of the loss are the student's own; there is no teacher.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpcam.errors import SharpCamError
from training.checkpoint import load_weights, read_about, save_weights
from training.config import Config, Stage, stage_as_asked
from training.data import PHOTOS, batches, data_hash
from training.distill import banks
from training.fit import Batch, Terms, choose_device, fit
from training.objectives import picture_terms
from training.parallel import is_first, processes
from training.provenance import git_commit
from training.student import ChannelAttention, SpatialAttention, exact
from training.validate import Validation
from training.verb import trained

WEIGHTS = Path(__file__).parent / "weights"
SLOPE = 0.1
LUMA = (0.299, 0.587, 0.114)
"""BT.601's weights of red, green and blue."""


class Fsrcnn(nn.Module):
    """FSRCNN(56, 12, 4) for twice the size (Dong et al. 2016), luma to luma of the same size.

    The first convolution has stride 2, so that all others work at half the resolution as they do
    where the picture comes in small. The last one, 9x9 transposed, is 5x5 with PixelShuffle: the
    same reach, and a runtime's fast path. The input is added at the end, which the original lacks:
    it makes the rival stronger in a short training.
    """

    def __init__(self) -> None:
        super().__init__()
        self.extract = nn.Conv2d(1, 56, 5, stride=2, padding=2)
        self.shrink = nn.Conv2d(56, 12, 1)
        self.map = nn.ModuleList(nn.Conv2d(12, 12, 3, padding=1) for _ in range(4))
        self.expand = nn.Conv2d(12, 56, 1)
        self.slopes = nn.ModuleList(nn.PReLU(width) for width in (56, 12, 12, 12, 12, 12, 56))
        self.head = nn.Conv2d(56, 4, 5, padding=2)
        for layer in (self.extract, self.shrink, *self.map, self.expand):
            nn.init.kaiming_normal_(layer.weight, a=0.25)  # PReLU's first slope, as published
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, y: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
        """Luma [N, 1, H, W] in 0..1, H and W even, to restored luma and features; the camera's
        profile is not looked at."""
        with exact(y.device):
            x = self.extract(y)
        layers = (self.shrink, *self.map, self.expand)
        for slope, layer in zip(self.slopes, layers, strict=False):
            x = layer(slope(x))
        x = self.slopes[-1](x)
        return y + F.pixel_shuffle(self.head(x), 2), x


class SeedBlock(nn.Module):
    """Two 3x3 convolutions, each with InstanceNorm, LeakyReLU between, skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.second(F.leaky_relu(self.norm(self.first(x)), SLOPE)))


class SeedStudent(nn.Module):
    """The seed's published student, after its description: 6 residual blocks of 32 channels at
    full resolution, channel and spatial attention, sigmoid, refinement layer; 112 kMAC per pixel.

    It takes and gives RGB. Our pictures are luma: they enter as grey RGB, and the luma of what
    comes out counts. Nothing is added to the input, as published.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Conv2d(3, 32, 3, padding=1)
        self.blocks = nn.Sequential(*(SeedBlock(32) for _ in range(6)))
        self.channel_attention = ChannelAttention(32)
        self.spatial_attention = SpatialAttention()
        self.exit = nn.Conv2d(32, 3, 3, padding=1)
        self.refine = nn.Conv2d(3, 3, 1)

    def forward(self, y: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
        """Luma [N, 1, H, W] in 0..1 to restored luma and features; the camera's profile is not
        looked at."""
        with exact(y.device):
            x = self.entry(y.expand(-1, 3, -1, -1))
        features = self.spatial_attention(self.channel_attention(self.blocks(x)))
        with exact(y.device):
            rgb = self.refine(torch.sigmoid(self.exit(features.float())))
        return (rgb * rgb.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True), features


PEERS: dict[str, type[nn.Module]] = {"fsrcnn": Fsrcnn, "seed": SeedStudent}
STAGES = {
    "fsrcnn": Stage(6000, 16, 128, 1e-3, 500, clip=0.1),
    "seed": Stage(600, 4, 128, 1e-3, 100),
}
"""A step of the seed student costs about 40 times as much per picture."""


def load_peer(net: str, path: Path | None = None) -> tuple[nn.Module, dict[str, Any]]:
    """A trained rival, ready to use, and what its file says about itself.

    Raises:
        SharpCamError: it was never trained, or its weights are damaged.
    """
    file = path or WEIGHTS / f"{net}.safetensors"
    if not file.exists():
        raise SharpCamError(
            f"the {net} net has no weights, {file.name} is missing",
            f"python -m training.peers --net {net} --install",
        )
    model = PEERS[net]()
    about = load_weights(file, model)
    return model.eval(), about


def peer_loss(config: Config, model: nn.Module, batch: Batch, step: int) -> Terms:
    """The picture terms of the student's loss."""
    degraded, target, camera = batch
    return picture_terms(config, model(degraded, camera)[0], target, step)


def train(net: str, stage: Stage, config: Config) -> Path:
    """Train a rival into the run's folder; resumes where it stopped. Returns the weights' file."""
    folder = config.runs / config.name
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    about = {"commit": git_commit(), "data": data_hash(config.data), "net": net}
    bank, held_out = banks(config)
    settings = {key: value for key, value in asdict(stage).items() if key not in HARMLESS}

    def examples(steps: range) -> Iterator[Batch]:
        # The student's own stream of examples; see distill.
        return batches(bank, stage.crop, stage.batch, config.seed + 1, steps, config.workers)

    fit(
        net,
        PEERS[net](),
        stage,
        batches=examples,
        loss=partial(peer_loss, config),
        evaluate=Validation(held_out, stage.crop),
        folder=folder,
        device=choose_device(config.device, config.precision),
        about=about | {"stage": asdict(stage)},
        identity=json.dumps(settings | about | {"commit": "any"}, sort_keys=True),
        ema=config.ema,
        checkpoint_minutes=config.checkpoint_minutes,
    )
    return folder / f"{net}.safetensors"


HARMLESS = ("steps", "patience", "evaluate_every")
"""What may change when a run is resumed."""


def main(argv: list[str] | None = None) -> int:
    """Train one rival, and install its weights where they are asked for."""
    parser = argparse.ArgumentParser(prog="python -m training.peers", description=__doc__)
    parser.add_argument("--net", choices=PEERS, required=True)
    parser.add_argument("--steps", type=int, help="training steps")
    parser.add_argument("--batch", type=int, help="pictures per step")
    parser.add_argument("--evaluate-every", type=int, help="steps between two evaluations")
    parser.add_argument("--rate", type=float, help="peak learning rate")
    parser.add_argument("--data", type=Path, default=PHOTOS, help="folder of sharp photographs")
    parser.add_argument("--runs", type=Path, default=Config.runs, help="where checkpoints go")
    parser.add_argument("--threads", type=int, default=Config.threads)
    parser.add_argument("--workers", type=int, default=Config.workers)
    parser.add_argument("--crops-per-photo", type=int, default=Config.crops_per_photo)
    parser.add_argument("--install", action="store_true", help="copy the weights, halved, to ours")
    args = parser.parse_args(argv)
    stage = stage_as_asked(STAGES[args.net], args)
    config = Config(
        name="peers",
        data=args.data,
        runs=args.runs,
        threads=args.threads,
        workers=args.workers,
        crops_per_photo=args.crops_per_photo,
    )

    def run() -> None:
        with processes():
            weights = train(args.net, stage, config)
        if args.install and is_first():
            model, _ = load_peer(args.net, weights)
            save_weights(WEIGHTS / weights.name, model, read_about(weights), half=True)

    return trained(run)


if __name__ == "__main__":
    sys.exit(main())
