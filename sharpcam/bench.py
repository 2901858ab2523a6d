"""`sharpcam bench`: milliseconds per stage on frames of the bundled clip; the last line is JSON.

Three tables. The first is about the network: sizes and threads; `pipeline` is the real pipeline as
fast as it can, its two threads at work at once, and counts the time between two sent frames. The
second, see `bench_path.py`, is about all that is around the network; the third, see
`bench_engines.py`, about what computes it. The cases of a table take turns, so that whatever else
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
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from sharpcam import __version__
from sharpcam.bench_engines import THREADS, engine_cases, engine_table, measure_engines
from sharpcam.bench_frames import as_jpeg, clip_frames
from sharpcam.bench_path import path_table, paths_of
from sharpcam.bench_turns import FEWEST, take_turns
from sharpcam.buffers import Buffers
from sharpcam.denoise import TemporalDenoiser
from sharpcam.enhancer import Enhancer, load_enhancer
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.mjpeg import MjpegDecoder
from sharpcam.pipeline import Pipeline
from sharpcam.sink import NullSink
from sharpcam.video import VideoTags

SIZES = ((256, 256), (1280, 720), (1920, 1080))


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
    _buffers: Buffers = field(default_factory=Buffers)
    _denoiser: TemporalDenoiser = field(default_factory=TemporalDenoiser)
    _mjpeg: MjpegDecoder = field(init=False)

    def __post_init__(self) -> None:
        self._mjpeg = MjpegDecoder(self._buffers)

    def run_stages(self, index: int) -> None:
        """Take one frame through every stage and note the times."""
        jpeg = self.jpegs[index % len(self.jpegs)]
        i420 = self._timed("decode", lambda: self._mjpeg.decode(jpeg))
        y = i420[: self.height]
        quiet = self._timed("denoise", lambda: self._denoiser.denoise(y))
        sharp = self._timed("enhance", lambda: self.enhancer.enhance(quiet, 1.0))
        self._timed("pack", lambda: self._packed(sharp, i420))

    def _packed(self, sharp: NDArray[np.uint8], i420: NDArray[np.uint8]) -> NDArray[np.uint8]:
        packed = self._buffers.take(i420.shape)
        packed[: self.height], packed[self.height :] = sharp, i420[self.height :]
        return packed

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
        self._jpegs, self._mjpeg = jpegs, MjpegDecoder(Buffers())
        self._end = time.monotonic() + seconds
        self._sequence = -1

    def read(self) -> Frame | None:
        self._sequence += 1
        now = time.monotonic()
        if now >= self._end and self._sequence > FEWEST:
            return None
        jpeg = self._jpegs[self._sequence % len(self._jpegs)]
        return Frame(self._mjpeg.decode(jpeg), self._sequence, now, now)

    def close(self) -> None:
        pass


class _StopwatchSink(NullSink):
    """Nowhere, noting when."""

    def __init__(self) -> None:
        self.sent_at: list[float] = []

    def send(self, after: Frame, before: Frame) -> None:
        self.sent_at.append(time.perf_counter())


@contextmanager
def cases_of(model: Path | None, engine: str) -> Iterator[list[Case]]:
    """Every size with every number of threads; frees the students at the end."""
    with one_opencv_thread():
        enhancers = {threads: load_enhancer(model, threads, engine) for threads in THREADS}
        try:
            yield [
                Case(*size, threads, enhancer, jpegs)
                for size in SIZES
                for jpegs in [[as_jpeg(i420) for i420 in clip_frames(*size)]]
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
    waiting = Console(stderr=True).status("")
    with waiting, cases_of(args.model, args.engine) as cases:
        waiting.update("1 of 3: the network")
        take_turns(cases, args.seconds)
        name = cases[0].enhancer.name
        waiting.update("2 of 3: the frame path")
        paths = paths_of({case.threads: case.enhancer for case in cases})
        take_turns(paths, args.seconds)
        results, path = [case.figures() for case in cases], [case.figures() for case in paths]
        waiting.update("3 of 3: the engines")
        rivals = engine_cases()
        measure_engines(rivals, clip_frames(1280, 720)[0][:720], args.seconds / 4)
        engines = [case.figures() for case in rivals]
    if not args.json:
        console = Console(width=120)
        console.print(table(results), f"[dim]{name}, {os.cpu_count()} cores, frames in turn[/dim]")
        console.print(path_table(path), f"[dim]JPEG by {path[0]['decoder']}[/dim]")
        console.print(engine_table(engines))
    summary = {"version": __version__, "model": name, "cores": os.cpu_count(), "cases": results}
    summary |= {"path": path, "engines": engines}
    print(json.dumps(summary))
    return 0
