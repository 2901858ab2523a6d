"""How the bench's cases take turns, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from typing import Protocol

WARM_UP = 3
"""Rounds that are not counted."""
FEWEST = 5
"""Frames and rounds that are counted, however slow the machine is."""
IN_A_ROW = 6
"""Frames of a turn that are counted. A camera's frames are all of one size and of one network; the
first frame of a turn finds another case's work in the caches, and is not counted."""
SLOW_S = 0.1
"""What takes longer than this has one frame in a turn: no cache holds what it works with."""
TURNS = 3
"""Times that each case has the pipeline."""


class Case(Protocol):
    """What is measured, stage by stage and as a whole."""

    times: dict[str, list[float]]
    """Seconds per frame, by stage."""

    def run_stages(self, index: int) -> None:
        """Take one frame through every stage and note the times."""
        ...

    def run_pipeline(self, seconds: float) -> None:
        """Let frames flow through the real pipeline for so long."""
        ...


def usual_seconds(run: Callable[[], object]) -> float:
    """What it takes, from a second frame; the first one may allocate and compile."""
    run()
    return turn(run, inf)[0]


def turn(run: Callable[[], object], usual: float) -> list[float]:
    """Let something have its turn, of what usually takes so many seconds; those of each frame
    that counts."""
    frames = 1 if usual > SLOW_S else 1 + IN_A_ROW
    return [_seconds(run) for _ in range(frames)][-IN_A_ROW:]


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def rounds(
    ways: Mapping[str, Callable[[int], object]], count: int, fewer: int
) -> Iterator[tuple[str, int, list[float]]]:
    """Let all have a turn in each of so many rounds, what is slow in every `fewer`th alone.

    Yields:
        The name, the round (which `ways` are told, too), the seconds of each frame that counts.
    """
    usual = {name: usual_seconds(partial(run, 0)) for name, run in ways.items()}
    for index in range(count):
        for name, run in ways.items():
            if usual[name] <= SLOW_S or index % fewer == 0:
                yield name, index, turn(partial(run, index), usual[name])


def take_turns(cases: Sequence[Case], seconds: float) -> None:
    """Let the cases take turns until they have had `seconds` each on average."""
    usual: list[float] = []
    for index in range(WARM_UP):
        usual = [_seconds(partial(case.run_stages, index)) for case in cases]
    for case in cases:
        case.times.clear()
    end = time.perf_counter() + seconds / 2 * len(cases)
    index = 0
    while index < FEWEST or time.perf_counter() < end:
        for case, took in zip(cases, usual, strict=True):
            if took > SLOW_S:
                case.run_stages(index)
            else:
                _turn(case, index * (1 + IN_A_ROW))
        index += 1
    for _ in range(TURNS):
        for case in cases:
            case.run_pipeline(seconds / 2 / TURNS)


def _turn(case: Case, first: int) -> None:
    before = {stage: len(times) for stage, times in case.times.items()}
    case.run_stages(first)
    for stage, times in case.times.items():
        del times[before.get(stage, 0) :]
    for index in range(first + 1, first + 1 + IN_A_ROW):
        case.run_stages(index)
