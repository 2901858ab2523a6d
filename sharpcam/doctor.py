"""`sharpcam doctor`: what is right and wrong here, and the command that mends it.

It changes nothing and asks no network. The checks of a system are in `system/`; those that are the
same everywhere are here. Libraries are loaded one after the other inside of functions: one that
does not load is a finding, not a crash.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sharpcam import __version__
from sharpcam.check import Check, Verdict, ok, problem
from sharpcam.errors import SharpCamError

LIBRARIES = {
    "numpy": "numpy",
    "opencv-python": "cv2",
    "cv2-enumerate-cameras": "cv2_enumerate_cameras",
    "pillow": "PIL",
    "av": "av",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "pyvirtualcam": "pyvirtualcam",
}
"""Packages, and the modules that they are loaded by."""
STYLES = {Verdict.OK: "green", Verdict.PROBLEM: "bold red", Verdict.UNKNOWN: "yellow"}
HINTS = {Verdict.OK: "advice", Verdict.PROBLEM: "mend", Verdict.UNKNOWN: "look"}
FRAME = (1280, 720)
"""The size of the picture that is restored on trial."""

Load = Callable[[str], object]


def main(args: argparse.Namespace) -> int:
    """`sharpcam doctor`; see `cli.py` for the arguments. 1 where something blocks."""
    checks = examine(args.model)
    blocked = any(check.blocks for check in checks)
    if args.json:
        print(json.dumps({"version": __version__, "blocked": blocked, "checks": listed(checks)}))
    else:
        # Names are shown as they are: nothing in them is a colour, an emoji or a place to break.
        console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        for check in checks:
            show(console, check)
        console.print(summary(checks))
    return int(blocked)


def examine(model: Path | None, load: Load = import_module) -> list[Check]:
    """Every check; where a library does not load, that is all there is to say."""
    broken = [check for package in LIBRARIES if (check := library(package, load))]
    versions = (f"{package} {version_of(package)}".rstrip() for package in LIBRARIES)
    return [
        ok("SharpCam", f"version {__version__}, Python {platform.python_version()}"),
        *(broken or [ok("libraries", ", ".join(versions)), *devices(), *student(model)]),
    ]


def listed(checks: list[Check]) -> list[dict[str, str | bool]]:
    """For JSON."""
    return [
        {
            "name": check.name,
            "state": check.verdict.value,
            "detail": check.detail,
            "hint": check.hint,
            "blocks": check.blocks,
        }
        for check in checks
    ]


def show(console: Console, check: Check) -> None:
    """One or two lines: what was found, and what to do about it."""
    state = Text(f"{check.verdict.value:<13}", STYLES[check.verdict])
    console.print(state + Text(f"{check.name}: {check.detail}", "default"))
    if check.hint:
        word = HINTS[check.verdict]
        console.print(Text(f"{'':<13}  {word}: {check.hint}", STYLES[check.verdict]))


def summary(checks: list[Check]) -> str:
    """The last line."""
    problems = [check for check in checks if check.verdict is Verdict.PROBLEM]
    blocking = [check.name for check in problems if check.blocks]
    if not problems:
        return "No problem found."
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    if not blocking:
        return f"{count}, none of which stops SharpCam."
    return f"{count}; SharpCam cannot work before these are mended: {', '.join(blocking)}."


def library(package: str, load: Load = import_module) -> Check | None:
    """What is wrong with a library; None where it is there and loads."""
    install = f"{sys.executable} -m pip install --force-reinstall {package}"
    try:
        load(LIBRARIES[package])
    except (ImportError, OSError) as error:
        said = " ".join(str(error).split())
        if "libGL" in said or "libgthread" in said:
            install = "sudo apt install libgl1 libglib2.0-0"
        return problem(package, f"does not load: {said}", install, blocks=True)
    return None


def version_of(package: str) -> str:
    """Empty where it is not told, as in an installer's program."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def devices() -> list[Check]:
    """The checks of this system, and what they come to: a camera and a virtual camera."""
    from sharpcam import system

    cameras, known = system.cameras(), system.virtual_cameras()
    checks = system.checks(cameras, known)
    virtual = [camera for camera in known if not camera.foreign]
    blocking = [check.name for check in checks if check.blocks]
    screen = "a window can be shown" if system.has_screen() else "none: no window and no tray"
    checks.append(ok("screen", screen))
    checks += tray()
    if cameras:
        checks.append(ok("cameras", ", ".join(camera.name for camera in cameras)))
    else:
        checks.append(problem("cameras", "none found", system.CAMERA_HINT, blocks=True))
    if virtual:
        said = f"in the meeting app, choose {virtual[0].name!r} ({virtual[0].backend})"
        checks.append(ok("virtual camera", said, "sharpcam help camera"))
    else:
        first = f"mend first: {', '.join(blocking)}" if blocking else system.VIRTUAL_CAMERA_HINT
        checks.append(problem("virtual camera", "none", first, blocks=True))
    return checks


def tray() -> Iterator[Check]:
    """Whether this desktop shows tray icons; nothing where that cannot be told."""
    from sharpcam.session import desktop

    shows = desktop.shows_tray_icons()
    if shows:
        yield ok("tray", "this desktop shows icons")
    elif shows is False:
        said = "this desktop shows no icons: SharpCam goes on without, see `sharpcam status`"
        yield problem("tray", said, desktop.TRAY_HINT)


def student(path: Path | None) -> Iterator[Check]:
    """The networks: whether they load and restore a picture."""
    import numpy as np

    from sharpcam.enhancer import load_enhancer
    from sharpcam.estimator import ProfileEstimator

    width, height = FRAME
    y = np.tile(np.arange(width, dtype=np.uint8), (height, 1))
    try:
        enhancer = load_enhancer(path, threads=2)
    except SharpCamError as error:
        yield problem("model", error.message, error.hint, blocks=True)
    else:
        yield ok("model", enhancer.name)
        try:
            enhancer.enhance(y, 1.0)
            start = time.perf_counter()
            sharp = enhancer.enhance(y, 1.0)
            took_ms = (time.perf_counter() - start) * 1000
            if sharp.shape != y.shape:
                raise ValueError(f"a picture of {y.shape} came back as {sharp.shape}")  # noqa: TRY301
        except Exception as error:  # whatever an engine raises is the finding
            detail = f"a picture is not restored: {error}"
            hint = f"{sys.executable} -m pip install --force-reinstall onnxruntime"
            yield problem("engine", detail, hint, blocks=True)
        else:
            yield ok("engine", f"restores a picture of {width}x{height} in {took_ms:.0f} ms")
        finally:
            enhancer.close()
    try:
        ProfileEstimator().estimate(y)
    except SharpCamError as error:
        yield problem("profile estimator", error.message, error.hint, blocks=True)
    else:
        yield ok("profile estimator", "loads, and reads a picture")
