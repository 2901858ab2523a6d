"""Evaluate: one table of what each way of sharpening gains, on held-out pictures.

    python -m training.evaluate --pictures ~/portraits --json scores.json --sheet sheet.png

Rows are measured in the same run on the same pictures. The unsharp mask and RCAS are oracle-tuned:
the best for each bucket, found on the very pictures that they are measured on. LPIPS and MS-SSIM
are means over a few of the pictures, evenly spread, because they cost more than all the rest; times
are medians for one 1280x720 frame, the ways taking turns.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import torch

from sharpcam.assets import asset
from sharpcam.engines import CHOICES
from sharpcam.enhancer import Enhancer, load_enhancer
from sharpcam.errors import SharpCamError
from sharpcam.estimator import ProfileEstimator
from sharpcam.system.processor import processor
from training.baselines import Picture, least_squares_filter, unsharp_mask
from training.cameras import BUCKETS, CALL, SEED_CAMERAS
from training.card import bundled, fingerprint
from training.checkpoint import read_about
from training.data import PHOTOS, SUFFIXES, data_hash, load_luma, photographs
from training.degrade import to_uint8
from training.distill import TEACHER
from training.eight_bits import add_engine, as_with_vnni, load_as_with_vnni
from training.peer_enhancer import PeerEnhancer
from training.peers import PEERS, WEIGHTS
from training.provenance import git_commit
from training.rows import SCALE, Restore, classics, fill, peer_row, student_rows, teacher_row, told
from training.scores import milliseconds, score
from training.table import Results, contact_sheet, middle, print_tables
from training.teacher_enhancer import TeacherEnhancer
from training.verb import refused, report

SEED_SIZE = 256
"""The seed's buckets are squares of this size."""
THREADS = (1, 2)
PEER_NAMES = {"fsrcnn": "FSRCNN-size net", "seed": "the seed's student"}
TEACHER_NAME = "teacher"
PROFILE = ("blur_px", "noise", "compression", "sharpening")
"""What the learnt profile's row tells of it."""


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


def shipped() -> list[Path]:
    """Every student in assets/model, the smallest tier first."""
    return bundled(asset("model/standard.onnx").parent)


def students(
    files: list[Path], threads: int, load: Callable[[Path, int], Enhancer] = load_enhancer
) -> dict[str, Enhancer]:
    """By the name of the file.

    Raises:
        SharpCamError: a file is no student, or two have the same name.
    """
    if len({file.stem for file in files}) < len(files):
        raise SharpCamError("two students have the same name", "copy one under another name")
    return {file.stem: load(file, threads) for file in files}


def peers(threads: int) -> dict[str, PeerEnhancer]:
    """The rivals that have been trained; says which have not."""
    found = {}
    for net in PEERS:
        try:
            found[PEER_NAMES[net]] = PeerEnhancer(net, threads)
        except SharpCamError as error:
            print(f"no row for {PEER_NAMES[net]}: {error.message}", file=sys.stderr)
    return found


def trained_rivals() -> dict[str, dict[str, float]]:
    """How long each rival that is there was trained."""
    found = {}
    for net in PEERS:
        file = WEIGHTS / f"{net}.safetensors"
        if file.exists():
            about = read_about(file)
            found[PEER_NAMES[net]] = {key: about[key] for key in ("step", "seconds")}
    return found


def rivals_told(rivals: dict[str, dict[str, float]]) -> list[str]:
    """The same in words, a line each."""
    return [
        f"{rival}: {made['step']} steps, {made['seconds'] / 60:.0f} minutes of training"
        for rival, made in rivals.items()
    ]


def time_ways(
    files: list[Path],
    teacher: TeacherEnhancer | None,
    frame: Picture,
    data: Path,
    threads: int,
    engine: str,
) -> dict[str, float]:
    """Milliseconds per 720p frame by way, everything on so many threads; not RCAS, which is a
    shader, and here only written out in numpy."""
    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)
    bucket = fill(BUCKETS["webcam-mild"], [frame], ProfileEstimator())
    ways: dict[str, Callable[[Picture], object]] = {
        "oracle unsharp": partial(unsharp_mask, radius=1.0, amount=1.0),
        "9x9 linear filter": least_squares_filter(bucket.camera, data, SCALE),
    }
    ways |= {way: peer.enhance for way, peer in peers(threads).items()}
    for way, student in students(files, threads, partial(load_enhancer, engine=engine)).items():
        student.set_profile(bucket.true)
        ways[way] = partial(student.enhance, strength=1.0)
    if teacher is not None:
        ways[TEACHER_NAME] = partial(teacher.enhance, profile=bucket.true)
    return milliseconds(ways, bucket.shown[0])


