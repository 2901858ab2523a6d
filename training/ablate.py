"""What each part of the recipe is worth: short trainings that differ in one thing, and their table.

    python -m training.ablate --group loss --steps 1000 --begin-with assets/model/standard.onnx
    python -m training.ablate --group parts --steps 1000
    python -m training.ablate --group distillation --seeds 3

All trainings of a table see the same examples in the same order. Gains are those of the validation
split, in dB, with the true profile. Stop it whenever you like: the same command goes on, and asked
for more steps or seeds it trains only what is lacking.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.enhancer import Enhancer, load_enhancer
from sharpcam.network import NetworkSpec
from sharpcam.profile import TYPICAL
from training.baselines import Picture
from training.config import OPTIMISERS, PRESETS, Config, stage_as_asked
from training.distill import banks, distill
from training.export import student_onnx
from training.scores import milliseconds
from training.shipped import student_of_run
from training.verb import report, trained

Changes = dict[str, Any]
GROUPS: dict[str, dict[str, Changes]] = {
    "loss": {
        "all terms": {},
        "without L1": {"pixel_weight": 0.0},
        "without the logarithm of the error": {"error_weight": 0.0},
        "without VGG": {"vgg_weight": 0.0},
        "without Sobel": {"edge_weight": 0.0},
        "without SSIM": {"ssim_weight": 0.0},
    },
    "parts": {
        "as shipped": {},
        "no linear path": {"filters": 0},
        "the same weights for all cameras, but for their modulation": {"experts": 0},
        "channel attention": {"channel_attention": True},
        "spatial attention": {"spatial_attention": True},
        "refinement layer": {"refinement": True},
        "BatchNorm, folded": {"norm": "batch"},
        "InstanceNorm": {"norm": "instance"},
    },
    "sizes": {
        "16 channels x 3 blocks": {"channels": 16, "blocks": 3},
        "16 channels x 6 blocks": {"channels": 16, "blocks": 6},
        "32 channels x 1 block": {"channels": 32, "blocks": 1},
        "32 channels x 2 blocks": {},
        "48 channels x 1 block": {"channels": 48, "blocks": 1},
    },
    "optimiser": {
        "Muon": {},
        "AdamW": {"student": {"optimiser": "adamw"}},
        "Muon, a quarter of the rate": {"student": {"rate": 2.5e-4}},
        "Muon, four times the rate": {"student": {"rate": 4e-3}},
    },
    "distillation": {
        "photographs alone": {},
        "teacher's output and features": {"teacher_from": "bundled"},
        "teacher's output": {"teacher_from": "bundled", "feature_weight": 0.0},
        "teacher's features": {"teacher_from": "bundled", "output_weight": 0.0},
    },
}
"""What is compared, the first of each table with what is shipped: settings of a run, or of its
student's stage. All but one learn without a teacher, which costs as much time as all the rest."""
SHOWN = ("webcam-mild", "webcam-360p", "low light", "self-sharpened", "seed-bicubic", "clean")
FRAME = (1280, 720)


@dataclass(frozen=True)
class Trained:
    """What came of one training."""

    weights: Path
    figures: dict[str, float]
    """Of its best evaluation."""


