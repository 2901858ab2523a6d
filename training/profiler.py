"""ProfileNet: reads a camera's profile off some crops of one of its frames, taken together.

A crop alone tells little: whether it is the camera or the scene that is soft, whether there is any
noise where all is texture. Together they do, so the features of all crops are joined first, those
of a few frames. (In doubt the best guess is an ordinary camera, or one that does not sharpen too
much; to average such guesses afterwards, frame by frame, never reaches an unusual camera.)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sharpcam.network import ESTIMATOR_CROP, ESTIMATOR_FEATURES
from sharpcam.profile import CameraProfile
from training.cameras import sample_camera
from training.data import MARGIN, Examples, make_scene
from training.degrade import degrade, lens_blur
from training.ruler import true_profile
from training.student import SLOPE, denormalise_profile, exact, normalise_profile

FRAMES, CROPS = 6, 6
"""Frames in a training example at most, and crops of each; sharpcam/estimator.py has similar
numbers."""
HARDLY_SEEN = (0.5 / 255) ** 2
"""Mean square error to which all are equal: a perfect camera's pictures have none at all."""
DOUBLED_WEIGHT = 1.0
"""Of the error in telling doubled pictures: that of the other numbers is about 0.05 in all."""


class ProfileNet(nn.Module):
    """Five convolutions, mean and deviation over each crop, an MLP; mean and soft maximum over the
    crops, and another MLP.

    A true maximum grows with the number of crops, so that more of them would say something else.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 24, 32, 48, 64, 64)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=1 if index in (0, 4) else 2, padding=1)
            for index, (before, after) in enumerate(pairwise(widths))
        )
        told = ESTIMATOR_FEATURES
        self.crop = nn.Sequential(nn.Linear(128, 96), nn.LeakyReLU(SLOPE), nn.Linear(96, told))
        self.peaks = nn.Parameter(torch.ones(told))
        self.head = nn.Sequential(
            nn.Linear(2 * told, 96), nn.LeakyReLU(SLOPE), nn.Linear(96, CameraProfile.SIZE)
        )

    def forward(self, y: Tensor) -> Tensor:
        """Estimate the profiles of some cameras.

        Args:
            y: luma of crops [cameras, crops, 96, 96] in 0..1.

        Returns:
            Profiles [cameras, 17] as `normalise_profile` has them; a number may be a little below
            zero (a ReLU would cut the gradient off where it is mostly zero).
        """
        return self.judge(self.read(y.flatten(0, 1)[:, None]).view(y.shape[0], y.shape[1], -1))

    def read(self, y: Tensor) -> Tensor:
        """What each crop tells: luma [N, 1, 96, 96] in 0..1 to features [N, 96]."""
        # Exposure is not a fault: only differences within the crop speak.
        x = 4 * (y - y.mean((2, 3), keepdim=True))
        first, *rest = self.convolutions
        with exact(y.device):  # noise of one grey level is near the resolution of bfloat16
            x = F.leaky_relu(first(x), SLOPE)
        for convolution in rest:
            x = F.leaky_relu(convolution(x), SLOPE)
        x = x.float()
        mean = x.mean((2, 3))
        deviation = ((x - mean[:, :, None, None]).square().mean((2, 3)) + 1e-6).sqrt()
        told: Tensor = self.crop(torch.cat([mean, deviation], 1))
        return told

    def judge(self, told: Tensor) -> Tensor:
        """Features of crops [cameras, crops, 96] to profiles [cameras, 17]."""
        highest = ((self.peaks * told).softmax(1) * told).sum(1)
        profiles: Tensor = self.head(torch.cat([told.mean(1), highest], 1))
        return profiles


def guess(model: nn.Module, y: Tensor) -> Tensor:
    """What frames [cameras, frames, crops, 96, 96] tell of their cameras together: [cameras, 17],
    normalised."""
    guesses: Tensor = model(y.flatten(1, 2)).float()
    return guesses


def profile_loss(guesses: Tensor, camera: Tensor) -> Tensor:
    """Mean absolute error of guesses [cameras, 17] in normalised units, a scalar; of the last
    number, doubled or not, the square.

    Few cameras double, so that the absolute error is least where none is ever told to; the square
    is least at the probability.
    """
    errors = guesses - normalise_profile(camera)
    return errors[:, :-1].abs().mean() + DOUBLED_WEIGHT * errors[:, -1].square().mean()


def lost_decibels(
    student: nn.Module, guesses: Tensor, camera: Tensor, shown: Tensor, target: Tensor
) -> Tensor:
    """PSNR that a student loses with guesses instead of the true profiles, a scalar.

    Args:
        student: frozen; gradients reach the guesses through it.
        guesses: [cameras, 17], normalised.
        camera: true profiles [cameras, 17].
        shown, target: one crop of each camera and what was before it [cameras, 96, 96] in 0..1.
    """
    told = denormalise_profile(guesses)
    low, high = (camera.new_tensor(bound) for bound in (CameraProfile.LOW, CameraProfile.HIGH))
    # A hair below the bound: at a response of 1 the slope of its width is infinite.
    told = torch.minimum(torch.maximum(told, low), high - 1e-6)

    def decibels(profile: Tensor) -> Tensor:
        error = (student(shown[:, None], profile)[0] - target[:, None]).square().mean((1, 2, 3))
        return 10 * (error + HARDLY_SEEN).log10()

    with torch.no_grad():
        least = decibels(camera)
    return (decibels(told) - least).mean()


def make_example(
    bank: NDArray[np.uint8], seed: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Frames of one camera [FRAMES, CROPS, 96, 96] in 0..1; what was before the camera in the
    first crop [96, 96]; its profile [17].

    In half of the examples some scenes, up to two thirds, are soft by themselves, as what is out of
    focus is: that is none of the camera's faults.
    """
    rng = np.random.default_rng(seed)
    camera = sample_camera(rng)
    soft = rng.uniform(0, 0.67) if rng.random() < 0.5 else 0.0
    inner = slice(MARGIN, MARGIN + ESTIMATOR_CROP)
    scenes = []
    for _ in range(FRAMES):
        photograph = neighbours(bank, rng)
        for _ in range(CROPS):
            y = make_scene(photograph, ESTIMATOR_CROP, rng)
            scenes.append(lens_blur(y, rng.uniform(0.3, 2.5)) if rng.random() < soft else y)
    crops = np.stack([degrade(camera, y, rng)[inner, inner] for y in scenes])
    frames = crops.reshape(FRAMES, CROPS, ESTIMATOR_CROP, ESTIMATOR_CROP)
    return frames, scenes[0][inner, inner], true_profile(camera).as_array()


