"""Evaluate: one table of what each way of sharpening gains, on held-out pictures.

    python -m training.evaluate --pictures ~/portraits --json scores.json --sheet sheet.png

Rows are measured in the same run on the same pictures. The unsharp mask is oracle-tuned: its radius
and amount are the best for each bucket, found on the very pictures that it is measured on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import astuple
from pathlib import Path
from statistics import mean, median

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from sharpcam.assets import asset
from sharpcam.enhancer import OnnxEnhancer
from sharpcam.errors import SharpCamError
from sharpcam.estimator import ProfileEstimator
from sharpcam.model import load_model
from sharpcam.profile import TYPICAL, CameraProfile
from training.baselines import least_squares_filter, oracle_rcas, oracle_unsharp
from training.cameras import BUCKETS, SEED_CAMERAS
from training.data import PHOTOS, SUFFIXES, data_hash, load_luma, photographs
from training.degrade import Camera, degrade, to_uint8
from training.metrics import psnr, ssim
from training.ruler import true_profile
from training.teacher_enhancer import TeacherEnhancer
from training.verb import refused

Picture = NDArray[np.uint8]
SCALE = 0.4
"""The evaluation pictures are shrunk by this, so that they are as crisp as the training targets."""
SEED_SIZE = 256
"""The seed's buckets are squares of this size."""