def train(config: Config) -> Trained:
    """Train one student, or go on with it."""
    distill(config)
    folder = config.runs / config.name
    with (folder / f"{config.tier}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    best = max(rows, key=lambda row: float(row["score"]))
    figures = {key: float(best[key]) for key in ("score", *SHOWN)}
    return Trained(folder / f"{config.tier}.safetensors", figures)


def config_of(base: Config, group: str, variant: str, seed: int) -> Config:
    """One training's settings; its folder says which it is."""
    slug = "".join(letter if letter.isalnum() else "-" for letter in variant)
    changes = {"teacher_from": "none"} | GROUPS[group][variant]
    changes["student"] = replace(base.student, **changes.get("student", {}))
    return replace(base, name=f"ablate/{group}/{slug}-{seed}", seed=seed, only="student", **changes)


def as_enhancer(weights: Path) -> tuple[Enhancer, NetworkSpec]:
    """A trained student as the program would run it."""
    student, about = student_of_run(weights)
    file = weights.with_suffix(".onnx")
    file.write_bytes(student_onnx(student, about))
    return load_enhancer(file, threads=1, engine="onnxruntime"), student.spec


def pumping(enhance: Callable[[Picture], Picture], frame: Picture) -> float:
    """Grey levels by which the left of the picture changes, in the mean, when the right does: a
    network that looks at the whole picture changes everything when somebody enters it."""
    middle = frame.shape[1] // 2
    other = frame.copy()
    other[:, middle:] = 255 - other[:, middle:] // 3
    far = slice(0, middle - 128)
    before, after = (enhance(y)[:, far].astype(np.int16) for y in (frame, other))
    return float(np.abs(before - after).mean())


def mosaic(crops: NDArray[np.uint8]) -> Picture:
    """Five rows of eight crops [N, side, side] as one picture; few crops come again."""
    rows = np.resize(crops, (5, 8, *crops.shape[1:]))
    return np.concatenate([np.concatenate(list(row), 1) for row in rows])


def compare(base: Config, group: str, seeds: int) -> dict[str, dict[str, float]]:
    """Train all variants of a group and measure them; by variant the means over the seeds."""
    _, held_out = banks(base)
    rows: dict[str, dict[str, float]] = {}
    ways: dict[str, Callable[[Picture], object]] = {}
    frame = cv2.resize(mosaic(held_out), FRAME, interpolation=cv2.INTER_AREA)
    for variant in GROUPS[group]:
        runs = [train(config_of(base, group, variant, 1 + number)) for number in range(seeds)]
        scores = [run.figures["score"] for run in runs]
        row = {name: mean(run.figures[name] for run in runs) for name in runs[0].figures}
        enhancer, spec = as_enhancer(runs[0].weights)
        enhancer.set_profile(TYPICAL)
        enhance = partial(enhancer.enhance, strength=1.0)
        ways[variant] = enhance
        row |= {"spread": max(scores) - min(scores), "kmac": spec.macs_per_pixel / 1000}
        rows[variant] = row | {"pumping": pumping(enhance, frame)}
    for variant, ms in milliseconds(ways, frame).items():
        rows[variant]["ms"] = ms
    return rows


def table(rows: dict[str, dict[str, float]]) -> str:
    """As Markdown."""
    names = ("score", "spread", *SHOWN, "kmac", "ms", "pumping")
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for variant, row in rows.items():
        lines.append(f"| {variant} | {' | '.join(f'{row[name]:.2f}' for name in names)} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Train what is lacking of one table, and print it."""
    parser = argparse.ArgumentParser(prog="python -m training.ablate", description=__doc__)
    parser.add_argument("--group", choices=GROUPS, required=True)
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--steps", type=int, help="of each training")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each variant")
    parser.add_argument("--rate", type=float, help="its peak learning rate")
    parser.add_argument("--optimiser", choices=OPTIMISERS, help="what trains it")
    parser.add_argument("--begin-with", default="", help="a trained student of the same topology")
    parser.add_argument("--data", type=Path, help="folder of sharp photographs")
    parser.add_argument("--runs", type=Path, default=Config.runs, help="where checkpoints go")
    parser.add_argument("--threads", type=int, default=Config.threads)
    parser.add_argument("--workers", type=int, default=Config.workers)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args(argv)
    base = PRESETS[args.preset]
    stage = stage_as_asked(base.student, args)
    base = replace(
        base,
        student=replace(stage, evaluate_every=min(stage.evaluate_every, stage.steps)),
        data=args.data or base.data,
        runs=args.runs,
        threads=args.threads,
        workers=args.workers,
        begin_with=args.begin_with,
    )

    def run() -> None:
        rows = compare(base, args.group, args.seeds)
        print(table(rows))
        report(rows, args.json)

    return trained(run)


if __name__ == "__main__":
    sys.exit(main())
