"""Rounding to bytes inside the student: little is lost, and engines do what training did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sharpcam.engines import CHOICES
from sharpcam.graph import diffuse
from sharpcam.model import load_model
from sharpcam.network import NetworkSpec
from sharpcam.profile import CameraProfile
from training.export import student_onnx
from training.quantise import Grid, grids, measure_ranges, round_kernels, set_ranges
from training.student import UNetStudent

PROFILE = CameraProfile.of(1.1, 1.0, 0.3)


def trained(spec: NetworkSpec) -> UNetStudent:
    """A student whose residual is some twenty grey levels strong, as if it had learnt something."""
    torch.manual_seed(0)
    student = UNetStudent(spec)
    for parameter in student.parameters():
        parameter.data += 0.025 * torch.randn(parameter.shape)
    return student.eval()


@pytest.fixture(scope="module")
def student() -> UNetStudent:
    """Knows its ranges, and rounds."""
    student = trained(NetworkSpec(channels=16, blocks=1, experts=2, filters=2))
    set_ranges(student, measure_ranges(student, [examples()]))
    return student


def examples() -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.from_numpy(pictures()).float()[:, None] / 255
    return y, torch.from_numpy(PROFILE.as_array()).repeat(len(y), 1)


def pictures() -> np.ndarray:
    rng = np.random.default_rng(0)
    edges = np.kron(rng.integers(0, 2, (4, 16, 24)), np.ones((1, 4, 4))) * 180 + 30
    return (edges + rng.normal(0, 3, edges.shape)).clip(0, 255).astype(np.uint8)


def test_a_grid_does_nothing_until_it_knows_its_range() -> None:
    grid, x = Grid(), torch.randn(100)
    assert grid(x) is x
    grid.range = (-1.0, 1.0)
    rounded = grid(x)
    assert len(rounded.unique()) > 20
    assert (rounded - x.clamp(-1, 1)).abs().max() <= 1.001 * 2 / 255  # zero is a step of its own
    assert grid(torch.zeros(1)).item() == 0


def test_gradients_pass_where_nothing_is_clipped() -> None:
    grid, x = Grid(), torch.tensor([0.3, 5.0], requires_grad=True)
    grid.range = (-1.0, 1.0)
    grid(x).sum().backward()
    assert x.grad.tolist() == [1, 0]


def test_kernels_are_rounded_to_their_own_largest_weight() -> None:
    kernels = torch.randn(3, 4, 3, 3) * torch.tensor([1.0, 10.0, 0.0])[:, None, None, None]
    rounded = round_kernels(kernels)
    steps = kernels.abs().amax((1, 2, 3)) / 127
    assert ((rounded - kernels).abs().amax((1, 2, 3)) <= 0.501 * steps).all()
    assert len(rounded[0].unique()) <= 36


def test_kernels_that_read_luma_are_rounded_as_they_are_when_the_file_is_loaded() -> None:
    torch.manual_seed(1)
    kernels = (torch.randn(5, 1, 12, 12) * 0.05).requires_grad_()
    rounded = round_kernels(kernels)
    steps = kernels.detach().abs().amax((1, 2, 3)).numpy() / 127
    wanted = diffuse(kernels.detach().numpy(), steps) * steps[:, None, None, None]
    np.testing.assert_allclose(rounded.detach().numpy(), wanted, atol=1e-6)
    rounded.sum().backward()
    assert (kernels.grad == 1).all()


def test_every_grid_is_measured_and_those_of_bytes_are_the_cameras_own(
    student: UNetStudent,
) -> None:
    ranges = measure_ranges(student, [examples()])
    assert ranges.keys() == grids(student).keys()
    assert ranges["bytes"] == (0.0, 1.0)
    assert all(low <= 0 <= high for low, high in ranges.values())


def test_rounding_costs_little_and_can_be_taken_off(student: UNetStudent) -> None:
    y, camera = examples()
    with torch.no_grad():
        rounded = student(y, camera)[0]
        ranges = {name: grid.range for name, grid in grids(student).items()}
        set_ranges(student, None)
        exact = student(y, camera)[0]
        set_ranges(student, ranges)
    assert 0 < 255 * (rounded - exact).abs().mean() < 1.5
    assert 255 * (exact - y).abs().mean() > 5


@pytest.mark.parametrize("name", [name for name, choice in CHOICES.items() if choice.installed])
def test_engines_compute_what_was_trained(name: str, student: UNetStudent, tmp_path: Path) -> None:
    file = tmp_path / "student.onnx"
    file.write_bytes(student_onnx(student, {}))
    y, camera = examples()
    choice = CHOICES[name]
    ranges = {it: grid.range for it, grid in grids(student).items()}
    if choice.exact:
        set_ranges(student, None)
    with torch.no_grad():
        wanted = 255 * student(y, camera)[0][:, 0].clamp(0, 1).numpy()
    set_ranges(student, ranges)
    session = load_model(file).session(PROFILE, 1, choice)
    got = np.stack([session.run(picture, 1.0) for picture in pictures()])
    # What is added is a byte, too; these random weights add more.
    errors = np.abs(got - wanted)[np.abs(wanted - pictures()) < 127]
    # Engines may round a value between two steps to either; one that fuses does so less often.
    assert errors.mean() < (0.6 if choice.exact else 1.5)
    if choice.exact:
        assert errors.max() <= 1
