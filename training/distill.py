"""Retrain SharpCam: the profile estimator, the teacher, the student from it; then export.

    python -m training.distill                   # --preset cpu: two hours on two cores
    python -m training.distill --preset gpu --data ~/photographs --install
    torchrun --nproc-per-node 4 -m training.distill --preset gpu      # four cards, same result

Stop it whenever you like: the same command goes on at the exact next step.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sharpcam.errors import SharpCamError
from sharpcam.network import NetworkSpec
from training.card import MODELS
from training.config import Config, Stage, parse
from training.data import batches, crop_bank, data_hash, pair_tensors
from training.export import export_all
from training.fit import Batch, Device, channels_last, choose_device, fit
from training.objectives import estimator_loss, student_loss, teacher_loss
from training.parallel import first_before_others, is_first, place, processes
from training.profiler import ProfileNet, ProfileValidation, profile_batches
from training.provenance import git_commit
from training.quantise import Range, measure_ranges, set_ranges
from training.shipped import any_student, fill_estimator, fill_student, load_student
from training.student import UNetStudent
from training.teacher import TeacherSpec, UNetTeacher, load_teacher, put_after
from training.validate import Validation
from training.verb import trained

TEACHER = Path(__file__).parent / "weights" / "teacher.safetensors"


def banks(config: Config) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Crops to train on and to validate with; made once, by the first process."""
    make = partial(crop_bank, config.data, per_photo=config.crops_per_photo)
    cache = config.runs / "cache"
    return first_before_others(
        lambda: (make(split="train", cache=cache), make(split="validation", cache=cache))
    )


@dataclass(frozen=True)
class Run:
    """What the networks of one run share."""

    config: Config
    device: Device
    about: dict[str, Any]
    bank: NDArray[np.uint8]
    held_out: NDArray[np.uint8]

    def fit(self, name: str, network: str, model: nn.Module, stage: Stage, **rest: Any) -> None:
        """Train one of them into the run's folder; see `fit.fit`."""
        config = self.config
        seed = config.seed + {"teacher": 0, "student": 1, "estimator": 2}[network]
        given: dict[str, Any] = {
            "about": self.about,
            "device": self.device,
            "batches": partial(_batches, self.bank, stage, seed, config.workers),
        } | rest
        fit(
            name,
            model,
            stage,
            identity=config.identity(network) + self.about["data"],
            folder=config.runs / config.name,
            ema=config.ema,
            checkpoint_minutes=config.checkpoint_minutes,
            **given,
        )


def distill(config: Config) -> None:
    """Train all three networks into the run's folder; each is skipped when it is done already."""
    folder = config.runs / config.name
    device = choose_device(config.device, config.precision)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    about = {"commit": git_commit(), "data": data_hash(config.data), "config": config.to_json()}
    if is_first():
        found = f"{device.torch_device}, {device.precision}, data {about['data']}"
        print(f"{folder}: {found}, {place()[1]} processes", flush=True)
    run = Run(config, device, about, *banks(config))
    if config.only in ("all", "estimator"):
        train_estimator(run)
    if config.only == "estimator":
        return
    teacher = make_teacher(run)
    if config.only != "teacher":
        train_student(run, teacher)


def train_estimator(run: Run) -> None:
    """The network that reads a camera's profile off its frames."""
    config, stage = run.config, run.config.estimator
    student = None
    if config.lost_weight:
        student = load_student(MODELS / "standard.onnx").requires_grad_(False).eval()
        channels_last(student.to(run.device.torch_device))
    net = ProfileNet()
    if config.begin_with and config.only == "estimator":
        fill_estimator(net, Path(config.begin_with))
    if config.join_only:
        for part in (net.convolutions, net.crop):
            part.requires_grad_(False)
    run.fit(
        "estimator",
        "estimator",
        net,
        stage,
        batches=partial(profile_batches, run.bank, stage.batch, config.seed + 2, config.workers),
        loss=partial(estimator_loss, config, student),
        evaluate=ProfileValidation(run.held_out, student, config.validation_cameras),
    )


def make_teacher(run: Run) -> UNetTeacher | None:
    """The trained teacher that the run asks for."""
    config = run.config
    if config.teacher_from == "none":
        return None
    teacher = UNetTeacher(TeacherSpec(width=config.teacher_width))
    if config.teacher_from != "train":
        teacher = load_teacher(TEACHER)
    if config.teacher_after:
        if config.teacher_from == "bundled":
            raise SharpCamError(
                "the bundled teacher as it is cannot go on from another student",
                "ask for --teacher tune, or leave --teacher-after out",
            )
        teacher = put_after(teacher, any_student(Path(config.teacher_after)))
    if config.teacher_from != "bundled":
        run.fit(
            "teacher",
            "teacher",
            teacher,
            config.teacher,
            loss=partial(teacher_loss, config),
            evaluate=Validation(run.held_out, config.teacher.crop),
            about=run.about | {"spec": asdict(teacher.spec)},
        )
        teacher = load_teacher(config.runs / config.name / "teacher.safetensors")
    channels_last(teacher.to(run.device.torch_device))
    return teacher.eval().requires_grad_(False)


def train_student(run: Run, teacher: UNetTeacher | None) -> None:
    """The student of the run's tier."""
    config = run.config
    spec = NetworkSpec(
        tier=config.tier,
        channels=config.channels,
        blocks=config.blocks,
        filters=config.filters,
        experts=config.experts,
        channel_attention=config.channel_attention,
        spatial_attention=config.spatial_attention,
        norm=config.norm,
        refinement=config.refinement,
    )
    student = UNetStudent(spec)
    before = 0
    if config.begin_with:
        before = fill_student(student, Path(config.begin_with))
    name, stage, about = (
        config.tier,
        config.student,
        run.about | {"spec": json.loads(spec.to_json())},
    )
    about["before"] = before  # steps of what it began with
    if config.quantise:
        name, stage = f"{name}-int8", replace(stage, rate=stage.rate / 5)
        about["ranges"] = calibrate(student, run.bank)
    adapter = nn.Conv2d(config.channels, teacher.feature_channels if teacher else 1, 1)
    run.fit(
        name,
        "student",
        student,
        stage,
        loss=partial(student_loss, config, teacher, adapter),
        evaluate=Validation(run.held_out, config.student.crop),
        about=about,
        extra=adapter if teacher else None,
    )


def calibrate(student: UNetStudent, bank: NDArray[np.uint8]) -> dict[str, Range]:
    """Have a student round to bytes, over the values that it meets on 200 pictures: the same in
    every process, which must round alike."""
    pairs = [pair_tensors(bank, 128, (77, number)) for number in range(200)]
    ys, _, cameras = (torch.stack(tensors) for tensors in zip(*pairs, strict=True))
    ranges = measure_ranges(student.eval(), [(ys, cameras)])
    set_ranges(student, ranges)
    return ranges


def _batches(bank: object, stage: Stage, seed: int, workers: int, steps: range) -> Iterator[Batch]:
    return batches(bank, stage.crop, stage.batch, seed, steps, workers)


def main(argv: list[str] | None = None) -> int:
    """Run the whole recipe."""
    config, args = parse(argv, "python -m training.distill", str(__doc__).split("\n")[0])

    def run() -> None:
        with processes():
            distill(config)
            if is_first() and config.only == "all":
                export_all(config.runs / config.name, install=args.install)

    return trained(run)


if __name__ == "__main__":
    sys.exit(main())
