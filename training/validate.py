"""Fixed validation pictures, one small batch per bucket, and the score that training maximises."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.cameras import BUCKETS, SEED_CAMERAS
from training.data import MARGIN
from training.degrade import degrade
from training.metrics import PSNR_CAP, psnr
from training.ruler import true_profile

CLEAN_ENOUGH = 48.0
"""dB between output and input on clean pictures above which nobody can see a change."""


class Validation:
    """Pictures of the validation split through every bucket's camera, and their targets."""

    def __init__(self, bank: NDArray[np.uint8], size: int, count: int = 24) -> None:
        chosen = bank[np.linspace(0, len(bank) - 1, min(count, len(bank))).astype(int)]
        whole = [np.ascontiguousarray(y[: size + 2 * MARGIN, : size + 2 * MARGIN]) for y in chosen]
        inner = slice(MARGIN, MARGIN + size)
        self.targets = [y[inner, inner] for y in whole]
        self.buckets: dict[str, tuple[list[NDArray[np.uint8]], Tensor, Tensor]] = {}
        for name, camera in (BUCKETS | SEED_CAMERAS).items():
            rng = np.random.default_rng(7)
            shown = [degrade(camera, y.astype(np.float32) / 255, rng)[inner, inner] for y in whole]
            profile = torch.from_numpy(true_profile(camera).as_array()).repeat(len(shown), 1)
            inputs = torch.from_numpy(np.stack(shown))[:, None]
            before = [(y * 255 + 0.5).astype(np.uint8) for y in shown]
            self.buckets[name] = (before, inputs, profile)

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Mean PSNR gain per bucket in dB; "score" is their mean, less a fine for harm when
        clean."""
        device = next(model.parameters()).device
        figures = {}
        for name, (before, inputs, profile) in self.buckets.items():
            restored = model(inputs.to(device), profile.to(device))[0].float().cpu()
            after = (restored.clamp(0, 1) * 255 + 0.5).to(torch.uint8)[:, 0].numpy()
            gains = [
                psnr(new, target) - (0 if name == "clean" else psnr(old, target))
                for new, old, target in zip(after, before, self.targets, strict=True)
            ]
            figures[name] = float(np.mean(gains))
        clean = min(figures["clean"], PSNR_CAP)
        gains = [value for name, value in figures.items() if name != "clean"]
        fine = 0.25 * max(0.0, CLEAN_ENOUGH - clean)
        return {"score": float(np.mean(gains)) - fine} | figures
