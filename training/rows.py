"""The rows of the evaluation: what each way of sharpening makes of a bucket's pictures.

A *way* is one program (an unsharp mask, a file of ours); a row is a way with what it is told of the
camera. Rows see degraded pictures only; the oracles are allowed the originals, and say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sharpcam.enhancer import Enhancer
from sharpcam.estimator import Earlier, ProfileEstimator
from sharpcam.profile import TYPICAL, CameraProfile
from sharpcam.profile_tracker import median_profile
from training.baselines import Picture, least_squares_filter, oracle_rcas, oracle_unsharp
from training.degrade import Camera, degrade, to_uint8
from training.peer_enhancer import PeerEnhancer
from training.ruler import true_profile
from training.teacher_enhancer import TeacherEnhancer

SCALE = 0.4
"""The evaluation pictures are shrunk by this, so that they are as crisp as the training targets."""


@dataclass(frozen=True)
class Bucket:
    """One camera, and the same pictures as it shows them and as they are."""

    camera: Camera
    shown: list[Picture]
    targets: list[Picture]
    singles: list[CameraProfile]
    """What each picture alone tells of the camera."""
    auto: CameraProfile
    """What SharpCam has learnt of the camera after all of them."""
    true: CameraProfile


Restore = Callable[[Bucket], list[Picture]]


def fill(camera: Camera, targets: list[Picture], estimator: ProfileEstimator) -> Bucket:
    """Take the pictures with a camera, and learn its profile from them alone."""
    shown = [
        to_uint8(degrade(camera, y.astype(np.float32) / 255, np.random.default_rng(index)))
        for index, y in enumerate(targets)
    ]
    earlier = Earlier()
    estimates = [estimator.estimate(y, earlier) for y in shown]
    auto = learnt([estimate for estimate in estimates if estimate])
    singles = [estimator.estimate(y) or TYPICAL for y in shown]
    return Bucket(camera, shown, targets, singles, auto, true_profile(camera))


def learnt(estimates: list[CameraProfile]) -> CameraProfile:
    """What SharpCam knows of a camera after these estimates: their median."""
    if not estimates:
        return TYPICAL
    return median_profile(estimates)


def classics(data: Path) -> dict[str, Restore]:
    """What needs no network; the linear filter is fitted on the training split of `data`."""

    def with_oracle(oracle: Callable[..., Callable[[Picture], Picture]]) -> Restore:
        def restore(bucket: Bucket) -> list[Picture]:
            sharpen = oracle(bucket.shown, bucket.targets)
            return [sharpen(y) for y in bucket.shown]

        return restore

    def linear(bucket: Bucket) -> list[Picture]:
        sharpen = least_squares_filter(bucket.camera, data, SCALE)
        return [sharpen(y) for y in bucket.shown]

    return {
        "identity": lambda bucket: bucket.shown,
        "oracle unsharp": with_oracle(oracle_unsharp),
        "oracle RCAS": with_oracle(oracle_rcas),
        "9x9 linear filter": linear,
    }


def told(student: Enhancer, choose: Callable[[Bucket], CameraProfile]) -> Restore:
    """A student that is told one profile for all pictures of a bucket."""

    def restore(bucket: Bucket) -> list[Picture]:
        student.set_profile(choose(bucket))
        return [student.enhance(y, 1.0) for y in bucket.shown]

    return restore


def student_rows(way: str, student: Enhancer, wrongly: bool) -> dict[str, Restore]:
    """A student told what it learnt, the truth, nothing; and, where asked for, told wrongly."""

    def alone(bucket: Bucket) -> list[Picture]:
        made = []
        for y, single in zip(bucket.shown, bucket.singles, strict=True):
            student.set_profile(single)
            made.append(student.enhance(y, 1.0))
        return made

    rows = {
        f"{way}, auto": told(student, lambda bucket: bucket.auto),
        f"{way}, true profile": told(student, lambda bucket: bucket.true),
        f"{way}, blind": told(student, lambda bucket: TYPICAL),
    }
    if wrongly:
        rows |= {
            f"{way}, auto from each picture alone": alone,
            f"{way}, true but 25 % less blur": told(
                student, lambda bucket: bucket.true.with_blur(0.75)
            ),
            f"{way}, true but 25 % more blur": told(
                student, lambda bucket: bucket.true.with_blur(1.25)
            ),
        }
    return rows


def peer_row(peer: PeerEnhancer) -> Restore:
    """A rival network, which is blind."""
    return lambda bucket: [peer.enhance(y) for y in bucket.shown]


def teacher_row(teacher: TeacherEnhancer) -> Restore:
    """The teacher, which is always told the truth."""
    return lambda bucket: [teacher.enhance(y, bucket.true) for y in bucket.shown]
