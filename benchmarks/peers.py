"""SharpCam beside other ways to a sharper 720p frame: time and gain, in one run.

    python -m benchmarks.peers --plot docs/peers.png

All work on the same frames with the same number of threads and take turns of some frames in a row,
so a ratio compares neighbours in time, whatever else the machine does. Speed is never alone: the
gain in PSNR-Y of the same code on the same frames stands beside it, for a soft 720p camera
(webcam-mild) and for a small picture shown large (webcam-360p). What cannot run says why.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.plot import draw
from benchmarks.upscalers import UPSCALERS, Upscaler
from sharpcam.bench_turns import rounds
from sharpcam.enhancer import Enhancer, Passthrough, load_enhancer
from sharpcam.errors import SharpCamError
from sharpcam.estimator import ProfileEstimator
from training.baselines import Picture, oracle_unsharp
from training.cameras import BUCKETS
from training.data import PHOTOS
from training.evaluate import (
    PEER_NAMES,
    main_way,
    rivals_told,
    shipped,
    test_pictures,
    trained_rivals,
)
from training.metrics import psnr
from training.peer_enhancer import PeerEnhancer
from training.peers import PEERS
from training.rows import Bucket, fill
from training.table import middle
from training.verb import refused, report

CAMERAS = ("webcam-mild", "webcam-360p")
COLUMNS, ROWS, TILE = 5, 3, (256, 240)
"""A frame is a sheet of crisp test pictures: no photograph is that crisp at 720p."""
FRAMES = 2
FEWER = 5
"""What is slow has its turn in every fifth round only."""


@dataclass
class Way:
    """One way to a sharper frame, and its times."""

    engine: str
    run: Callable[[Picture], Picture]
    ours: bool = False
    learn: Callable[[Bucket], None] = lambda bucket: None
    """Told the camera before its frames come."""
    seconds: dict[int, float] = field(default_factory=dict)
    """Per frame, by round."""
    gains: dict[str, float] = field(default_factory=dict)
    """dB of PSNR-Y over the frame as it is, by camera."""


class Unsharp:
    """OpenCV's Gaussian blur and weighted sum, tuned on the very frames."""

    def __init__(self) -> None:
        self.sharpen: Callable[[Picture], Picture] = lambda y: y

    def learn(self, bucket: Bucket) -> None:
        self.sharpen = oracle_unsharp(bucket.shown, bucket.targets)

    def run(self, y: Picture) -> Picture:
        return self.sharpen(y)


def crisp_frames() -> list[Picture]:
    """720p frames of the test split's pictures side by side: uint8 [720, 1280]."""
    tiles = [middle(y, TILE[0])[: TILE[1]] for y in test_pictures(PHOTOS, None)]
    frames = []
    for index in range(FRAMES):
        chosen = [tiles[(index * 7 + place) % len(tiles)] for place in range(ROWS * COLUMNS)]
        rows = [np.hstack(chosen[row * COLUMNS : (row + 1) * COLUMNS]) for row in range(ROWS)]
        frames.append(np.ascontiguousarray(np.vstack(rows)))
    return frames


def ours(file: Path, threads: int) -> Way:
    """A student of ours, with the profile that it learns from the frames."""
    student: Enhancer = load_enhancer(file, threads)
    engine = student.name.partition("(")[2].rstrip(")")
    return Way(
        engine,
        lambda y: student.enhance(y, 1.0),
        ours=True,
        learn=lambda bucket: student.set_profile(bucket.auto),
    )


def all_ways(files: list[Path], threads: int) -> tuple[dict[str, Way], dict[str, str]]:
    """Everything that can run here, and why the rest cannot."""
    unsharp, nothing = Unsharp(), Passthrough()
    ways = {
        "passthrough": Way("none", lambda y: nothing.enhance(y, 1.0)),
        "unsharp mask": Way("OpenCV", unsharp.run, learn=unsharp.learn),
    }
    missing = {}
    makers: dict[str, Callable[[], Way]] = {
        **{f"SharpCam {file.stem}": lambda file=file: ours(file, threads) for file in files},
        **{
            PEER_NAMES[net]: lambda net=net: Way("ONNX Runtime", PeerEnhancer(net, threads).enhance)
            for net in PEERS
        },
        **{
            name: lambda name=name: Way("ncnn", Upscaler(name, threads).enhance)
            for name in UPSCALERS
        },
    }
    for name, make in makers.items():
        try:
            ways[name] = make()
        except SharpCamError as error:
            missing[name] = f"{error.message} ({error.hint})"
    return ways, missing