def test_pictures(data: Path, more: Path | None) -> list[Picture]:
    """The test split's photographs, and every picture of another folder: luma uint8 [H, W]."""
    files = photographs(data, "test")
    if more is not None:
        extra = sorted(path for path in more.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not extra:
            raise SharpCamError(f"no pictures in {more}", "give --pictures a folder of photographs")
        files += extra
    pictures = [to_uint8(load_luma(path, SCALE)) for path in files]
    # Small originals are left out: the seed's square, its margin and a profile need their room.
    large = [y for y in pictures if min(y.shape) >= SEED_SIZE]
    if not large:
        raise SharpCamError(
            f"none of the {len(pictures)} test pictures is large enough",
            f"give pictures of at least {round(SEED_SIZE / SCALE)} pixels on both sides",
        )
    return large


def middle(y: Picture, size: int) -> Picture:
    """The square in the middle."""
    top, left = ((side - size) // 2 // 8 * 8 for side in y.shape)
    return np.ascontiguousarray(y[top : top + size, left : left + size])


def auto_profile(estimates: list[CameraProfile]) -> CameraProfile:
    """What SharpCam has learnt of a camera after these estimates: their median."""
    if not estimates:
        return TYPICAL
    return CameraProfile(*(median(values) for values in zip(*map(astuple, estimates), strict=True)))


def evaluate_bucket(
    name: str,
    camera: Camera,
    pictures: list[Picture],
    student: OnnxEnhancer,
    estimator: ProfileEstimator,
    teacher: TeacherEnhancer | None,
    data: Path,
) -> tuple[dict[str, dict[str, float]], dict[str, list[Picture]]]:
    """Every row for one bucket: its figures, and its pictures."""
    targets = [middle(y, SEED_SIZE) for y in pictures] if name in SEED_CAMERAS else pictures
    shown = [
        to_uint8(degrade(camera, y.astype(np.float32) / 255, np.random.default_rng(index)))
        for index, y in enumerate(targets)
    ]
    estimates = [estimator.estimate(y) for y in shown]

    def with_profile(profile: CameraProfile) -> list[Picture]:
        student.set_profile(profile)
        return [student.enhance(y, 1.0) for y in shown]

    auto, true = auto_profile([it for it in estimates if it]), true_profile(camera)
    rivals = {
        "oracle unsharp": oracle_unsharp(shown, targets),
        "oracle RCAS": oracle_rcas(shown, targets),
        "9x9 linear filter": least_squares_filter(camera, data, SCALE),
    }
    outputs = {"identity": shown}
    outputs |= {row: [sharpen(y) for y in shown] for row, sharpen in rivals.items()}
    outputs["student, profile auto"] = with_profile(auto)
    singles = []
    for y, estimate in zip(shown, estimates, strict=True):
        student.set_profile(estimate or TYPICAL)
        singles.append(student.enhance(y, 1.0))
    outputs["student, profile from each picture alone"] = singles
    outputs["student, true profile"] = with_profile(true)
    for wrong, factor in (("25 % less", 0.75), ("25 % more", 1.25)):
        assumed = CameraProfile.clipped(factor * true.blur_px, *astuple(true)[1:])
        outputs[f"student, true profile but {wrong} blur"] = with_profile(assumed)
    outputs["student, typical profile (blind)"] = with_profile(TYPICAL)
    if teacher is not None:
        outputs["teacher, true profile"] = [teacher.enhance(y, true) for y in shown]
    figures = {
        row: {
            "psnr": mean(psnr(y, target) for y, target in zip(made, targets, strict=True)),
            "ssim": mean(ssim(y, target) for y, target in zip(made, targets, strict=True)),
        }
        for row, made in outputs.items()
    }
    for values in figures.values():
        values["gain"] = values["psnr"] - figures["identity"]["psnr"]
    figures["student, profile auto"] |= dict(
        zip(("blur_px", "noise", "compression", "sharpening"), astuple(auto), strict=True)
    )
    return figures, outputs | {"target": targets}


def contact_sheet(sheets: dict[str, dict[str, list[Picture]]], path: Path) -> None:
    """A row per bucket: degraded, unsharp, student, target; a piece of one picture, doubled."""
    columns = ("identity", "oracle unsharp", "student, profile auto", "target")
    rows = []
    for name, outputs in sheets.items():
        tiles = []
        for column in columns:
            pictures = outputs[column]
            tile = middle(pictures[len(pictures) // 2], 192)
            tile = cv2.resize(tile, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
            label = f"{name}: {column}" if column == "identity" else column
            cv2.rectangle(tile, (0, 0), (384, 22), 0, -1)
            cv2.putText(tile, label, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_AA)
            tiles.append(tile)
        rows.append(np.hstack(tiles))
    coded = cv2.imencode(path.suffix or ".png", np.vstack(rows))[1]
    path.write_bytes(coded.tobytes())


def print_table(results: dict[str, dict[str, dict[str, float]]]) -> None:
    """A row per way of sharpening, a column per bucket: PSNR-Y gain in dB, and SSIM-Y."""
    table = Table(title="PSNR-Y gain in dB / SSIM-Y (clean: PSNR between output and input)")
    table.add_column("")
    for bucket in results:
        table.add_column(bucket, justify="right")
    for row in next(iter(results.values())):
        cells = []
        for bucket, figures in results.items():
            shown = figures[row]["psnr" if bucket == "clean" or row == "identity" else "gain"]
            sign = "" if bucket == "clean" or row == "identity" else "+"
            cells.append(f"{shown:{sign}.2f} / {figures[row]['ssim']:.3f}")
        table.add_row(row, *cells)
    Console(width=max(160, Console().width)).print(table)


def main(argv: list[str] | None = None) -> int:
    """Print the table; optionally JSON and a contact sheet."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, default=PHOTOS, help="folder of the test split")
    parser.add_argument("--pictures", type=Path, help="another folder of sharp pictures, all used")
    parser.add_argument("--model", type=Path, help="a student (.onnx); default: the bundled one")
    parser.add_argument("--teacher", type=Path, help="a teacher (.safetensors), for its own row")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet (.png) here")
    args = parser.parse_args(argv)
    try:
        model = load_model(args.model or asset("model/standard.onnx"))
        teacher = TeacherEnhancer(args.teacher) if args.teacher else None
        pictures = test_pictures(args.data, args.pictures)
        student = OnnxEnhancer(model, threads=2)
        estimator = ProfileEstimator()
        results, sheets = {}, {}
        for name, camera in (SEED_CAMERAS | BUCKETS).items():
            results[name], sheets[name] = evaluate_bucket(
                name, camera, pictures, student, estimator, teacher, args.data
            )
    except SharpCamError as error:
        return refused(error)
    print_table(results)
    if args.sheet:
        contact_sheet(sheets, args.sheet)
    summary = {"pictures": len(pictures), "data": data_hash(args.data), "buckets": results}
    if args.json:
        args.json.write_text(json.dumps(summary, indent=1))
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
