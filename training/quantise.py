"""Bytes inside the network: where a trained student rounds to 256 steps, as integer engines do.

The rounding is in the training's forward pass (straight-through gradient, Jacob et al. 2018), so
that the weights get used to it; torch's exporter writes it as QuantizeLinear and DequantizeLinear.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, library, nn

from sharpcam.graph import diffuse

KEPT = 0.9999
"""Part of a tensor's values that its steps must reach; the rest is clipped, which costs more than
wider steps do: what is clipped are edges."""

MOST = 0.97
"""Part of the pictures whose values the steps must reach: the most extreme camera would make them
coarse for all."""

BEFORE_LEAKY = 0.8
"""LeakyReLU leaves a tenth of what is below zero: steps are better spent on what is above. But what
is most below zero are the sharpest edges, which must not be clipped by much."""

Range = tuple[float, float]


@library.register_fake("aten::fake_quantize_per_tensor_affine_cachemask")
def _shapes(x: Tensor, *_: object) -> tuple[Tensor, Tensor]:
    """What torch lacks to trace the rounding with sizes that are not known."""
    return torch.empty_like(x), torch.empty_like(x, dtype=torch.bool)


class Grid(nn.Module):
    """Rounds a tensor to 256 steps between two values; does nothing until they are known."""

    def __init__(self, low_share: float = 1.0) -> None:
        """`low_share`: the part of the range below zero that is worth steps."""
        super().__init__()
        self.low_share = low_share
        self.range: Range | None = None
        self.seen: list[Range] | None = None
        """The range of every tensor that passed, while it is being measured."""

    def forward(self, x: Tensor) -> Tensor:
        if self.seen is not None:
            values = x.detach().float().flatten()
            rest = max(1, round(len(values) * (1 - KEPT)))
            low, high = values.kthvalue(rest).values, values.kthvalue(len(values) - rest).values
            self.seen.append((float(low), float(high)))
        if self.range is None:
            return x
        low, high = self.range
        scale = (high - low) / 255
        return torch.fake_quantize_per_tensor_affine(x.float(), scale, round(-low / scale), 0, 255)


def round_kernels(kernels: Tensor) -> Tensor:
    """Weights [out, in, h, w] rounded to 255 steps around zero, for each output channel; those that
    read luma alone as `sharpcam.graph.diffuse` does it when the file is loaded."""
    most = kernels.detach().abs().amax((1, 2, 3)).clamp_min(1e-8)
    if kernels.shape[1] == 1 and not torch.compiler.is_exporting():
        return kernels + (_diffused(kernels.detach(), most / 127) - kernels).detach()
    zeros = torch.zeros(len(kernels), dtype=torch.int32, device=kernels.device)
    return torch.fake_quantize_per_channel_affine(
        kernels.float(), most.float() / 127, zeros, 0, -128, 127
    )


def _diffused(kernels: Tensor, steps: Tensor) -> Tensor:
    whole = torch.from_numpy(diffuse(kernels.float().cpu().numpy(), steps.float().cpu().numpy()))
    return whole.to(kernels) * steps[:, None, None, None]


def grids(model: nn.Module) -> dict[str, Grid]:
    """A network's grids by their names."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Grid)}


def set_ranges(model: nn.Module, ranges: dict[str, Range] | None) -> None:
    """Have a network round, or with None no longer.

    Raises:
        KeyError: the ranges are another network's.
    """
    for name, grid in grids(model).items():
        grid.range = tuple(ranges[name]) if ranges else None


@torch.no_grad()
def measure_ranges(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, Range]:
    """The range of every grid that does for `MOST` of some pictures and their profiles; zero is
    always in it, since convolutions pad with it."""
    for grid in grids(model).values():
        grid.seen = []
    for batch in batches:
        for y, camera in zip(*(tensor.split(1) for tensor in batch), strict=True):
            model(y, camera)
    ranges = {}
    for name, grid in grids(model).items():
        seen, grid.seen = grid.seen or [], None
        lows, highs = torch.tensor(seen).T
        low, high = float(lows.quantile(1 - MOST)), float(highs.quantile(MOST))
        ranges[name] = min(0.0, grid.low_share * low), max(0.0, high)
    ranges["bytes"] = (0.0, 1.0)  # the camera's own
    return ranges