def measure(ways: dict[str, Way], count: int) -> None:
    """Gains on every camera, then the times of the last camera's frames."""
    frames, estimator = crisp_frames(), ProfileEstimator()
    for name in CAMERAS:
        bucket = fill(BUCKETS[name], frames, estimator)
        before = mean(psnr(*pair) for pair in zip(bucket.shown, frames, strict=True))
        for way in ways.values():
            way.learn(bucket)
            made = [way.run(y) for y in bucket.shown]
            way.gains[name] = mean(psnr(*pair) for pair in zip(made, frames, strict=True)) - before
    turns = {
        name: lambda index, way=way: way.run(bucket.shown[index % FRAMES])
        for name, way in ways.items()
    }
    for name, index, seconds in rounds(turns, count, FEWER):
        ways[name].seconds[index] = median(seconds)


def figures(ways: dict[str, Way], reference: str) -> dict[str, dict]:
    """Median milliseconds, and the ratio to the reference in the same rounds with its spread."""
    base = ways[reference].seconds
    found = {}
    for name, way in ways.items():
        ratios = [spent / base[index] for index, spent in way.seconds.items() if index in base]
        low, middle_, high = np.percentile(ratios, (10, 50, 90))
        found[name] = {
            "engine": way.engine,
            "ms": round(1000 * median(way.seconds.values()), 3),
            "rounds": len(way.seconds),
            "ratio": round(float(middle_), 4),
            "ratio_10_90": [round(float(low), 4), round(float(high), 4)],
            "gain_db": {camera: round(gain, 3) for camera, gain in way.gains.items()},
        }
    return found


def print_table(found: dict[str, dict], remarks: list[str], reference: str) -> None:
    """A row per way, then the remarks, a line each."""
    table = Table(title="one 1280x720 frame; gain in PSNR-Y over the frame as it is")
    for column in ("", "engine", "ms", f"times {reference}", "10 to 90 %", *CAMERAS):
        table.add_column(column, justify="left" if column in ("", "engine") else "right")
    for name, row in found.items():
        spread = " to ".join(f"{ratio:.3g}" for ratio in row["ratio_10_90"])
        gains = [f"{row['gain_db'][camera]:+.2f} dB" for camera in CAMERAS]
        table.add_row(
            name, row["engine"], f"{row['ms']:.2f}", f"{row['ratio']:.3g}", spread, *gains
        )
    console = Console(width=max(140, Console().width))
    console.print(table)
    for line in remarks:
        console.print(line, highlight=False, markup=False)


def main(argv: list[str] | None = None) -> int:
    """Print the table and JSON; optionally draw the plot."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument(
        "--model", type=Path, action="append", help="a student (.onnx); default: all bundled ones"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--plot", type=Path, help="draw time against gain (.png) here")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args(argv)
    files = args.model or shipped()
    reference = f"SharpCam {main_way(files)}"
    cv2.setNumThreads(args.threads)
    try:
        ways, missing = all_ways(files, args.threads)
        measure(ways, args.rounds)
    except SharpCamError as error:
        return refused(error)
    found = figures(ways, reference)
    rivals = trained_rivals()
    absent = [f"{name}: {reason}" for name, reason in missing.items()]
    print_table(found, [*rivals_told(rivals), *absent], reference)
    if args.plot:
        points = {
            name: (row["ms"], row["gain_db"][CAMERAS[1]], ways[name].ours)
            for name, row in found.items()
            if name != "passthrough"
        }
        title = f"gain on a 360p camera shown at 720p, {args.threads} threads"
        draw(points, title, args.plot)
    summary = {
        "threads": args.threads,
        "cores": os.cpu_count(),
        "reference": reference,
        "rivals": rivals,
        "rows": found,
        "missing": missing,
    }
    report(summary, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
