"""Which engine computes which network how fast: the table of `sharpcam bench` that engines are
compared by, at 1280x720. All take turns of some frames in a row, so that whatever else the machine
does hits all alike."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from sharpcam.assets import asset
from sharpcam.bench_turns import FEWEST, turn, usual_seconds
from sharpcam.engines import CHOICES, Choice
from sharpcam.errors import SharpCamError
from sharpcam.model import Session, load_model
from sharpcam.profile import TYPICAL

TIERS = ("lite", "standard", "high")
THREADS = (1, 2)


@dataclass(slots=True)
class EngineCase:
    """A network on an engine with so many threads, and its times."""

    tier: str
    choice: Choice
    threads: int
    session: Session
    usual: float = 0.0
    """Seconds, about."""
    seconds: list[float] = field(default_factory=list)

    def run(self, y: NDArray[np.uint8]) -> None:
        """A turn, in which all frames are this picture."""
        self.seconds += turn(partial(self.session.run, y, 1.0), self.usual)

    def figures(self) -> dict[str, Any]:
        """Median and 95th percentile in ms."""
        return {
            "tier": self.tier,
            "engine": self.choice.name,
            "threads": self.threads,
            "median_ms": round(float(np.median(self.seconds)) * 1000, 2),
            "p95_ms": round(float(np.percentile(self.seconds, 95)) * 1000, 2),
        }


def engine_cases() -> list[EngineCase]:
    """Every bundled network on every engine that is installed.

    Raises:
        SharpCamError: a file is damaged, or an engine is broken.
    """
    cases = []
    for tier in TIERS:
        try:
            file = asset(f"model/{tier}.onnx")
        except SharpCamError:
            continue  # this SharpCam comes without it
        model = load_model(file)
        for choice in CHOICES.values():
            if choice.installed:
                cases += [
                    EngineCase(tier, choice, threads, model.session(TYPICAL, threads, choice))
                    for threads in THREADS
                ]
    return cases


def measure_engines(cases: list[EngineCase], y: NDArray[np.uint8], seconds: float) -> None:
    """Let the cases take turns on a picture until they have had `seconds` each on average."""
    for case in cases:
        case.usual = usual_seconds(partial(case.session.run, y, 1.0))
    end = time.perf_counter() + seconds * len(cases)
    while len(cases[0].seconds) < FEWEST or time.perf_counter() < end:
        for case in cases:
            case.run(y)


def engine_table(results: list[dict[str, Any]]) -> Table:
    """A line per network and engine, a column per number of threads."""
    grid = Table(title="milliseconds per 1280x720 picture: median / 95th percentile")
    grid.add_column("network")
    grid.add_column("engine")
    for threads in THREADS:
        grid.add_column(f"{threads} threads" if threads > 1 else "1 thread", justify="right")
    lines: dict[tuple[str, str], list[str]] = {}
    for it in results:
        cell = f"{it['median_ms']:.1f} / {it['p95_ms']:.1f}"
        lines.setdefault((it["tier"], it["engine"]), []).append(cell)
    for (tier, engine), cells in lines.items():
        grid.add_row(tier, CHOICES[engine].label, *cells)
    return grid
