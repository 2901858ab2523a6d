"""The columns of the evaluation: how good the pictures of a row are, and how long they take."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import mean, median

import numpy as np

from training.baselines import Picture
from training.metrics import psnr, ssim
from training.perceptual import lpips, ms_ssim

ROUNDS = 12
SLOW_S, FEWER = 0.3, 4
"""What takes longer than this has its turn in every fourth round only."""


def score(made: list[Picture], targets: list[Picture], perceptual: int) -> dict[str, float]:
    """Means over the pictures; LPIPS and MS-SSIM over `perceptual` of them, evenly spread."""
    pairs = list(zip(made, targets, strict=True))
    figures = {
        "psnr": mean(psnr(*pair) for pair in pairs),
        "ssim": mean(ssim(*pair) for pair in pairs),
    }
    if perceptual:
        spread = np.linspace(0, len(pairs) - 1, min(perceptual, len(pairs))).astype(int)
        few = [pairs[index] for index in sorted(set(spread))]
        figures["lpips"] = mean(lpips(*pair) for pair in few)
        figures["ms_ssim"] = mean(ms_ssim(*pair) for pair in few)
    return figures


def milliseconds(ways: dict[str, Callable[[Picture], object]], frame: Picture) -> dict[str, float]:
    """Median milliseconds per frame of each way; they take turns, so that whatever else the
    machine does hits all alike."""
    times: dict[str, list[float]] = {}
    for index in range(-1, ROUNDS):
        for name, run in ways.items():
            slow = name in times and times[name][0] > SLOW_S
            if slow and index % FEWER:
                continue
            start = time.perf_counter()
            run(frame)
            spent = time.perf_counter() - start
            # The first run allocates: it only tells whether a way is slow.
            times.setdefault(name, []).append(spent)
    return {name: round(1000 * median(spent[1:]), 2) for name, spent in times.items()}
