"""Real soft footage, which has no sharp original: what can be said without one.

    python -m training.footage CLIP...            # default: the bundled sample clips

For every clip the camera's profile is learnt from its own frames, then each frame is restored at
strength 1 and compared with the frame itself and with an unsharp mask of the usual strength.
Crispness falls as the picture gets sharper (scikit-image's blur_effect, Crete et al. 2007), noise
gain is the change of the grain on flat parts, flicker the change of what trembles in still parts,
and overshoot how far pixels at edges leave the range of their neighbourhood in the input.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import astuple, dataclass
from itertools import islice, pairwise
from pathlib import Path
from statistics import mean, pstdev

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from skimage.measure import blur_effect

from sharpcam.assets import asset
from sharpcam.denoise import TemporalDenoiser
from sharpcam.enhancer import Enhancer
from sharpcam.errors import SharpCamError
from sharpcam.estimator import Earlier, ProfileEstimator
from sharpcam.profile import CameraProfile
from sharpcam.profile_tracker import ProfileTracker
from sharpcam.video import VideoReader
from training.baselines import unsharp_mask
from training.eight_bits import add_engine, load_as_with_vnni
from training.verb import refused, report

Picture = NDArray[np.uint8]
SAMPLES = ("book", "want", "yes")
USUAL = (0.7, 1.5)
"""Radius in pixels and amount of the unsharp mask to beat."""
BLOCK = 16
"""Side of the blocks that are told flat or still."""
TREMBLE = (0.1, 1.0)
"""Mean change in grey levels from frame to frame of a block in which only the grain moves."""
EDGE = 24.0
"""Range in grey levels over 5x5 pixels from which a place counts as an edge."""


@dataclass(frozen=True)
class Look:
    """What is seen of a clip; all but crispness are relative to the input, or in grey levels."""

    blur: float
    noise_gain: float
    flicker: float
    overshoot: float


def luma(path: Path, frames: int) -> list[Picture]:
    """The first frames of a video: uint8 [H, W]."""
    reader = VideoReader(path, as_camera=True)
    try:
        return [i420[: reader.height].copy() for i420, _ in islice(reader, frames)]
    finally:
        reader.close()


def blocks(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """[H, W] cut into [N, 16, 16], what is left over at the borders dropped."""
    height, width = (side // BLOCK * BLOCK for side in y.shape)
    cut = y[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return cut.swapaxes(1, 2).reshape(-1, BLOCK, BLOCK)


def grain(y: Picture) -> NDArray[np.float64]:
    """Standard deviation of the fine part in each block: [N]."""
    fine = y.astype(np.float64) - cv2.GaussianBlur(y.astype(np.float64), (0, 0), 2)
    return blocks(fine).std((1, 2))


def overshoot(y: Picture, before: Picture) -> float:
    """Root mean square of how far, in grey levels, pixels at edges leave the input's 5x5 range."""
    kernel = np.ones((5, 5), np.uint8)
    high, low = cv2.dilate(before, kernel).astype(int), cv2.erode(before, kernel).astype(int)
    beyond = np.maximum(0, np.maximum(y - high, low - y))[high - low >= EDGE]
    return float(np.sqrt(np.mean(beyond.astype(np.float64) ** 2))) if beyond.size else 0.0


