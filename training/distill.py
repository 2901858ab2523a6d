"""Retrain SharpCam: the profile estimator, the teacher, the student from it; then export.

    python -m training.distill                   # --preset cpu: two hours on two cores
    python -m training.distill --preset gpu --data ~/photographs --install

Stop it whenever you like: the same command goes on at the exact next step.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from sharpcam.errors import SharpCamError
from sharpcam.network import NetworkSpec
from training.config import Config, Stage, parse
from training.data import batches, crop_bank, data_hash, jitter
from training.export import export_all
from training.fit import Batch, Terms, choose_device, fit
from training.losses import charbonnier, feature_distance, sobel_edge, ssim, vgg_perceptual
from training.profiler import ProfileNet, ProfileValidation, profile_loss
from training.provenance import git_commit
from training.student import UNetStudent
from training.teacher import TeacherSpec, UNetTeacher, load_teacher
from training.validate import Validation
from training.verb import refused

TEACHER = Path(__file__).parent / "weights" / "teacher.safetensors"


def picture_terms(config: Config, restored: Tensor, target: Tensor, step: int) -> Terms:
    """The four terms that compare pictures [N, 1, H, W] in 0..1, weighted."""
    terms = {
        "pixel": config.pixel_weight * charbonnier(restored, target),
        "edge": config.edge_weight * sobel_edge(restored, target),
        "ssim": config.ssim_weight * (1 - ssim(restored, target)),
    }
    if config.vgg_items and config.vgg_weight and step % config.vgg_every == 0:
        # The crop moves with the step, so that the whole picture has its turn.
        room = max(1, restored.shape[-1] - 63)
        top, left = step * 7 % room, step * 13 % room
        crop = (
            slice(0, config.vgg_items),
            slice(None),
            slice(top, top + 64),
            slice(left, left + 64),
        )
        terms["vgg"] = (
            config.vgg_every * config.vgg_weight * vgg_perceptual(restored[crop], target[crop])
        )
    return terms


def teacher_loss(config: Config, model: nn.Module, batch: Batch, step: int) -> Terms:
    """The teacher learns from the targets alone."""
    degraded, target, camera = batch
    restored, _ = model(degraded, jitter(camera, config.seed, step))
    return picture_terms(config, restored, target, step)


def student_loss(
    config: Config,
    teacher: nn.Module,
    adapter: nn.Module,
    model: nn.Module,
    batch: Batch,
    step: int,
) -> Terms:
    """The student learns from the targets, and from the teacher's output and features."""
    degraded, target, camera = batch
    assumed = jitter(camera, config.seed, step)
    restored, features = model(degraded, assumed)
    terms = picture_terms(config, restored, target, step)
    if count := config.distil_items:
        with torch.no_grad():
            wanted, teacher_features = teacher(degraded[:count], camera[:count])
            # A teacher that does worse on a picture, as on faults it never met, has nothing to say.
            miss, own = (
                (y - target[:count]).abs().mean((1, 2, 3), keepdim=True)
                for y in (wanted, restored[:count])
            )
            better = (miss < own).float()
        distance = (restored[:count] - wanted).abs() * better
        terms["output"] = config.output_weight * distance.mean()
        adapted = adapter(features[:count])
        terms["feature"] = config.feature_weight * feature_distance(adapted, teacher_features)
    return terms


def estimator_loss(model: nn.Module, batch: Batch, step: int) -> Terms:
    """The estimator learns the recipe's own parameters."""
    degraded, _, camera = batch
    return {"likelihood": profile_loss(model, degraded, camera)}


def distill(config: Config) -> None:
    """Train all three networks into the run's folder; each is skipped when it is done already."""
    folder = config.runs / config.name
    device = choose_device(config.device, config.precision)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    about = {"commit": git_commit(), "data": data_hash(config.data), "config": config.to_json()}
    print(f"{folder}: {device.torch_device}, {device.precision}, data {about['data']}", flush=True)
    bank = crop_bank(config.data, "train", config.crops_per_photo, config.runs / "cache")
    held_out = crop_bank(config.data, "validation", config.crops_per_photo, config.runs / "cache")

    def examples(stage: Stage, seed: int) -> Callable[[range], Iterator[Batch]]:
        return partial(_batches, bank, stage, seed, config.workers)

    common = {
        "folder": folder,
        "ema": config.ema,
        "checkpoint_minutes": config.checkpoint_minutes,
    }
    fit(
        "estimator",
        ProfileNet(),
        config.estimator,
        identity=config.identity("estimator") + about["data"],
        batches=examples(config.estimator, config.seed + 2),
        loss=estimator_loss,
        evaluate=ProfileValidation(held_out),
        about=about,
        # Noise of one grey level is near the resolution of bfloat16, and the network is tiny.
        device=replace(device, precision="fp32"),
        **common,
    )
    teacher = UNetTeacher(TeacherSpec(width=config.teacher_width))
    if config.teacher_from != "train":
        teacher = load_teacher(TEACHER)
    if config.teacher_from == "bundled":
        teacher.to(device.torch_device, memory_format=torch.channels_last)
        teacher.eval().requires_grad_(False)
    else:
        teacher = fit(
            "teacher",
            teacher,
            config.teacher,
            identity=config.identity("teacher") + about["data"],
            batches=examples(config.teacher, config.seed),
            loss=partial(teacher_loss, config),
            evaluate=Validation(held_out, config.teacher.crop),
            device=device,
            about=about | {"spec": asdict(teacher.spec)},
            **common,
        )
    student_spec = NetworkSpec(
        tier=config.tier,
        channels=config.channels,
        blocks=config.blocks,
        filters=config.filters,
        channel_attention=config.channel_attention,
        spatial_attention=config.spatial_attention,
    )
    adapter = nn.Conv2d(config.channels, teacher.feature_channels, 1)
    fit(
        config.tier,
        UNetStudent(student_spec),
        config.student,
        identity=config.identity("student") + about["data"],
        batches=examples(config.student, config.seed + 1),
        loss=partial(student_loss, config, teacher, adapter),
        evaluate=Validation(held_out, config.student.crop),
        device=device,
        about=about | {"spec": json.loads(student_spec.to_json())},
        extra=adapter,
        **common,
    )


def _batches(bank: object, stage: Stage, seed: int, workers: int, steps: range) -> Iterator[Batch]:
    return batches(bank, stage.crop, stage.batch, seed, steps, workers)


def main(argv: list[str] | None = None) -> int:
    """Run the whole recipe."""
    config, args = parse(argv, "python -m training.distill", str(__doc__).split("\n")[0])
    try:
        distill(config)
        export_all(config.runs / config.name, install=args.install)
    except SharpCamError as error:
        return refused(error)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
