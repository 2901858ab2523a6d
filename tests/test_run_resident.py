"""`sharpcam run` from a camera to a virtual camera, both made up, with the bundled student."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvirtualcam
from fakes import CountingVirtualCamera, FakeSource, FakeVirtualCamera, patient_timer

from sharpcam import demand, opening, run, supply, system
from sharpcam.cli import main
from sharpcam.run import describe
from sharpcam.standby import standby_picture
from sharpcam.status import State, Status

CAMERA = system.CameraInfo(0, "Acme HD", "/dev/video0", "1234:5678", 200)
ASKED = ["--size", "640x480", "--off"]
TESTS = Path(__file__).parent


class FakeCamera(FakeSource):
    """Stands in for CameraSource: 320 x 240, whatever is asked for."""

    opened: list[FakeCamera] = []  # noqa: RUF012 - reset by the fixture that plugs it in

    def __init__(self, camera: system.CameraInfo, size: tuple[int, int], fps: float) -> None:
        super().__init__(10**9, live=True, size=(320, 240), before=lambda index: time.sleep(0.005))
        self.name, self.asked = camera.name, (size, fps)
        self.opened.append(self)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A camera and a virtual camera that can count; nobody watches."""
    before = dict(pyvirtualcam.camera.BACKENDS)
    FakeVirtualCamera.opened, FakeCamera.opened = [], []
    monkeypatch.setattr(CountingVirtualCamera, "watching", 0)
    listed = [system.VirtualCameraInfo("fake", "/dev/video9", "SharpCam 2")]
    monkeypatch.setattr(system, "cameras", lambda: [CAMERA])
    monkeypatch.setattr(system, "virtual_cameras", lambda: listed)
    monkeypatch.setattr(opening, "CameraSource", FakeCamera)
    monkeypatch.setattr(demand, "ON_SECONDS", 0.0)
    monkeypatch.setattr(supply, "JOIN_SECONDS", 60.0)  # however slow the machine is
    pyvirtualcam.register_backend("fake", CountingVirtualCamera)
    yield
    pyvirtualcam.camera.BACKENDS.clear()
    pyvirtualcam.camera.BACKENDS.update(before)


def test_while_nobody_watches_the_virtual_camera_is_there_and_the_camera_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "--seconds", "0.3", *ASKED]) == 0
    (virtual,) = FakeVirtualCamera.opened
    assert (virtual.width, virtual.height, virtual.rate, virtual.closed) == (640, 480, 30.0, 1)
    assert FakeCamera.opened == []
    *shown, last = virtual.frames
    for sent, words in (*((sent, "Starting") for sent in shown), (last, "")):
        np.testing.assert_array_equal(sent.reshape(720, 640), standby_picture((640, 480), words))
    assert shown
    said = capsys.readouterr().err
    assert said.startswith("In the meeting app, choose the camera SharpCam 2.\n")
    assert "cannot tell" not in said
    assert "Acme HD (640x480) to SharpCam 2" in said
    assert "0 frames" in said


def has_read() -> bool:
    """Whether the camera is on, and some pictures came from it."""
    return any(camera.reads > 3 for camera in FakeCamera.opened)


def test_while_somebody_watches_the_camera_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountingVirtualCamera, "watching", 1)
    monkeypatch.setattr(run, "Timer", patient_timer(has_read))
    assert main(["run", "--seconds", "1", "--fps", "15", *ASKED]) == 0
    (camera,) = FakeCamera.opened
    assert camera.asked == ((640, 480), 15.0)
    assert camera.closed == 1
    assert camera.reads > 3


def test_the_camera_can_be_kept_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Timer", patient_timer(has_read))
    assert main(["run", "--always-on", "--seconds", "1", *ASKED]) == 0
    assert len(FakeCamera.opened) == 1
    assert "cannot tell" not in capsys.readouterr().err


def test_where_watchers_cannot_be_counted_the_camera_stays_on_and_that_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Timer", patient_timer(has_read))
    pyvirtualcam.camera.BACKENDS["fake"] = FakeVirtualCamera
    assert main(["run", "--seconds", "1", *ASKED]) == 0
    assert len(FakeCamera.opened) == 1
    assert "SharpCam 2 cannot tell whether anybody watches: the camera stays on.\n" in (
        capsys.readouterr().err
    )


def test_the_line_says_what_is_going_on() -> None:
    idle = Status(State.STANDBY, "nobody watches, camera off", source="Acme", watchers=0)
    assert describe(idle).startswith("standby (nobody watches, camera off): Acme")
    assert "watching" not in describe(idle)
    seen = Status(State.SHARPENING, fps=30.0, camera_fps=15.0, watchers=2)
    assert "30.0 FPS, camera 15.0 FPS" in describe(seen)
    assert "2 watching" in describe(seen)


HANGING = """
import sys, threading
from fakes import CountingVirtualCamera, FakeSource
import pyvirtualcam
from sharpcam import cli, opening, system

def hang(index):
    print("hanging", flush=True)
    threading.Event().wait()

class Camera(FakeSource):
    def __init__(self, camera, size, fps):
        super().__init__(9, live=True, before=hang)

CountingVirtualCamera.watching = 1
pyvirtualcam.register_backend("fake", CountingVirtualCamera)
system.cameras = lambda: [system.CameraInfo(0, "Acme", "/dev/video0", "", 200)]
system.virtual_cameras = lambda: [system.VirtualCameraInfo("fake", None, "SharpCam")]
opening.CameraSource = Camera
sys.exit(cli.main(["run"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_ctrl_c_ends_the_process_though_the_cameras_driver_hangs() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
    ) as program:
        assert program.stdout
        assert program.stdout.readline() == "hanging\n"
        start = time.monotonic()
        program.send_signal(signal.SIGINT)
        rest = program.communicate(timeout=60)[1]
        print("ended after", time.monotonic() - start, "seconds")
    assert program.returncode == 0, rest
    assert "left behind" in rest
