"""What each network of a run minimises: its loss terms, weighted as the run's settings say."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.config import Config
from training.data import jitter
from training.fit import Batch, Terms
from training.losses import (
    charbonnier,
    feature_distance,
    log_error,
    sobel_edge,
    ssim,
    vgg_perceptual,
)
from training.profiler import guess, lost_decibels, profile_loss
from training.teacher import UNetTeacher


def picture_terms(config: Config, restored: Tensor, target: Tensor, step: int) -> Terms:
    """The five terms that compare pictures [N, 1, H, W] in 0..1, weighted."""
    terms = {
        "pixel": config.pixel_weight * charbonnier(restored, target),
        "error": config.error_weight * log_error(restored, target),
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
    teacher: UNetTeacher | None,
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
    if teacher is not None and (count := config.distil_items):
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


def estimator_loss(
    config: Config, student: nn.Module | None, model: nn.Module, batch: Batch, step: int
) -> Terms:
    """The estimator learns the recipe's own parameters, and which of them a student needs."""
    frames, target, camera = batch
    # Few frames now and then: so it is when a camera was just switched on.
    guesses = guess(model, frames[:, : 1 + step % frames.shape[1]])
    terms = {"error": profile_loss(guesses, camera)}
    if student is not None:
        lost = lost_decibels(student, guesses, camera, frames[:, 0, 0], target)
        terms["lost"] = config.lost_weight * lost
    return terms
