"""Muon: momentum whose step on every matrix of weights is made orthogonal (Jordan et al. 2024).

A gradient's few large directions drown the many small ones; made orthogonal, all move alike. A
kernel counts as a matrix of outputs by inputs x taps, and in a stack of kernels, as in the
differences between cameras, each counts by itself. `torch.optim.Muon` takes matrices only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

QUINTIC = 3.4445, -4.7750, 2.0315
"""Brings singular values between 0 and 1 to about 1, steepest near 0 (Jordan et al. 2024)."""
ITERATIONS = 5
ADAM_RMS = 0.2
"""A step's root mean square in units of the rate, about AdamW's, so that one rate suits both (Liu
et al. 2025)."""


def orthogonalise(matrices: Tensor) -> Tensor:
    """Matrices [..., rows, columns] with all their singular values brought to between 0.7 and 1.2,
    but for those that are next to nothing; Newton and Schulz's iteration."""
    first, second, third = QUINTIC
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = first * x + (second * gram + third * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """For kernels of convolutions, [..., outputs, inputs, height, width]."""

    def __init__(
        self,
        kernels: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(kernels, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients that are there."""
        assert closure is None
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is not None:
                    self._move(kernel, group)

    def _move(self, kernel: Tensor, group: dict[str, Any]) -> None:
        state = self.state[kernel]
        if not state:
            state["momentum"] = torch.zeros_like(kernel)
        mean = state["momentum"]
        mean.lerp_(kernel.grad, 1 - group["momentum"])
        ahead = kernel.grad.lerp(mean, group["momentum"])  # after Nesterov
        matrices = ahead.flatten(-3)
        scale = ADAM_RMS * max(matrices.shape[-2:]) ** 0.5
        kernel.mul_(1 - group["lr"] * group["weight_decay"])
        kernel.sub_(orthogonalise(matrices).view_as(kernel), alpha=group["lr"] * scale)


def optimisers(kind: str, model: nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """What trains a network: AdamW, or Muon for the kernels and AdamW for the rest."""
    decay = 1e-4
    kernels, rest = [], []
    for parameter in model.parameters():
        muon = kind == "muon" and parameter.ndim >= 4
        (kernels if muon else rest).append(parameter)
    made: list[torch.optim.Optimizer] = []
    if kernels:
        made.append(Muon(kernels, lr=rate, weight_decay=decay))
    if rest:
        made.append(torch.optim.AdamW(rest, lr=rate, weight_decay=decay))
    return made