def look(after: list[Picture], before: list[Picture]) -> Look:
    """Compare a restored clip with what it was made from."""
    gains, flickers = [], []
    for y, x in zip(after, before, strict=True):
        coarse = blocks(cv2.GaussianBlur(x.astype(np.float64), (0, 0), 2)).std((1, 2))
        flat = coarse <= np.quantile(coarse, 0.2)
        gains.append(float(grain(y)[flat].mean() / max(grain(x)[flat].mean(), 1e-6)))
    for (y0, y1), (x0, x1) in zip(pairwise(after), pairwise(before), strict=True):
        moved = np.abs(blocks(x1.astype(np.float64) - x0)).mean((1, 2))
        grainy = (moved >= TREMBLE[0]) & (moved <= TREMBLE[1])
        change = np.abs(blocks(y1.astype(np.float64) - y0)).mean((1, 2))
        if grainy.any():
            flickers.append(float(change[grainy].mean() / moved[grainy].mean()))
    return Look(
        blur=mean(float(blur_effect(y)) for y in after[:: max(1, len(after) // 6)]),
        noise_gain=mean(gains),
        flicker=mean(flickers) if flickers else 1.0,
        overshoot=mean(overshoot(y, x) for y, x in zip(after, before, strict=True)),
    )


def learnt(frames: list[Picture]) -> tuple[CameraProfile, list[CameraProfile]]:
    """What is known of the camera after these frames, and what each of them said."""
    estimator, tracker, earlier = ProfileEstimator(), ProfileTracker(), Earlier()
    told = [estimator.estimate(y, earlier) for y in frames[::3]]
    estimates = [estimate for estimate in told if estimate is not None]
    profile = CameraProfile()
    for estimate in estimates:
        profile = tracker.add(estimate)
    return profile, estimates


def restored(frames: list[Picture], enhancer: Enhancer, denoise: bool) -> list[Picture]:
    """A clip as the program shows it at strength 1."""
    denoiser = TemporalDenoiser()
    return [enhancer.enhance(denoiser.denoise(y) if denoise else y, 1.0) for y in frames]


def add_denoise(parser: argparse.ArgumentParser) -> None:
    """The flag that leaves the averaging over time out."""
    parser.add_argument(
        "--denoise",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="average over time what does not move, as the program does",
    )


def study(
    path: Path, student: Enhancer, frames: int, told: CameraProfile | None, denoise: bool
) -> tuple[dict[str, Look], dict, list]:
    """One clip: its looks by way of sharpening, what was learnt of it, and a picture of each."""
    before = luma(path, frames)
    profile, estimates = learnt(before)
    student.set_profile(told or profile)
    made = {
        "input": before,
        "unsharp mask": [unsharp_mask(y, *USUAL) for y in before],
        "SharpCam": restored(before, student, denoise),
    }
    spread = [pstdev(values) for values in zip(*(it.in_short for it in estimates), strict=True)]
    about = {"profile": profile.in_short, "deviation": spread, "estimates": len(estimates)}
    middle = len(before) // 2
    shown = [clip[middle] for clip in made.values()]
    return {name: look(clip, before) for name, clip in made.items()}, about, shown


def main(argv: list[str] | None = None) -> int:
    """Print a table per clip; optionally JSON and a contact sheet."""
    parser = argparse.ArgumentParser(prog="python -m training.footage", description=__doc__)
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP")
    parser.add_argument("--model", type=Path, help="a student (.onnx); default: the bundled one")
    parser.add_argument("--profile", default="auto", help="instead of the one that is learnt")
    parser.add_argument("--frames", type=int, default=60, help="of each clip; default 60")
    add_denoise(parser)
    add_engine(parser)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet (.png) here")
    args = parser.parse_args(argv)
    clips = args.clips or [asset(f"samples/{name}.mkv") for name in SAMPLES]
    table = Table(title="crispness (lower is sharper) / noise gain / flicker / overshoot")
    for column in ("clip", "profile learnt", "input", "unsharp mask", "SharpCam"):
        table.add_column(column)
    results, sheet = {}, []
    try:
        told = None if args.profile == "auto" else CameraProfile.parse(args.profile)
        student = load_as_with_vnni(args.model or asset("model/standard.onnx"), 2, args.engine)
        for path in clips:
            looks, about, shown = study(path, student, args.frames, told, args.denoise)
            results[path.name] = about | {name: astuple(seen) for name, seen in looks.items()}
            cells = [
                " / ".join(f"{value:.3f}" for value in astuple(seen)) for seen in looks.values()
            ]
            learnt_of_it = " ".join(f"{value:.2f}" for value in about["profile"])
            table.add_row(path.stem, learnt_of_it, *cells)
            sheet.append(np.hstack([y[60:300, 180:460] for y in shown]))
    except SharpCamError as error:
        return refused(error)
    Console(width=max(160, Console().width)).print(table)
    if args.sheet:
        tiles = cv2.resize(np.vstack(sheet), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
        args.sheet.write_bytes(cv2.imencode(args.sheet.suffix or ".png", tiles)[1].tobytes())
    report(results, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
