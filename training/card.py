"""The model card: what the bundled networks are, and what they were measured to do.

    python -m training.card                     # writes assets/model/CARD.md

`training.export --install` writes it, too. Its figures are those that the evaluation left in
training/scores.json; a network that has been exported anew since then stands there without any.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from sharpcam.errors import SharpCamError
from sharpcam.model import load_model
from training.config import TIERS
from training.data import PHOTOS, photographs
from training.verb import refused

MODELS = Path(__file__).parents[1] / "assets" / "model"
SCORES = Path(__file__).parent / "scores.json"
RIVALS = ("identity", "oracle unsharp", "oracle RCAS", "9x9 linear filter", "FSRCNN-size net")
"""Rows of the evaluation that stand beside ours."""

TEMPLATE = Path(__file__).with_suffix(".md")


def fingerprint(file: Path) -> str:
    """Which file it is, as 12 hex digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def bundled(folder: Path) -> list[Path]:
    """The students in a folder, the smallest tier first."""
    return [file for tier in TIERS for file in sorted(folder.glob(f"{tier}*.onnx"))]


def write_card(folder: Path = MODELS, scores: Path = SCORES) -> Path:
    """Write CARD.md beside the networks of a folder; returns it.

    Raises:
        SharpCamError: a network or the scores cannot be read.
    """
    target = folder / "CARD.md"
    files = bundled(folder)
    counts = {split: len(photographs(PHOTOS, split)) for split in ("train", "validation", "test")}
    text = TEMPLATE.read_text(encoding="utf-8").format(
        networks=networks(files), figures=figures(files, scores), **counts
    )
    target.write_text(text, encoding="utf-8")
    return target


def networks(files: list[Path]) -> str:
    """A line per file: its size and how it was trained."""
    lines = [
        "| file | channels x blocks | kMAC/px | bytes | steps | commit | data |",
        "|---" * 7 + "|",
    ]
    for file in files:
        model = load_model(file)
        spec, made = model.spec, model.provenance
        lines.append(
            f"| `{file.name}` | {spec.channels} x {spec.blocks} | {spec.macs_per_pixel / 1000:.1f} "
            f"| {file.stat().st_size} | {made.get('step', '?')} | {made.get('commit', '?')} "
            f"| {made.get('data', '?')} |"
        )
    return "\n".join(lines)


def figures(files: list[Path], scores: Path) -> str:
    """The evaluation's table for the files that it has seen."""
    try:
        found: dict[str, Any] = json.loads(scores.read_text())
        buckets, seen = found["buckets"], found["models"]
        rows = [row for row in RIVALS if row in buckets["clean"]]
        rows += [f"{file.stem}, auto" for file in files if seen.get(file.stem) == fingerprint(file)]
        rows += [row for row in ("teacher",) if row in buckets["clean"]]
        lines = [
            f"Gain in PSNR-Y in dB over the degraded picture, {found['pictures']} pictures that no "
            "network saw in training; `identity`",
            "is the degraded picture's PSNR-Y, and clean is the PSNR between output and input (60 "
            "is the ceiling). The students had",
            f"learnt the profile by themselves. Milliseconds per 1280x720 frame on one and two "
            f"threads, {found['cores']} cores, {found['processor']}.",
            "",
            "| |" + "".join(f" {name} |" for name in buckets) + " ms |",
            "|---" * (len(buckets) + 2) + "|",
        ]
        times = found["milliseconds_720p"].values()
        for row in rows:
            cells = [_cell(row, name, figures[row]) for name, figures in buckets.items()]
            spent = [by_way.get(row.split(",")[0]) for by_way in times]
            ms = " / ".join(f"{it:.1f}" for it in spent if it is not None)
            lines.append(f"| {row} | {' | '.join(cells)} | {ms} |")
    except FileNotFoundError:
        return "Not evaluated yet."
    except (OSError, ValueError, KeyError) as error:
        raise SharpCamError(
            f"{scores} is not an evaluation's: {error!r}",
            f"python -m training.evaluate --json {scores.name}",
        ) from error
    new = [f"`{file.name}`" for file in files if f"{file.stem}, auto" not in rows]
    if new:
        lines += ["", f"Exported anew since the last evaluation: {', '.join(new)}."]
    return "\n".join(lines)


def _cell(row: str, bucket: str, figures: dict[str, float]) -> str:
    absolute = row == "identity" or bucket == "clean"
    return f"{figures['psnr']:.1f}" if absolute else f"{figures['gain']:+.2f}"


def main(argv: list[str] | None = None) -> int:
    """Write the card of the bundled networks."""
    parser = argparse.ArgumentParser(prog="python -m training.card", description=__doc__)
    parser.add_argument("--scores", type=Path, default=SCORES, help="the evaluation's JSON")
    args = parser.parse_args(argv)
    try:
        print(write_card(scores=args.scores))
    except SharpCamError as error:
        return refused(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
