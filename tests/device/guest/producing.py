"""Who may feed the virtual camera, how often, and what is said to those who may not."""

from __future__ import annotations

import os
import subprocess
from errno import errorcode
from fcntl import ioctl
from grp import getgrnam
from pathlib import Path
from pwd import getpwnam
from typing import Any

import numpy as np
import pyvirtualcam
from devices import OTHER, OURS, WEBCAM, loopback, until, webcam
from feeding import SIZE, Feed, opened
from numbered import picture, scene
from readers import Reader

from sharpcam.system.v4l2 import QUERYCAP, Capability, Kernel

FEEDER = (
    *("ffmpeg", "-v", "error", "-nostdin", "-re", "-f", "lavfi"),
    *("-i", "testsrc=size=320x240:rate=15", "-pix_fmt", "yuv420p", "-f", "v4l2"),
)
"""Another program that writes into the device named after it."""
REMOVE = 0x4C81
"""V4L2LOOPBACK_CTL_REMOVE of 0.13, which 0.15 knows too: what `v4l2loopback-ctl delete` does."""
OUR_NUMBER = int(OURS.removeprefix("/dev/video"))


def announced(device: str) -> list[str]:
    """What the device says it can do."""
    kernel, capability = Kernel(), Capability()
    descriptor = kernel.open(device)
    try:
        kernel.ioctl(descriptor, QUERYCAP, capability)
    finally:
        kernel.close(descriptor)
    kinds = {1: "capture", 2: "output"}
    return [kind for bit, kind in kinds.items() if capability.device_caps & bit]


def refusal(**arguments: Any) -> str:
    """What our writer says when it is opened like that and sends a picture; empty where it can."""
    camera = None
    try:
        camera = opened(**arguments)
        camera.send(scene(*arguments.get("size", SIZE)))
    except OSError as error:
        return str(error)
    finally:
        if camera:
            camera.close()
    return ""


def restarts(version: str) -> dict[str, Any]:
    """Our program ends and starts again, alone and while an app waits for pictures."""
    with loopback(version):
        states = [announced(OURS)]
        for first in (0, 1000):
            with Feed(first=first):
                states.append(announced(OURS))
            states.append(announced(OURS))
        with Feed(first=2000):
            reader = Reader("v4l2-ctl", OURS)
            seen = [reader.number_from(2000)]
        wrong_size = refusal(size=(640, 480))
        with Feed(first=3000) as feed:
            seen.append(reader.number_from(3000))
            feed.is_watched_by(1)  # it is asked after a picture was sent, and may not have been yet
            watched = feed.watched[-1]
            reader.stop()
            feed.is_watched_by(0)
    return {"states": states, "seen": seen, "wrong_size": wrong_size, "watched": watched}


def left_by_another(version: str) -> dict[str, Any]:
    """pyvirtualcam's own writer was there before us."""
    with loopback(version):
        frame = picture(1, scene(*SIZE)).reshape(-1)
        arguments = {"fmt": pyvirtualcam.PixelFormat.I420, "device": OURS}
        with pyvirtualcam.Camera(*SIZE, 30, backend="v4l2loopback", **arguments) as camera:
            camera.send(frame)
        left = announced(OURS)
        for _ in range(2):
            with Feed(first=5000):
                reader = Reader("ffmpeg", OURS)
                reader.picture()  # lapped while it starts, see PER_SECOND, it meets a later one
                numbers = reader.numbers(10)
                reader.stop()
        after = announced(OURS)
    return {"left": left, "numbers": numbers, "after": after}


def second_writer(version: str) -> dict[str, Any]:
    """Another program feeds the device; then we do, and it tries."""
    with loopback(version):
        other = subprocess.Popen([*FEEDER, OURS])
        until(lambda: announced(OURS) == ["capture"])
        reader = Reader("ffmpeg", OURS)
        reader.picture()
        refused = refusal()
        reader.picture()  # theirs goes on
        reader.stop()
        other.kill()
        other.wait()
        with Feed() as feed:
            reader = Reader("v4l2-ctl", OURS)
            reader.picture()  # likewise
            numbers = reader.numbers(5)
            intruder = subprocess.run(
                [*FEEDER, "-frames:v", "3", OURS], capture_output=True, text=True
            )
            numbers += reader.numbers(10)
            reader.stop()
    return {
        "refused": refused,
        "numbers": numbers,
        "intruder": intruder.returncode,
        "error": str(feed.error or ""),
    }


def refusals(version: str) -> dict[str, str]:
    """Whatever else can keep our writer from its device."""
    with loopback(version), webcam():
        said = {
            "missing": refusal(device="/dev/video77"),
            "webcam": refusal(device=WEBCAM),
            "size": refusal(size=(16384, 16)),
        }
        os.chown(OTHER, 0, getgrnam("video").gr_gid)
        reader, writer = os.pipe()
        if os.fork() == 0:
            try:
                os.setgroups([])
                os.setuid(getpwnam("nobody").pw_uid)
                os.write(writer, refusal(device=OTHER).encode())
            finally:
                os._exit(0)
        os.wait()
        said["permission"] = os.read(reader, 1000).decode()
    return said


def told(version: str) -> str:
    """What apps are told of our frame rate and our colours."""
    with loopback(version):
        camera = opened(fps=24.0)
        camera.send(np.zeros(SIZE[0] * SIZE[1] * 3 // 2, np.uint8))
        said = subprocess.run(
            ["v4l2-ctl", "-d", OURS, "--get-parm", "--get-fmt-video"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        camera.close()
    return said


def removed(version: str) -> dict[str, Any]:
    """Somebody takes our device away: while we feed it, and while nobody has it open."""
    with loopback(version):
        control = os.open("/dev/v4l2loopback", os.O_RDWR)
        with Feed() as feed:
            reader = Reader("v4l2-ctl", OURS)
            reader.picture()  # likewise
            numbers = reader.numbers(3)
            try:
                ioctl(control, REMOVE, OUR_NUMBER)
                while_fed = ""
            except OSError as error:
                while_fed = errorcode[error.errno or 0]
            numbers += reader.numbers(10)
            reader.stop()
        ioctl(control, REMOVE, OUR_NUMBER)
        os.close(control)
        until(lambda: not Path(OURS).exists())
        gone = refusal()
    return {
        "while_fed": while_fed,
        "numbers": numbers,
        "error": str(feed.error or ""),
        "gone": gone,
    }
