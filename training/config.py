"""Every knob of a training run, with its default and its help; the command line derives from it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from training.data import PHOTOS


@dataclass(frozen=True)
class Stage:
    """How one network of a run is trained."""

    steps: int
    batch: int
    """Pictures; for the estimator cameras, with some crops of each."""
    crop: int
    """Side of the training crops in pixels; a multiple of 8, at most 144."""
    rate: float
    """Peak learning rate; warms up over a fiftieth of the steps, then falls as a cosine to 1 %."""
    evaluate_every: int
    patience: int = 10
    """Evaluations without a better score before stopping early."""
    clip: float = 1.0
    """Largest norm of the gradient; a larger one is scaled down to it."""
    optimiser: str = "adamw"
    """adamw; muon, for kernels."""


@dataclass(frozen=True)
class Config:
    """A whole run: teacher, student, profile estimator."""

    name: str = "cpu"
    """The run's folder under --runs."""
    data: Path = PHOTOS
    """Folder of sharp photographs, searched recursively."""
    runs: Path = Path("runs")
    """Where checkpoints, logs and exports go."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    precision: str = "auto"
    """auto, fp32, bf16, fp16; auto is the fastest that the device computes natively."""
    threads: int = 2
    """CPU threads for the networks."""
    workers: int = 1
    """Processes that make training pairs."""
    seed: int = 1
    crops_per_photo: int = 24
    """Size of the bank of crisp crops."""
    checkpoint_minutes: float = 3.0
    ema: float = 0.999
    """Decay of the averaged weights, which are the ones evaluated and kept."""
    teacher: Stage = Stage(2500, 8, 128, 1e-3, 250)
    # Without the tight clip one batch after 3 500 steps at 2e-3 undid everything; the norm is
    # about 0.02.
    student: Stage = Stage(36000, 16, 128, 1e-3, 500, clip=0.1, optimiser="muon")
    estimator: Stage = Stage(3500, 6, 96, 2e-3, 500)
    teacher_from: str = "train"
    """train: from nothing; tune: from the bundled weights on; bundled: as it is; none: the student
    learns from the photographs alone."""
    only: str = "all"
    """Train just one network of the run: estimator, teacher or student; all."""
    teacher_width: int = 32
    """Channels of the teacher at half resolution; to train 48 takes a GPU."""
    teacher_after: str = ""
    """A trained student, a run's (.safetensors) or a shipped one (.onnx), from whose result the
    teacher goes on."""
    tier: str = "standard"
    """Which student: lite, standard, high. Each is trained by a run of its own steps, from the same
    teacher and beside the others in the run's folder."""
    channels: int = 32
    """Channels of the student."""
    blocks: int = 2
    """Residual blocks of the student."""
    filters: int = 8
    """Linear filters of the student that a camera's own is mixed from; 0 for none."""
    experts: int = 16
    """Differences that a camera's own weights of the student are mixed from; 0 for the same weights
    for all."""
    begin_with: str = ""
    """Weights of the same student, or with --only estimator of an estimator, to begin with instead
    of random ones: a run's .safetensors, or the shipped .onnx."""
    quantise: bool = False
    """Get a trained student (begin_with) used to bytes inside, at a fifth of the rate."""
    channel_attention: bool = False
    spatial_attention: bool = False
    norm: str = "none"
    """Norm of the student's blocks: none, batch, instance."""
    refinement: bool = False
    pixel_weight: float = 0.2
    """Weight of L1 (Charbonnier)."""
    error_weight: float = 0.02
    """Weight of the logarithm of the mean square error."""
    vgg_weight: float = 0.001
    """Weight of the VGG perceptual term; small, or PSNR stops being honest."""
    edge_weight: float = 0.05
    """Weight of the Sobel edge term."""
    ssim_weight: float = 0.005
    """Weight of 1 - SSIM."""
    feature_weight: float = 0.002
    """Weight of feature distillation."""
    output_weight: float = 0.3
    """Weight of the distance to the teacher's output."""
    join_only: bool = False
    """Train only the part of the estimator that joins what the crops tell."""
    lost_weight: float = 0.3
    """Weight of the decibels that the shipped student loses with what the estimator tells it."""
    validation_cameras: int = 160
    """Cameras that the estimator is scored with."""
    vgg_items: int = 1
    """Pictures of a batch that go through VGG (it costs 90 times the student), as 64 px crops."""
    vgg_every: int = 4
    """It is computed in one step out of so many, and weighs so many times more in it."""
    distil_items: int = 2
    """Pictures of a batch that go through the teacher (7 times the student)."""

    def to_json(self) -> str:
        """What goes into the weights' metadata: everything but folders, which are nobody's
        business; the photographs are told by their hash."""
        values = asdict(self)
        del values["runs"], values["data"]
        for name in ("begin_with", "teacher_after"):
            values[name] = Path(values[name]).name
        return json.dumps(values, default=str, sort_keys=True)

    def identity(self, network: str) -> str:
        """What must not change when the training of `network` is resumed: all that changes its
        numbers, except how long it takes, so that a run can be prolonged. Only the student depends
        on another network, its teacher."""
        values = asdict(self)
        for harmless in ("steps", "patience"):
            del values[network][harmless]
        for harmless in HARMLESS:
            del values[harmless]
        needed = {network, "teacher"} if network == "student" else {network}
        for other in set(NETWORKS) - needed:
            del values[other]
        for owner, names in (("student", STUDENTS_OWN), ("estimator", ESTIMATORS_OWN)):
            for name in names if network != owner else ():
                del values[name]
        return json.dumps(values, sort_keys=True)