def all_rows(
    files: list[Path], teacher: TeacherEnhancer | None, data: Path, quick: bool, engine: str
) -> dict[str, Restore]:
    """Every row by its name, in the order of the table."""
    rows = classics(data)
    load = partial(load_as_with_vnni, engine=engine)
    if not quick:
        rows |= {way: peer_row(peer) for way, peer in peers(max(THREADS)).items()}
    for way, student in students(files, max(THREADS), load).items():
        rows |= student_rows(way, student, wrongly=way == main_way(files) and not quick)
    if not quick:
        rows |= engine_rows(next(file for file in files if file.stem == main_way(files)))
    if teacher is not None:
        rows[TEACHER_NAME] = teacher_row(teacher)
    return rows


def engine_rows(file: Path) -> dict[str, Restore]:
    """What a student is worth on every engine that is installed, told what was learnt."""
    rows: dict[str, Restore] = {}
    for name, choice in CHOICES.items():
        if choice.installed:
            student = load_enhancer(file, max(THREADS), name)
            rows[f"{file.stem} on {choice.label}, auto"] = told(student, lambda it: it.auto)
    return rows


def main_way(files: list[Path]) -> str:
    """The student that is studied more closely, and shown: the standard one, or the first."""
    stems = [file.stem for file in files]
    return "standard" if "standard" in stems else stems[0]


def every_bucket(
    pictures: list[Picture], rows: dict[str, Restore], columns: list[str], perceptual: int
) -> tuple[Results, dict[str, dict[str, list[Picture]]]]:
    """Figures of every row in every bucket, and the pictures of some columns."""
    estimator = ProfileEstimator()
    results: Results = {}
    sheets = {}
    for name, camera in (SEED_CAMERAS | BUCKETS | CALL).items():
        square = name in SEED_CAMERAS
        targets = [middle(y, SEED_SIZE) for y in pictures] if square else pictures
        bucket = fill(camera, targets, estimator)
        made = {row: restore(bucket) for row, restore in rows.items()}
        results[name] = {row: score(y, targets, perceptual) for row, y in made.items()}
        for figures in results[name].values():
            figures["gain"] = figures["psnr"] - results[name]["identity"]["psnr"]
        results[name][columns[2]] |= {told: getattr(bucket.auto, told) for told in PROFILE}
        sheets[name] = {column: (made | {"target": targets})[column] for column in columns}
    return results, sheets


def main(argv: list[str] | None = None) -> int:
    """Print the tables; optionally JSON and a contact sheet."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, default=PHOTOS, help="folder of the test split")
    parser.add_argument("--pictures", type=Path, help="another folder of sharp pictures, all used")
    parser.add_argument(
        "--model", type=Path, action="append", help="a student (.onnx); default: all bundled ones"
    )
    parser.add_argument("--teacher", type=Path, default=TEACHER, help="default: the bundled one")
    add_engine(parser)
    parser.add_argument("--perceptual", type=int, default=6, help="pictures for LPIPS and MS-SSIM")
    parser.add_argument(
        "--quick", action="store_true", help="PSNR and SSIM of the classics and of our students"
    )
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet (.png) here")
    args = parser.parse_args(argv)
    files = args.model or shipped()
    columns = ["identity", "oracle unsharp", f"{main_way(files)}, auto", "target"]
    count = 0 if args.quick else args.perceptual
    times = {}
    try:
        teacher = None if args.quick else TeacherEnhancer(args.teacher)
        pictures = test_pictures(args.data, args.pictures)
        engine = as_with_vnni(args.engine, max(THREADS)).label
        rows = all_rows(files, teacher, args.data, args.quick, args.engine)
        results, sheets = every_bucket(pictures, rows, columns, count)
        if not args.quick:
            frame = cv2.resize(pictures[0], (1280, 720), interpolation=cv2.INTER_AREA)
            times = {
                str(n): time_ways(files, teacher, frame, args.data, n, args.engine) for n in THREADS
            }
    except SharpCamError as error:
        return refused(error)
    print_tables(results, times)
    print(f"computed by {engine}")
    rivals = {} if args.quick else trained_rivals()
    for line in rivals_told(rivals):
        print(line)
    if args.sheet:
        contact_sheet(sheets, columns, args.sheet)
    summary = {
        "commit": git_commit(),
        "data": data_hash(args.data),
        "models": {file.stem: fingerprint(file) for file in files},
        "pictures": len(pictures),
        "perceptual_pictures": min(count, len(pictures)),
        "cores": os.cpu_count(),
        "processor": processor(),
        "engine": engine,
        "rivals": rivals,
        "buckets": results,
        "milliseconds_720p": times,
    }
    report(summary, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
