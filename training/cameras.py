"""The recipe: which cameras training meets, and those that the evaluation is made with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.degrade import SCALERS, Camera

USUAL_SCALES = (1.5, 2.0, 2.0, 3.0)
"""480 lines shown as 720, 720 as 1080; 360 as 720, 540 as 1080; 240 as 720, 360 as 1080."""


def sample_scale(rng: np.random.Generator) -> float:
    """How many times larger a small picture is shown: mostly between usual sizes, where the grids
    of both fall together again and again."""
    return float(rng.choice(USUAL_SCALES) if rng.random() < 0.6 else rng.uniform(1.5, 2.8))


def sample_camera(rng: np.random.Generator) -> Camera:
    """A camera at random, as training meets them."""
    kind = rng.random()
    if kind < 0.1:
        return Camera()
    if kind < 0.22:  # the classic softening of super-resolution papers: small and large again
        return Camera(scale=sample_scale(rng), scaler=rng.choice(list(SCALERS)))
    small = kind < 0.45  # a small picture shown large
    dark = rng.random() < 0.3
    # Cameras that average over time show still parts without any noise.
    noise = 0.0 if rng.random() < 0.15 else rng.uniform(0, 1) ** 2 * (3.0 if dark else 1.0)
    camera = Camera(
        lens_px=rng.uniform(0.0, 1.7),
        motion_px=rng.uniform(1, 3) if rng.random() < 0.1 else 0.0,
        motion_angle=rng.uniform(0, np.pi),
        scale=sample_scale(rng) if small else rng.choice([1.0, rng.uniform(1, 1.6)]),
        scaler=rng.choice(list(SCALERS)),
        shot_noise=noise * 6e-4,
        read_noise=noise * 4e-3,
        smear=rng.uniform(0, 1.0) if rng.random() < 0.5 else 0.0,
        oversharpen=rng.uniform(0.2, 1.8) if rng.random() < 0.45 else 0.0,
        oversharpen_px=rng.uniform(0.7, 1.8),
        quality=None if rng.random() < 0.1 else int(rng.integers(55, 97)),
        compress_at_sensor=small and rng.random() < 0.7,
    )
    if rng.random() < 0.2:  # an H.264 camera, or what a call made of one
        return replace(camera, quality=None, crf=int(rng.integers(18, 32)))
    return camera


BUCKETS: dict[str, Camera] = {
    "webcam-mild": Camera(lens_px=1.1, shot_noise=4e-5, read_noise=6e-4, smear=0.2, quality=92),
    "webcam-360p": Camera(
        lens_px=0.9,
        scale=2.0,
        scaler="bilinear",
        shot_noise=5e-5,
        read_noise=8e-4,
        quality=85,
        compress_at_sensor=True,
    ),
    "low light": Camera(lens_px=1.15, shot_noise=4e-4, read_noise=3e-3, smear=0.5, quality=88),
    "self-sharpened": Camera(
        lens_px=1.1,
        shot_noise=1.5e-4,
        read_noise=1.5e-3,
        smear=0.8,
        oversharpen=1.0,
        oversharpen_px=1.2,
        crf=24,
    ),
    "clean": Camera(),
}
"""The cameras of the evaluation; the "seed" bucket is defined by its own two scalers
(evaluate.py)."""

CALL = {"call codec": Camera(lens_px=1.0, shot_noise=4e-5, read_noise=6e-4, smear=0.3, crf=29)}
"""What the other side of a call sees: a soft camera behind H.264 at a call's bit rate. Evaluated
only."""

SEED_CAMERAS = {
    "seed-bicubic": Camera(scale=2, scaler="bicubic"),
    "seed-bilinear": Camera(scale=2, scaler="bilinear"),
}
"""The classic softening: to half the size and back, nothing else."""
