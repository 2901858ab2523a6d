"""The columns of the evaluation: how good the pictures of a row are, and how long they take."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import mean, median

import numpy as np

from sharpcam.bench_turns import rounds
from sharpcam.session.cores import usable_cores
from training.baselines import Picture
from training.metrics import psnr, ssim
from training.perceptual import lpips, ms_ssim

Measure = Callable[[Picture, Picture], float]
ROUNDS = 12
FEWER = 4
"""What is slow has its turn in every fourth round only."""


def score(made: list[Picture], targets: list[Picture], perceptual: int) -> dict[str, float]:
    """Means over the pictures; LPIPS and MS-SSIM over `perceptual` of them, evenly spread."""
    pairs = list(zip(made, targets, strict=True))
    spread = np.linspace(0, len(pairs) - 1, min(perceptual, len(pairs))).astype(int)
    few = [pairs[index] for index in sorted(set(spread))] if perceptual else []
    with ThreadPoolExecutor(usable_cores()) as threads:

        def each(measure: Measure, pairs: list[tuple[Picture, Picture]]) -> float:
            return mean(threads.map(lambda pair: measure(*pair), pairs))

        figures = {"psnr": each(psnr, pairs), "ssim": each(ssim, pairs)}
        if few:
            figures |= {"lpips": each(lpips, few), "ms_ssim": each(ms_ssim, few)}
    return figures


def milliseconds(ways: dict[str, Callable[[Picture], object]], frame: Picture) -> dict[str, float]:
    """Median milliseconds per frame of each way; they take turns of some frames in a row, so that
    whatever else the machine does hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    turns = {name: lambda _, run=run: run(frame) for name, run in ways.items()}
    for name, _, seconds in rounds(turns, ROUNDS, FEWER):
        times[name] += seconds
    return {name: round(1000 * median(spent), 2) for name, spent in times.items()}
