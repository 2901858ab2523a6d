"""The real `sharpcam run`, a process of its own, between a camera and programs that watch."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from devices import OTHER, OURS, WEBCAM, loopback, until, uses, webcam
from feeding import SIZE, Feed
from producing import announced
from readers import Reader

import sharpcam.run  # noqa: F401 - what the command loads when it runs
from sharpcam.cli import console

LOG = Path("/run/sharpcam.log")
UNBIND, BIND = (Path(f"/sys/bus/platform/drivers/vivid/{name}") for name in ("unbind", "bind"))


PROMPT = 15
"""Pictures per second of a camera whose every picture comes before the last one is shown again."""


class SharpCam:
    """`sharpcam run` into the virtual camera, in a process of its own; a context manager, in which
    it publishes."""

    def __init__(self, model: str, source: str, *more: str) -> None:
        # To learn the profile, to compare engines, and threads that wait for each other by
        # spinning, would take more time than an emulated processor has.
        quick = ["--profile", "0.8,1,0.3", "--threads", "1", "--engine", "onnxruntime-fp32"]
        quick += ["--model", model]
        command = ["-v", "run", "--source", source, "--sink", "virtual", *quick, *more]
        self.code: int | None = None
        LOG.unlink(missing_ok=True)
        self._child = os.fork()  # a new interpreter would load everything again, for half a minute
        if self._child == 0:
            _be_sharpcam(command)

    def __enter__(self) -> SharpCam:
        try:
            until(lambda: announced(OURS) == ["capture"] or self._has_ended())
        except TimeoutError:
            print(self.said)
            raise
        print("SharpCam publishes" if self.code is None else f"SharpCam ended\n{self.said}")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if not self._has_ended():
            os.kill(self._child, signal.SIGINT)
            until(self._has_ended)
        if kind:
            print(self.said)

    def _has_ended(self) -> bool:
        if self.code is None:
            ended, status = os.waitpid(self._child, os.WNOHANG)
            if ended:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    @property
    def said(self) -> str:
        """What it wrote to stderr."""
        return LOG.read_text(errors="replace")


def _be_sharpcam(arguments: list[str]) -> NoReturn:
    """The child: what the `sharpcam` command does."""
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 2)
    sys.argv = ["sharpcam", *arguments]
    code = 1
    try:
        console()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def file(version: str, model: str, path: str) -> dict[str, Any]:
    """A file of numbered pictures, seen by one program after the other."""
    with loopback(version), SharpCam(model, path, "--loop") as program:
        seen = {name: _seen(name) for name in ("ffmpeg", "opencv", "v4l2-ctl")}
    return {"seen": seen, "code": program.code, "said": program.said}


def _seen(program: str) -> list[int | None]:
    reader = Reader(program, OURS)
    reader.number_from(0)  # before the camera there may be a standby picture
    numbers = reader.numbers(12)
    reader.stop()
    return numbers


def camera(version: str, model: str) -> dict[str, Any]:
    """A camera of numbered pictures: the module's other device."""
    with loopback(version), Feed(OTHER, per_second=PROMPT) as feed:
        source = OTHER.removeprefix("/dev/video")
        with SharpCam(model, source, "--size", f"{SIZE[0]}x{SIZE[1]}") as program:
            numbers = _seen("ffmpeg")
        sent = feed.sent
        feed.is_watched_by(0)
    return {"seen": numbers, "sent": sent, "code": program.code, "said": program.said}


def unplugged(version: str, model: str) -> dict[str, Any]:
    """The webcam goes away while somebody watches, and comes back."""
    size = 320, 180
    asked = ("--size", f"{size[0]}x{size[1]}")
    with loopback(version), webcam(), SharpCam(model, WEBCAM, *asked) as program:
        reader = Reader("v4l2-ctl", OURS, size)
        _moves(reader)
        UNBIND.write_text("vivid.0")
        gone = not Path(WEBCAM).exists()
        still = _stands_still(reader)
        BIND.write_text("vivid.0")
        moves = _moves(reader)
        reader.stop()
    told = {"gone": gone, "still": still, "moves": moves}
    return told | {"code": program.code, "said": program.said}


def on_demand(version: str, model: str) -> dict[str, Any]:
    """The webcam is open while somebody watches, and only then."""
    size = 320, 180
    asked = ("--size", f"{size[0]}x{size[1]}")
    with loopback(version), webcam(), SharpCam(model, WEBCAM, *asked) as program:
        for _ in range(2):
            until(lambda: not uses("vivid"))
            reader = Reader("v4l2-ctl", OURS, size)
            _moves(reader)
            during = uses("vivid")
            reader.stop()
        until(lambda: not uses("vivid"))
    return {"during": during, "code": program.code, "said": program.said}


def _moves(reader: Reader) -> bool:
    """Read on until each of five pictures differs from the one before."""
    return _streak(reader, same=False)


def _stands_still(reader: Reader) -> bool:
    """Read on until five pictures are the same."""
    return _streak(reader, same=True)


def _streak(reader: Reader, *, same: bool) -> bool:
    before, streak = reader.picture(), 0
    while streak < 5:
        picture = reader.picture()
        streak = streak + 1 if np.array_equal(picture, before) == same else 0
        before = picture
    return True
