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
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from sharpcam import __version__
from sharpcam.errors import SharpCamError
from sharpcam.settings import ENTRIES, help_of, kind_of, parsed

DESCRIPTION = "A sharp picture in any call. Without a command: stay, with an icon in the tray."
WINDOW_RUN = {
    "source": "auto",
    "sink": "window",
    "size": ENTRIES["size"].default,
    "fps": ENTRIES["fps"].default,
    **dict.fromkeys(("off", "always_on", "loop", "side_by_side", "overwrite"), False),
    "seconds": None,
}
"""What `sharpcam run` is told when there is nothing else to preview."""


def setting(key: str) -> Callable[[str], Any]:
    """What reads the value of this setting for argparse; the table of settings says how."""

    def parse(text: str) -> Any:
        try:
            return parsed(ENTRIES[key], text)
        except SharpCamError as error:
            raise argparse.ArgumentTypeError(f"{error.message}; {error.hint}") from None

    return parse


def add_setting(parser: argparse.ArgumentParser, key: str, **options: Any) -> None:
    """A flag for this setting, with its default and words unless `options` say otherwise."""
    entry = ENTRIES[key]
    default = kind_of(entry).to_plain(entry.default)
    words: dict[str, Any] = {
        "type": setting(key),
        "default": entry.default,
        "help": f"{help_of(entry)} ({kind_of(entry).expected}; default {default})",
    }
    parser.add_argument(f"--{key.replace('_', '-')}", **words | options)


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
    parser = argparse.ArgumentParser(prog="sharpcam", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"sharpcam {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens to stderr")
    parser.add_argument("--no-tray", action="store_true", help="without a command: no tray icon")
    parser.set_defaults(module="sharpcam.app")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    common = argparse.ArgumentParser(add_help=False)
    add_setting(common, "strength")
    add_setting(common, "denoise", metavar="on|off")
    add_setting(common, "profile", metavar="auto|BLUR,NOISE,COMPRESSION[,SHARPENING]", type=str)
    add_setting(common, "engine")
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
        metavar="virtual|loopback|pipewire|DEVICE|window|null|FILE",
        help="default: the virtual camera, or a before/after recording when there is none; several "
        "with commas: loopback,pipewire",
    )
    add_setting(run, "size", metavar="WxH")
    add_setting(run, "fps")
    run.add_argument("--off", action="store_true", help="start with sharpening switched off")
    run.add_argument(
        "--always-on",
        action="store_true",
        help="keep the camera on when nobody watches the virtual camera",
    )
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
        type=setting("size"),
        metavar="WxH",
        help="upscale results to fit into this, aspect ratio kept; larger ones stay as they are",
    )
    enhance.add_argument("--overwrite", action="store_true", help="replace files that exist")
    enhance.set_defaults(module="sharpcam.batch")

    devices = commands.add_parser("devices", help="cameras and virtual cameras")
    devices.add_argument("--json", action="store_true")
    devices.set_defaults(module="sharpcam.devices")

    doctor = commands.add_parser("doctor", help="what is wrong here, and the command that mends it")
    doctor.add_argument("--json", action="store_true")
    doctor.add_argument("--model", type=Path, help="a student of your own (.onnx)")
    doctor.set_defaults(module="sharpcam.doctor")

    guide = commands.add_parser("help", help="help camera: where meeting apps choose their camera")
    guide.add_argument("topic", nargs="?", choices=["camera"])
    guide.set_defaults(module="sharpcam.guide", parser=parser)

    bench = commands.add_parser("bench", help="milliseconds per stage; the last line is JSON")
    bench.add_argument("--json", action="store_true", help="only the JSON line")
    bench.add_argument(
        "--app",
        dest="module",
        action="store_const",
        const="sharpcam.bench_app",
        default="sharpcam.bench",
        help="what the program that stays takes: start, idle CPU, memory",
    )
    add_setting(bench, "engine")
    bench.add_argument("--model", type=Path, help="a student of your own (.onnx)")
    bench.add_argument("--seconds", type=positive, default=2.0, help="per case; default 2")
    preview = commands.add_parser(
        "preview",
        parents=[common],
        help="before and after, live: of the running SharpCam, else of the first camera",
    )
    preview.set_defaults(module="sharpcam.preview", **WINDOW_RUN)
    add_remote(commands)
    return parser


def add_remote(commands: Any) -> None:
    """The commands for the SharpCam that runs already."""
    remote = {
        "on": "sharpen",
        "off": "pass every frame through untouched",
        "toggle": "the other of the two; bind a key of your desktop to it",
        "pause": "let go of the camera",
        "resume": "take it again",
        "status": "what is going on",
        "quit": "end it",
    }
    for name, words in remote.items():
        command = commands.add_parser(name, help=f"running SharpCam: {words}")
        command.set_defaults(module="sharpcam.remote_client")
        if name == "status":
            command.add_argument("--json", action="store_true")
            command.add_argument("--follow", action="store_true", help="again and again")
    change = commands.add_parser("set", help="change a setting, or list all of them")
    change.add_argument("assignment", nargs="?", metavar="KEY=VALUE")
    change.set_defaults(module="sharpcam.remote_client")
    learn = commands.add_parser("learn", help="running SharpCam: learn the camera's profile anew")
    learn.set_defaults(module="sharpcam.remote_client", request="learn_again")
    autostart = commands.add_parser("autostart", help="start at login")
    autostart.add_argument("switch", choices=("on", "off", "status"))
    autostart.set_defaults(module="sharpcam.autostart")


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
