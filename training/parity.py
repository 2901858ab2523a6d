"""Proof that an exported file computes what was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sharpcam.model import load_model, open_session
from sharpcam.network import (
    ESTIMATOR_CROP,
    ESTIMATOR_FEATURES,
    INPUT_CROPS,
    INPUT_EARLIER,
    OUTPUT_FEATURES,
    OUTPUT_PROFILE,
)
from sharpcam.profile import CameraProfile
from training.profiler import ProfileNet
from training.student import UNetStudent, denormalise_profile


@torch.no_grad()
def student_parity(student: UNetStudent, file: Path) -> int:
    """The largest difference in grey levels between a trained student and its file.

    Over pictures of noise, of edges and of a gradient, profiles and strengths 0, 0.6 and 1.
    """
    rng = np.random.default_rng(0)
    gradient = np.tile(np.linspace(0, 255, 96), (64, 1))
    edges = np.kron(rng.integers(0, 2, (16, 24)), np.ones((4, 4))) * 180 + 30
    noise = rng.integers(0, 256, (64, 96))
    student = student.cpu().eval()
    worst = 0
    for profile in (
        CameraProfile(),
        CameraProfile.of(1.1, 1.0, 0.3),
        CameraProfile.of(2.0, 6.0, 1.0),
    ):
        session = load_model(file).session(profile, threads=1)
        camera = torch.from_numpy(profile.as_array())[None]
        for picture in (gradient, edges, noise):
            y = picture.astype(np.uint8)
            luma = torch.from_numpy(y).float()[None, None] / 255
            residual = (student(luma, camera)[0] - luma).numpy()[0, 0]
            for strength in (0.0, 0.6, 1.0):
                # What is added is a byte, too.
                added = np.floor(255 * strength * residual + 0.5).clip(-128, 127)
                wanted = (y + added).clip(0, 255)
                difference = session.run(y, strength) - wanted
                worst = max(worst, int(np.abs(difference).max()))
    return worst


@torch.no_grad()
def estimator_parity(net: ProfileNet, file: Path) -> float:
    """The largest difference between a trained estimator and its file, in the profile's units."""
    crops = np.random.default_rng(0).integers(0, 256, (7, 1, ESTIMATOR_CROP, ESTIMATOR_CROP))
    numbers = net.cpu().eval()(torch.from_numpy(crops[None, :, 0]).float() / 255)
    wanted = denormalise_profile(numbers)[0].numpy()
    session = open_session(file, threads=1)

    def run(some: NDArray[np.uint8], earlier: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        feed = {INPUT_CROPS: some, INPUT_EARLIER: earlier}
        told: list[NDArray[np.float32]] = session.run([OUTPUT_PROFILE, OUTPUT_FEATURES], feed)
        return told

    nothing = np.empty((0, ESTIMATOR_FEATURES), np.float32)
    at_once, _ = run(crops.astype(np.uint8), nothing)
    _, features = run(crops[:3].astype(np.uint8), nothing)
    in_turn, _ = run(crops[3:].astype(np.uint8), features)
    return float(max(np.abs(got - wanted).max() for got in (at_once, in_turn)))
