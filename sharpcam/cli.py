"""Every command, and the only place that exits the process.

Arguments are declared here and the modules behind a command are imported when it runs, so that
`sharpcam --version` and `--help` load neither OpenCV nor ONNX Runtime.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from sharpcam import __version__
from sharpcam.errors import SharpCamError


def size(text: str) -> tuple[int, int]:
    """Parse WIDTHxHEIGHT; both even, as I420 has it."""
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, like 1280x720") from None
    if not (16 <= width <= 7680 and 16 <= height <= 4320) or width % 2 or height % 2:
        raise argparse.ArgumentTypeError(f"{text!r}: even numbers from 16x16 to 7680x4320")
    return width, height


def strength(text: str) -> float:
    """Parse a strength from 0 to 1.5."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= 1.5:
        raise argparse.ArgumentTypeError(f"{text}: expected 0 (off) to 1.5, 1 is as trained")
    return value


def positive(text: str) -> float:
    """Parse a number above zero; seconds and rates."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: expected a number above 0")
    return value


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; each command names the module whose `main(args)` serves it."""
    parser = argparse.ArgumentParser(prog="sharpcam", description="A sharp picture in any call.")
    parser.add_argument("--version", action="version", version=f"sharpcam {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens to stderr")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--strength", type=strength, default=1.0, help="0 (off) to 1.5; default %(default)s"
    )
    common.add_argument(
        "--profile",
        default="auto",
        metavar="auto|BLUR,NOISE,COMPRESSION",
        help="the camera's faults: px, grey levels, 0 to 1; default: learnt from the picture",
    )
    common.add_argument("--model", type=Path, help="a student of your own (.onnx)")
    common.add_argument("--threads", type=int, default=2, help="for the student; default 2")

    run = commands.add_parser("run", parents=[common], help="camera or file to virtual camera")
    run.add_argument(
        "--source",
        default="auto",
        metavar="camera|NAME|INDEX|FILE|demo",
        help="default: the first camera, or the bundled clip when there is none",
    )
    run.add_argument(
        "--sink",
        default="auto",
        metavar="virtual|loopback|pipewire|window|null|FILE",
        help="default: the virtual camera, or a before/after recording when there is none; several "
        "with commas: loopback,pipewire",
    )
    run.add_argument(
        "--size", type=size, default=(1280, 720), metavar="WxH", help="asked of the camera"
    )
    run.add_argument("--fps", type=positive, default=30.0, help="asked of the camera; default 30")
    run.add_argument("--off", action="store_true", help="start with sharpening switched off")
    run.add_argument("--loop", action="store_true", help="play a file again and again")
    run.add_argument("--side-by-side", action="store_true", help="FILE sink: before and after")
    run.add_argument("--overwrite", action="store_true", help="FILE sink: replace the file")
    run.add_argument("--seconds", type=positive, help="stop after this long")
    run.set_defaults(module="sharpcam.run")

    enhance = commands.add_parser("enhance", parents=[common], help="pictures, folders and videos")
    enhance.add_argument("inputs", nargs="+", type=Path, metavar="INPUT")
    enhance.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="a file for a single file; else a folder, which is made if it is missing",
    )
    enhance.add_argument(
        "--size",
        type=size,
        metavar="WxH",
        help="upscale results to fit into this, aspect ratio kept; larger ones stay as they are",
    )
    enhance.add_argument("--overwrite", action="store_true", help="replace files that exist")
    enhance.set_defaults(module="sharpcam.batch")

    devices = commands.add_parser("devices", help="cameras and virtual cameras")
    devices.add_argument("--json", action="store_true")
    devices.set_defaults(module="sharpcam.devices")

    bench = commands.add_parser("bench", help="milliseconds per stage; the last line is JSON")
    bench.add_argument("--json", action="store_true", help="only the JSON line")
    bench.add_argument("--model", type=Path, help="a student of your own (.onnx)")
    bench.add_argument("--seconds", type=positive, default=2.0, help="per case; default 2")
    bench.set_defaults(module="sharpcam.bench")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors a person can act on become two lines."""
    args = build_parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING,
        format="sharpcam: %(message)s",
    )
    try:
        return int(import_module(args.module).main(args))
    except SharpCamError as error:
        print(f"sharpcam: {error.message}\n  hint: {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def console() -> None:
    """The entry point of the `sharpcam` command."""
    # What ends the process by default would leave half-written files behind; an exit cleans up.
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is signal.SIG_DFL:  # under nohup it is ignored
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        code = main()
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone, as in `| head`; Python would try again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
