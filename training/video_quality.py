"""Video with a known original: VMAF, VMAF-NEG, bit rate, and what trembles in a scene at rest.

    python -m training.video_quality [CLIP...]          # default: bundled clips at half their size

Each clip is filmed again by one of the evaluation's cameras, every frame with noise of its own.
SharpCam learns the camera from those frames and restores them at strength 1. *Bit rate* is what the
result takes in H.264 at a fixed rate factor, relative to the frames unrestored; the original's own
is beside it, because real detail costs bits, too. The scene at rest is a test photograph filmed
many times: *flicker* is how much pixels change over time, *noise gain* the same on flat parts only,
both relative to the frames unrestored. The scene that moves is that photograph under a camera that
is turned slowly: PSNR of the frames, which averaging over time (`--no-denoise`) must not lower.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import mean

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from sharpcam.assets import asset
from sharpcam.enhancer import Enhancer
from sharpcam.errors import SharpCamError
from sharpcam.profile import CameraProfile
from training.baselines import Picture, unsharp_mask
from training.cameras import BUCKETS
from training.data import PHOTOS
from training.degrade import Camera, degrade, to_uint8
from training.eight_bits import add_engine, load_as_with_vnni
from training.evaluate import shipped, students, test_pictures
from training.footage import SAMPLES, USUAL, add_denoise, blocks, learnt, luma, restored
from training.metrics import psnr
from training.verb import refused, report
from training.vmaf import ffmpeg_with_vmaf, vmaf

Quality = Callable[[list[Picture], list[Picture]], dict[str, float]]
"""Figures of a clip against its original."""
CRF = 23
AT_REST = ("webcam-mild", "low light")
TIMES = 16
"""Frames of the scene at rest, and of the one that moves."""
SPEEDS_PX = 0.25, 2.0
"""Of the scene that moves, per frame."""
FLAT = 0.2
"""The flattest part of the blocks counts as flat."""


def without_vmaf(made: list[Picture], reference: list[Picture]) -> dict[str, float]:
    """Where no ffmpeg has libvmaf."""
    return {}


def shrunk(clip: list[Picture], factor: float) -> list[Picture]:
    """Small enough to be crisp, with even sides."""
    height, width = (int(side / factor) // 2 * 2 for side in clip[0].shape)
    return [
        np.asarray(cv2.resize(y, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        for y in clip
    ]


def film(camera: Camera, clip: list[Picture]) -> list[Picture]:
    """The clip as this camera shows it. An H.264 camera is taken as the MJPEG one beside it: its
    codec would need the clip as a whole."""
    rng = np.random.default_rng(0)
    camera = replace(camera, crf=None)
    return [to_uint8(degrade(camera, y.astype(np.float32) / 255, rng)) for y in clip]


def coded_bytes(clip: list[Picture]) -> int:
    """Size of a clip in H.264 as calls code it, at a fixed rate factor."""
    height, width = clip[0].shape
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 30)
    encoder.options = {"crf": str(CRF), "preset": "superfast", "tune": "zerolatency"}
    encoder.thread_count = 1
    total = 0
    for index, y in enumerate(clip):
        i420 = np.vstack([y, np.full((height // 2, width), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(i420, format="yuv420p")
        frame.pts = index
        total += sum(packet.size for packet in encoder.encode(frame))
    return total + sum(packet.size for packet in encoder.encode(None))


def trembling(clip: list[Picture]) -> NDArray[np.float64]:
    """Standard deviation over time of every pixel, as a mean per block of 16x16: [N]."""
    return blocks(np.stack(clip).astype(np.float64).std(0)).mean((1, 2))


def at_rest(made: list[Picture], shown: list[Picture], scene: Picture) -> dict[str, float]:
    """Flicker and noise gain of a scene that does not move."""
    after, before = trembling(made), trembling(shown)
    contrast = blocks(scene.astype(np.float64)).std((1, 2))
    flat = contrast <= np.quantile(contrast, FLAT)
    return {
        "flicker": float(after.mean() / before.mean()),
        "noise_gain": float(after[flat].mean() / before[flat].mean()),
    }


def turned(scene: Picture, speed_px: float) -> list[Picture]:
    """The scene under a camera that is turned aside by so many pixels per frame."""
    height, width = scene.shape
    seen = (width - int(speed_px * TIMES) - 1) // 8 * 8, height
    shifts = (np.array([[1, 0, -speed_px * index], [0, 1, 0]], float) for index in range(TIMES))
    return [
        np.asarray(cv2.warpAffine(scene, shift, seen, flags=cv2.INTER_LANCZOS4), np.uint8)
        for shift in shifts
    ]


def all_made(
    shown: list[Picture], ways: dict[str, Enhancer], denoise: bool
) -> tuple[dict[str, list[Picture]], CameraProfile]:
    """What each way makes of the frames, with what is learnt from them."""
    profile, _ = learnt(shown)
    made = {"input": shown, "unsharp mask": [unsharp_mask(y, *USUAL) for y in shown]}
    for name, student in ways.items():
        student.set_profile(profile)
        made[name] = restored(shown, student, denoise)
    return made, profile


def mean_psnr(clip: list[Picture], reference: list[Picture]) -> float:
    """PSNR-Y in dB, the mean over the frames."""
    return mean(psnr(*pair) for pair in zip(clip, reference, strict=True))


def moving(
    reference: list[Picture],
    camera: Camera,
    ways: dict[str, Enhancer],
    quality: Quality,
    denoise: bool,
) -> dict[str, dict[str, float]]:
    """Every figure of one clip through one camera, by way."""
    shown = film(camera, reference)
    made, profile = all_made(shown, ways, denoise)
    input_bytes = coded_bytes(shown)
    figures = {
        name: {
            **quality(clip, reference),
            "psnr": mean_psnr(clip, reference),
            "bit_rate": coded_bytes(clip) / input_bytes,
        }
        for name, clip in (made | {"original": reference}).items()
    }
    figures["input"] |= {"blur_px": profile.blur_px, "noise": profile.noise}
    return figures


def print_table(title: str, results: dict[str, dict[str, dict[str, float]]]) -> None:
    """A row per way, a column per clip or camera, figures in a cell."""
    first = next(iter(results.values()))
    names = list(first["unsharp mask"])
    table = Table(title=f"{title}: {' / '.join(names)}")
    for column in ("", *results):
        table.add_column(column)
    for way in first:
        cells = (
            " / ".join(f"{found[way][name]:.2f}" for name in names) for found in results.values()
        )
        table.add_row(way, *cells)
    Console(width=max(120, Console().width)).print(table)


def main(argv: list[str] | None = None) -> int:
    """Print the tables and JSON."""
    parser = argparse.ArgumentParser(prog="python -m training.video_quality", description=__doc__)
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="sharp video files")
    parser.add_argument(
        "--model", type=Path, action="append", help="a student (.onnx); default: all bundled ones"
    )
    parser.add_argument(
        "--shrink",
        type=float,
        help="make clips so much smaller first; default 2 for the bundled clips, else 1",
    )
    parser.add_argument("--bucket", choices=BUCKETS, default="webcam-mild", help="the camera")
    parser.add_argument("--frames", type=int, default=60, help="of each clip; default 60")
    add_denoise(parser)
    add_engine(parser)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args(argv)
    clips = args.clips or [asset(f"samples/{name}.mkv") for name in SAMPLES]
    factor = args.shrink or (1 if args.clips else 2)
    quality: Quality = vmaf
    results: dict[str, dict[str, dict[str, float]]] = {}
    rest, turning = {}, {}
    try:
        load = partial(load_as_with_vnni, engine=args.engine)
        ways = students(args.model or shipped(), 2, load)
        try:
            ffmpeg_with_vmaf()
        except SharpCamError as error:
            print(f"{error.message}: {error.hint}", file=sys.stderr)
            quality = without_vmaf
        for path in clips:
            reference = shrunk(luma(path, args.frames), factor)
            results[path.stem] = moving(
                reference, BUCKETS[args.bucket], ways, quality, args.denoise
            )
        scene = test_pictures(PHOTOS, None)[0]
        for name in AT_REST:
            shown = film(BUCKETS[name], [scene] * TIMES)
            made, _ = all_made(shown, ways, args.denoise)
            rest[name] = {way: at_rest(clip, shown, scene) for way, clip in made.items()}
            for speed in SPEEDS_PX:
                reference = turned(scene, speed)
                made, _ = all_made(film(BUCKETS[name], reference), ways, args.denoise)
                turning[f"{name}, {speed:g} px"] = {
                    way: {"psnr": mean_psnr(clip, reference)} for way, clip in made.items()
                }
    except SharpCamError as error:
        return refused(error)
    print_table(f"clips through {args.bucket}", results)
    print_table("a scene at rest", rest)
    print_table("a scene that moves as a whole", turning)
    summary = {
        "bucket": args.bucket,
        "crf": CRF,
        "clips": results,
        "at_rest": rest,
        "turned": turning,
    }
    report(summary, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
