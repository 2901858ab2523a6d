"""Muon: orthogonal steps, the same as torch's own on matrices, and kernels only."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sharpcam.network import NetworkSpec
from training.muon import Muon, optimisers, orthogonalise
from training.student import UNetStudent


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("shape", [(32, 288), (64, 16), (4, 16, 144), (16, 16)])
def test_all_directions_of_a_matrix_get_about_the_same_size(shape: tuple[int, ...]) -> None:
    matrices = random(*shape)
    scaled = matrices * torch.linspace(0.1, 1, shape[-1])
    left, _, right = torch.linalg.svd(scaled, full_matrices=False)
    made = orthogonalise(scaled)
    sizes = torch.linalg.svdvals(made)
    assert sizes.min() > 0.5
    assert sizes.max() < 1.3
    alike = torch.linalg.vecdot(made.flatten(-2), (left @ right).flatten(-2))
    norms = made.flatten(-2).norm(dim=-1) * (left @ right).flatten(-2).norm(dim=-1)
    assert (alike / norms).min() > 0.95


def test_steps_are_those_of_torchs_own_on_the_matrix_of_a_kernel() -> None:
    kernel, matrix = (
        nn.Parameter(random(32, 16, 3, 3)),
        nn.Parameter(random(32, 16, 3, 3).flatten(1)),
    )
    ours = Muon([kernel], lr=0.01, weight_decay=0.1)
    theirs = torch.optim.Muon(
        [matrix], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw", momentum=0.95
    )
    begun = kernel.detach().flatten(1).clone()
    for step in range(4):
        gradient = torch.randn(32, 144, generator=torch.Generator().manual_seed(step))
        kernel.grad, matrix.grad = gradient.view_as(kernel), gradient.clone()
        ours.step()
        theirs.step()
    moved, expected = kernel.detach().flatten(1) - begun, matrix.detach() - begun
    # Theirs iterates in bfloat16.
    torch.testing.assert_close(moved, expected, rtol=0.05, atol=0.05 * float(expected.abs().max()))


def test_a_step_is_as_long_as_adams_and_every_difference_between_cameras_moves_alike() -> None:
    differences = nn.Parameter(torch.zeros(4, 32, 32, 3, 3))
    differences.grad = random(4, 32, 32, 3, 3) * torch.tensor([1e-6, 1e-3, 1.0, 1e3]).view(
        -1, 1, 1, 1, 1
    )
    Muon([differences], lr=1.0).step()
    sizes = differences.detach().square().mean((1, 2, 3, 4)).sqrt()
    assert ((sizes > 0.15) & (sizes < 0.25)).all()


def test_without_a_gradient_nothing_moves() -> None:
    kernel = nn.Parameter(random(8, 8, 3, 3))
    Muon([kernel], lr=1.0, weight_decay=0.5).step()
    assert torch.equal(kernel.detach(), random(8, 8, 3, 3))


def test_kernels_are_muons_and_the_rest_is_adams() -> None:
    student = UNetStudent(NetworkSpec())
    muon, adam = optimisers("muon", student, 1e-3)
    held = [[p for group in it.param_groups for p in group["params"]] for it in (muon, adam)]
    assert isinstance(muon, Muon)
    assert {p.ndim for p in held[0]} == {4, 5}
    assert max(p.ndim for p in held[1]) == 2
    assert sum(len(part) for part in held) == len(list(student.parameters()))
    assert len(optimisers("adamw", student, 1e-3)) == 1
    assert len(optimisers("muon", nn.Linear(2, 2), 1e-3)) == 1
