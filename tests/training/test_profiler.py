"""What the estimator learns from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sharpcam.assets import asset
from sharpcam.profile import CameraProfile
from training.cameras import USUAL_SCALES, sample_scale
from training.profiler import (
    CROPS,
    FRAMES,
    ProfileNet,
    ProfileValidation,
    example_tensors,
    guess,
    lost_decibels,
    neighbours,
    profile_loss,
)
from training.shipped import load_estimator, load_student
from training.student import UNetStudent, normalise_profile


@pytest.fixture(scope="module")
def student() -> UNetStudent:
    return load_student(asset("model/standard.onnx")).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def examples(bank: np.ndarray) -> tuple[torch.Tensor, ...]:
    made = [example_tensors(bank, (5, index)) for index in range(12)]
    frames, targets, profiles = (torch.stack(tensors) for tensors in zip(*made, strict=True))
    return frames, targets, profiles


def known(profiles: torch.Tensor) -> torch.Tensor:
    return normalise_profile(profiles)


def test_an_example_is_always_the_same_and_shows_its_target(bank: np.ndarray) -> None:
    one, again = (example_tensors(bank, (5, 3)) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(one, again, strict=True))
    frames, target, profile = one
    assert frames.shape == (FRAMES, CROPS, 96, 96)
    assert target.shape == (96, 96)
    assert profile.shape == (CameraProfile.SIZE,)
    off = (frames - target).square().mean((2, 3))
    assert off.argmin() == 0


def test_the_crops_of_a_frame_are_near_each_other_in_the_bank() -> None:
    bank = np.arange(500)
    for seed in range(20):
        found = neighbours(bank, np.random.default_rng(seed))
        assert len(found) == 2 * CROPS
        assert np.all(np.diff(found) == 1)
    assert len(neighbours(bank[:3], np.random.default_rng(0))) == 3


def test_who_tells_the_truth_loses_nothing(student: UNetStudent, examples) -> None:
    frames, targets, profiles = examples
    wanted = known(profiles)
    assert profile_loss(wanted, profiles) < 1e-6
    lost = lost_decibels(student, wanted, profiles, frames[:, 0, 0], targets)
    assert abs(float(lost)) < 0.02


def test_who_tells_nothing_loses_much_and_learns_even_from_perfect_cameras(
    student: UNetStudent, examples
) -> None:
    frames, targets, profiles = examples
    profiles = profiles.clone()
    profiles[0] = torch.from_numpy(CameraProfile().as_array())
    guesses = known(profiles).flip(0).requires_grad_()
    lost = lost_decibels(student, guesses, profiles, frames[:, 0, 0], targets)
    assert lost > 0.3
    lost.backward()
    assert torch.isfinite(guesses.grad).all()
    assert guesses.grad.abs().sum() > 0


def test_the_bundled_estimator_costs_the_student_less_than_a_fresh_one(
    student: UNetStudent, bank: np.ndarray
) -> None:
    validation = ProfileValidation(bank, student, count=16)
    bundled = validation(load_estimator(asset("model/profile.onnx")).eval())
    fresh = validation(ProfileNet().eval())
    assert bundled["score"] > fresh["score"] + 0.3
    assert bundled["blur_px"] < fresh["blur_px"]
    assert ProfileValidation(bank, None, count=16)(ProfileNet().eval())["score"] < 0


def test_all_crops_of_all_frames_count_and_their_order_does_not(examples) -> None:
    net = load_estimator(asset("model/profile.onnx")).eval()
    frames = examples[0][:2]
    with torch.no_grad():
        guesses = guess(net, frames)
        turned = guess(net, frames.flip(1, 2))
        fewer = guess(net, frames[:, 1:])
    assert guesses.shape == (2, CameraProfile.SIZE)
    assert torch.allclose(guesses, turned, atol=1e-4)
    assert not torch.allclose(guesses, fewer, atol=1e-2)


def test_small_pictures_mostly_come_in_usual_sizes() -> None:
    rng = np.random.default_rng(0)
    scales = np.array([sample_scale(rng) for _ in range(2000)])
    assert 0.5 < np.isin(scales, USUAL_SCALES).mean() < 0.7
    assert scales.min() >= 1.5
    assert scales.max() <= 3