def neighbours(bank: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A few crops in a row: mostly of one photograph, as those of one frame are."""
    start = int(rng.integers(max(1, len(bank) - 2 * CROPS)))
    return bank[start : start + 2 * CROPS]


def example_tensors(bank: NDArray[np.uint8], seed: tuple[int, ...]) -> tuple[Tensor, ...]:
    """`make_example` as tensors."""
    frames, target, profile = make_example(bank, seed)
    return torch.from_numpy(frames), torch.from_numpy(target.copy()), torch.from_numpy(profile)


def profile_batches(
    bank: NDArray[np.uint8], batch: int, seed: int, workers: int, steps: range
) -> Iterator[list[Tensor]]:
    """Batches for the given steps: frames [N, FRAMES, CROPS, 96, 96], what was before the first
    crop [N, 96, 96], and profiles [N, 17]; N is this process's part of `batch`."""
    return Examples(partial(example_tensors, bank), batch, seed, steps).batches(workers)


class ProfileValidation:
    """Held-out frames of random cameras; the score is minus what the student loses, in decibels,
    or minus the mean error in normalised units where there is no student."""

    def __init__(self, bank: NDArray[np.uint8], student: nn.Module | None, count: int) -> None:
        examples = [example_tensors(bank, (11, index)) for index in range(count)]
        self.frames, self.targets, self.profiles = (
            torch.stack(tensors) for tensors in zip(*examples, strict=True)
        )
        self.student = student

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Median error of the four numbers for people, mean square error of `doubled`, too."""
        device = next(model.parameters()).device
        numbers = torch.cat([guess(model, some.to(device)).cpu() for some in self.frames.split(10)])
        told = [CameraProfile.from_array(it.numpy()) for it in denormalise_profile(numbers)]
        errors = [
            np.abs(np.subtract(found.in_short, CameraProfile.from_array(truth.numpy()).in_short))
            for found, truth in zip(told, self.profiles, strict=True)
        ]
        names = ("blur_px", "noise", "compression", "sharpening")
        figures = dict(zip(names, np.median(errors, axis=0).tolist(), strict=True))
        figures["doubled"] = float((numbers - self.profiles)[:, -1].square().mean())
        figures["error"] = float((numbers - normalise_profile(self.profiles)).abs().mean())
        if self.student is None:
            return {"score": -figures["error"]} | figures
        parts = (numbers, self.profiles, self.frames[:, 0, 0], self.targets)
        lost = [
            float(lost_decibels(self.student, *(it.to(device) for it in some)))
            for some in zip(*(tensor.split(20) for tensor in parts), strict=True)
        ]
        return {"score": -float(np.mean(lost))} | figures