OPTIMISERS = ("adamw", "muon")
TEACHERS = ("train", "tune", "bundled", "none")
NETWORKS = ("estimator", "teacher", "student")
TIERS = {
    "lite": {"channels": 16, "blocks": 3, "experts": 16},
    "standard": {"channels": 32, "blocks": 2, "experts": 16},
    "high": {"channels": 32, "blocks": 6, "experts": 8},
}
"""What a student's Config and NetworkSpec have of its tier; `high` has so few differences between
cameras that its file stays small."""
HARMLESS = ("runs", "data", "device", "threads", "workers", "checkpoint_minutes", "only")
"""What changes no number that training comes to."""
STUDENTS_OWN = (
    *("tier", "channels", "blocks", "filters", "experts", "begin_with", "quantise"),
    *("channel_attention", "spatial_attention", "norm", "refinement"),
    *("feature_weight", "output_weight", "distil_items", "teacher_from"),
)
"""What the other networks of a run do not depend on."""

ESTIMATORS_OWN = ("join_only", "lost_weight", "validation_cameras")
"""Likewise of the estimator."""

PRESETS: dict[str, Config] = {
    "smoke": Config(
        name="smoke",
        threads=1,
        workers=0,
        crops_per_photo=1,
        teacher=Stage(12, 2, 64, 1e-3, 6),
        student=Stage(30, 4, 64, 2e-3, 15, optimiser="muon"),
        estimator=Stage(20, 2, 96, 2e-3, 10),
        teacher_width=8,
        validation_cameras=12,
    ),
    "cpu": Config(),
    "gpu": Config(
        name="gpu",
        workers=12,
        crops_per_photo=48,
        teacher=Stage(120_000, 32, 144, 1e-3, 4000),
        student=Stage(300_000, 64, 144, 1e-3, 5000, patience=20, clip=0.1, optimiser="muon"),
        estimator=Stage(40_000, 16, 96, 2e-3, 4000),
        teacher_width=48,
        vgg_items=8,
        distil_items=32,
    ),
}
"""smoke: under a minute, for tests. cpu: two hours on two cores. gpu: a night on one card."""


def _flags() -> dict[str, Any]:
    """Names and types of the plain fields, and the steps of each stage."""
    kinds = {"str": str, "int": int, "float": float, "Path": Path, "bool": bool}
    return {field.name: kinds[field.type] for field in fields(Config) if field.type in kinds}


def stage_as_asked(stage: Stage, args: argparse.Namespace, prefix: str = "") -> Stage:
    """A stage with what flags of its fields' names, behind `prefix`, change in it."""
    asked = {field.name: getattr(args, prefix + field.name, None) for field in fields(Stage)}
    return replace(stage, **{name: value for name, value in asked.items() if value is not None})


def parse(argv: list[str] | None, prog: str, description: str) -> tuple[Config, argparse.Namespace]:
    """Read a preset and what the flags change in it."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--install", action="store_true", help="copy the exports to assets/model")
    for stage in NETWORKS:
        parser.add_argument(f"--{stage}-steps", type=int, help=f"training steps of the {stage}")
        parser.add_argument(f"--{stage}-rate", type=float, help="its peak learning rate")
        parser.add_argument(f"--{stage}-optimiser", choices=OPTIMISERS, help="what trains it")
    parser.add_argument("--tier", choices=TIERS, help="which student: lite, standard, high")
    parser.add_argument(
        "--teacher",
        dest="teacher_from",
        choices=TEACHERS,
        help="train it from nothing, tune the bundled one, take it as it is, or do without",
    )
    parser.add_argument("--only", choices=("all", *NETWORKS), help="train just one of them")
    for name, kind in _flags().items():
        if name in ("teacher_from", "tier", "only"):
            continue
        option = f"--{name.replace('_', '-')}"
        if kind is bool:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=None)
        else:
            parser.add_argument(option, type=kind, help=f"default {getattr(Config, name)}")
    args = parser.parse_args(argv)
    config = PRESETS[args.preset]
    if args.tier:
        config = replace(config, **TIERS[args.tier])
    given = {name: getattr(args, name) for name in _flags() if getattr(args, name) is not None}
    for stage in NETWORKS:
        given[stage] = stage_as_asked(getattr(config, stage), args, f"{stage}_")
    return replace(config, **given), args
