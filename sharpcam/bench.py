"""`sharpcam bench`: milliseconds per stage on frames of the bundled clip; the last line is JSON.

The stages are timed one after the other; `pipeline` is the real pipeline, its two threads at work
at once, and counts the time between two sent frames. The cases take turns, so that whatever else
the machine does hits all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from sharpcam import __version__
from sharpcam.assets import asset
from sharpcam.enhancer import Enhancer, load_enhancer
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.pipeline import Pipeline
from sharpcam.scaling import scaled_i420
from sharpcam.sink import NullSink
from sharpcam.video import VideoReader, VideoTags

SIZES = ((256, 256), (1280, 720), (1920, 1080))
THREADS = (1, 2)
FRAMES = 8
"""Different frames that a case goes through again and again."""
WARM_UP = 3
"""Rounds that are not counted."""
FEWEST = 5
"""Rounds that are counted, however slow the machine is."""
TURNS = 3
"""Times that each case has the pipeline."""
JPEG_QUALITY = 85  # about what webcams use


@dataclass(slots=True)
class Case:
    """One frame size with one number of threads for the student, and its times."""

    width: int
    height: int
    threads: int
    enhancer: Enhancer
    jpegs: list[NDArray[np.uint8]]
    """The frames as a camera sends them."""
    times: dict[str, list[float]] = field(default_factory=dict)
    """Seconds per frame, by stage."""

    def run_stages(self, index: int) -> None:
        """Take one frame through every stage and note the times."""
        jpeg = self.jpegs[index % len(self.jpegs)]
        i420 = self._timed("decode", lambda: decode(jpeg))
        y = i420[: self.height]
        sharp = self._timed("enhance", lambda: self.enhancer.enhance(y, 1.0))
        self._timed("pack", lambda: np.concatenate((sharp, i420[self.height :])))

    def run_pipeline(self, seconds: float) -> None:
        """Let frames flow through the real pipeline for so long and note their distances.

        Raises:
            SharpCamError: the student fails.
        """
        sink = _StopwatchSink()
        pipeline = Pipeline(
            lambda: _JpegSource(self.jpegs, self.width, self.height, seconds),
            lambda stream: iter([sink]),
            self.enhancer,
        )
        pipeline.run()
        if reason := pipeline.bypassed:
            raise SharpCamError(f"the student fails: {reason}", "try another --model")
        self.times.setdefault("pipeline", []).extend(np.diff(sink.sent_at))

    def _timed(self, stage: str, work: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        start = time.perf_counter()
        result = work()
        self.times.setdefault(stage, []).append(time.perf_counter() - start)
        return result

    def figures(self) -> dict[str, Any]:
        """Median and 95th percentile in ms by stage, and frames per second."""
        stages = {
            stage: {
                "median_ms": round(float(np.median(seconds)) * 1000, 3),
                "p95_ms": round(float(np.percentile(seconds, 95)) * 1000, 3),
                "fps": round(1 / float(np.median(seconds)), 1),
            }
            for stage, seconds in self.times.items()
        }
        size = f"{self.width}x{self.height}"
        frames = len(self.times["pipeline"])
        return {"size": size, "threads": self.threads, "frames": frames, "stages": stages}


class _JpegSource:
    """A camera that always has the next picture ready."""

    name = "bench"
    fps = 30.0
    tags = VideoTags()
    live = False

    def __init__(
        self, jpegs: list[NDArray[np.uint8]], width: int, height: int, seconds: float
    ) -> None:
        self.width, self.height = width, height
        self._jpegs = jpegs
        self._end = time.monotonic() + seconds
        self._sequence = -1

    def read(self) -> Frame | None:
        self._sequence += 1
        now = time.monotonic()
        if now >= self._end and self._sequence > FEWEST:
            return None
        jpeg = self._jpegs[self._sequence % len(self._jpegs)]
        return Frame(decode(jpeg), self._sequence, now, now)

    def close(self) -> None:
        pass


class _StopwatchSink(NullSink):
    """Nowhere, noting when."""

    def __init__(self) -> None:
        self.sent_at: list[float] = []

    def send(self, after: Frame, before: Frame) -> None:
        self.sent_at.append(time.perf_counter())


def decode(jpeg: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A camera's MJPEG frame to I420: uint8 [N] to [height * 3 / 2, width]."""
    bgr: Any = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)


def camera_frames(width: int, height: int) -> list[NDArray[np.uint8]]:
    """Frames of the bundled clip at this size, as JPEGs: uint8 [N] each."""
    with VideoReader(asset("samples/book.mkv")) as video:
        frames = [scaled_i420(i420, (width, height)) for i420, _ in islice(video, 0, 80, 10)]
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return [
        np.asarray(cv2.imencode(".jpg", cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420), quality)[1])
        for i420 in frames[:FRAMES]
    ]


def measure(cases: list[Case], seconds: float) -> None:
    """Let the cases take turns until they have had `seconds` each on average."""
    for index in range(WARM_UP):
        for case in cases:
            case.run_stages(index)
    for case in cases:
        case.times.clear()
    end = time.perf_counter() + seconds / 2 * len(cases)
    index = 0
    while index < FEWEST or time.perf_counter() < end:
        for case in cases:
            case.run_stages(index)
        index += 1
    for _ in range(TURNS):
        for case in cases:
            case.run_pipeline(seconds / 2 / TURNS)


@contextmanager
def cases_of(model: Path | None) -> Iterator[list[Case]]:
    """Every size with every number of threads; frees the students at the end."""
    with one_opencv_thread():
        enhancers = {threads: load_enhancer(model, threads) for threads in THREADS}
        try:
            yield [
                Case(*size, threads, enhancer, jpegs)
                for size in SIZES
                for jpegs in [camera_frames(*size)]
                for threads, enhancer in enhancers.items()
            ]
        finally:
            for enhancer in enhancers.values():
                enhancer.close()


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """OpenCV would take every core for itself and blur what `threads` means."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def table(results: list[dict[str, Any]]) -> Table:
    """Median and 95th percentile per stage, a line per case."""
    stages = list(results[0]["stages"])
    grid = Table(title="milliseconds per frame: median / 95th percentile")
    for column in ("size", "threads", *stages, "FPS of enhance", "FPS of pipeline"):
        grid.add_column(column, justify="right")
    for result in results:
        times = result["stages"]
        cells = [f"{times[name]['median_ms']:.1f} / {times[name]['p95_ms']:.1f}" for name in stages]
        rates = [f"{times[name]['fps']:.0f}" for name in ("enhance", "pipeline")]
        grid.add_row(result["size"], str(result["threads"]), *cells, *rates)
    return grid


def main(args: argparse.Namespace) -> int:
    """`sharpcam bench`; see `cli.py` for the arguments."""
    with cases_of(args.model) as cases:
        measure(cases, args.seconds)
        name = cases[0].enhancer.name
        results = [case.figures() for case in cases]
    if not args.json:
        console = Console(width=120)
        console.print(table(results), f"[dim]{name}, {os.cpu_count()} cores, frames in turn[/dim]")
    summary = {"version": __version__, "model": name, "cores": os.cpu_count(), "cases": results}
    print(json.dumps(summary))
    return 0
