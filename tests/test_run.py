"""`sharpcam run` as a person starts it, with the bundled student and real clips."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import pyvirtualcam
from clips import SAMPLE
from fakes import FakeVirtualCamera, patient_timer
from mortal import skip_if_ignored
from numpy.typing import NDArray

from sharpcam import run, system
from sharpcam.assets import asset
from sharpcam.cli import main
from sharpcam.enhancer import load_enhancer
from sharpcam.profile import CameraProfile
from sharpcam.video import VideoReader

PROFILE = "1.2,1.5,0.3"


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No camera, no virtual camera, no screen; the current folder is empty."""
    monkeypatch.setattr(system, "cameras", list)
    monkeypatch.setattr(system, "virtual_cameras", list)
    monkeypatch.setattr(system, "has_screen", lambda: False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def virtual_camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeVirtualCamera]]:
    """A virtual camera of pyvirtualcam's, except that the last step goes into a list."""
    before = dict(pyvirtualcam.camera.BACKENDS)
    FakeVirtualCamera.opened = []
    pyvirtualcam.register_backend("fake", FakeVirtualCamera)
    listed = [system.VirtualCameraInfo("fake", "/dev/video9", "SharpCam")]
    monkeypatch.setattr(system, "virtual_cameras", lambda: listed)
    yield FakeVirtualCamera
    pyvirtualcam.camera.BACKENDS.clear()
    pyvirtualcam.camera.BACKENDS.update(before)


def frames_of(path: Path) -> list[tuple[NDArray[np.uint8], float]]:
    with VideoReader(path) as video:
        return list(video)


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    error = np.mean((first.astype(np.float64) - second) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def test_a_clip_comes_out_frame_by_frame_as_the_student_restores_it(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    command = ["run", "--source", str(SAMPLE), "--sink", str(out), "--profile", PROFILE]
    assert main(command) == 0
    enhancer = load_enhancer(None, threads=2)
    enhancer.set_profile(CameraProfile.parse(PROFILE))
    before, after = frames_of(SAMPLE), frames_of(out)
    assert len(after) == len(before) > 50
    for (original, seconds), (written, written_seconds) in zip(before, after, strict=True):
        assert written_seconds == pytest.approx(seconds, abs=2e-3)
        height = original.shape[0] * 2 // 3
        restored = original.copy()
        restored[:height] = enhancer.enhance(original[:height], 1.0)
        # H.264 at CRF 18 loses a little; far less than the restoration changed.
        assert psnr(written[:height], restored[:height]) > 38
        assert psnr(written[:height], restored[:height]) > psnr(written[:height], original[:height])
        assert psnr(written[height:], original[height:]) > 38


def test_enhance_and_run_make_the_same_video(tmp_path: Path) -> None:
    live, batch = tmp_path / "live.mp4", tmp_path / "batch.mp4"
    profile = ["--profile", PROFILE]
    assert main(["run", "--source", str(SAMPLE), "--sink", str(live), *profile]) == 0
    assert main(["enhance", str(SAMPLE), "-o", str(batch), *profile]) == 0
    for (first, _), (second, _) in zip(frames_of(live), frames_of(batch), strict=True):
        assert psnr(first, second) > 45


def test_switched_off_the_clip_only_goes_through_the_codec(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    assert main(["run", "--source", str(SAMPLE), "--sink", str(out), "--off"]) == 0
    for (original, _), (written, _) in zip(frames_of(SAMPLE), frames_of(out), strict=True):
        assert psnr(original, written) > 40


def test_on_a_bare_machine_the_clip_is_recorded_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--seconds", "1"]) == 0
    (recording,) = tmp_path.iterdir()
    said = capsys.readouterr().err
    assert "No camera found: playing the bundled clip.\n" in said
    assert f"No virtual camera found: recording before and after to {recording.name}.\n" in said
    frames = frames_of(recording)
    assert frames[0][0].shape == (720, 1280)  # two pictures of 640 x 480
    assert f"{len(frames)} frames in" in said
    assert re.search(r"[\d.]+ FPS, 0 dropped\n", said)
    assert re.search(r"added delay [\d.]+ ms \(p95 [\d.]+\)\n", said)
    assert re.search(r"decode .* enhance .* send ", said)


def test_with_a_virtual_camera_the_clip_plays_into_it_until_the_end_of_time(
    virtual_camera: type[FakeVirtualCamera], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VideoReader(asset("samples/soft.mkv"), as_camera=True) as video:
        clip = list(video)
    # A machine under load drops frames, but what it sends is the clip, bit-exact and in order.
    places = {i420.tobytes(): index for index, (i420, _) in enumerate(clip)}
    sent: list[int] = []

    def beginnings() -> int:
        """How often it has begun again."""
        for camera in virtual_camera.opened:
            sent.extend(places[frame.tobytes()] for frame in camera.frames[len(sent) :])
        return sum(later < earlier for earlier, later in pairwise(sent))

    monkeypatch.setattr(run, "Timer", patient_timer(beginnings))
    seconds = clip[-1][1] + 1.5  # longer than the clip
    assert main(["run", "--seconds", str(seconds), "--off"]) == 0
    (camera,) = virtual_camera.opened
    assert (camera.width, camera.height, camera.closed) == (640, 480, 1)
    assert beginnings() == 1
    assert len(sent) == len(camera.frames)
    assert list(tmp_path.iterdir()) == []


def test_two_virtual_cameras_show_the_same_picture_at_once(
    virtual_camera: type[FakeVirtualCamera], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("fake-loopback", "fake-pipewire", "fake-loopback")
    for name in names:
        pyvirtualcam.register_backend(name, FakeVirtualCamera)
    listed = [system.VirtualCameraInfo(name, f"/dev/{i}", name) for i, name in enumerate(names)]
    monkeypatch.setattr(system, "virtual_cameras", lambda: listed)
    opened = virtual_camera.opened
    monkeypatch.setattr(run, "Timer", patient_timer(lambda: len(opened) == 2 and opened[1].frames))
    assert main(["run", "--sink", "loopback,pipewire", "--seconds", "0.5"]) == 0
    first, second = virtual_camera.opened
    assert (first.name, second.name) == ("/dev/0", "/dev/1")
    assert len(first.frames) == len(second.frames) > 0
    for shown, same in zip(first.frames, second.frames, strict=True):
        np.testing.assert_array_equal(shown, same)
    assert (first.closed, second.closed) == (1, 1)


def test_a_picture_is_a_camera_in_front_of_a_still_scene(
    virtual_camera: type[FakeVirtualCamera], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2

    opened = virtual_camera.opened
    monkeypatch.setattr(run, "Timer", patient_timer(lambda: opened and len(opened[0].frames) > 1))

    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 256, (121, 161, 3), np.uint8))
    assert main(["run", "--source", str(path), "--sink", "virtual", "--seconds", "0.5"]) == 0
    (camera,) = virtual_camera.opened
    assert (camera.width, camera.height) == (160, 120)
    assert len(camera.frames) >= 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "missing.mp4"], "missing.mp4 does not exist"),
        (["--source", "No Such Camera"], "there is no camera 'No Such Camera'"),
        (["--source", "camera"], "no camera was found"),
        (["--source", "empty.mp4"], "is empty"),
        (["--source", "noise.mp4"], "cannot read"),
        (["--source", "noise.png"], "damaged"),
        (["--source", "."], "is a folder"),
        (["--source", "demo", "--sink", "there.mp4"], "exists already"),
        (["--source", "demo", "--sink", "no/such/folder.mp4"], "cannot write"),
        (["--source", "demo", "--sink", "out.gif"], "unknown sink"),
        (["--source", "demo", "--sink", "virtual"], "no virtual camera can be opened"),
        (["--source", "demo", "--model", "noise.png", "--sink", "null"], "noise.png"),
        (["--source", "demo", "--profile", "soft", "--sink", "null"], "not a camera profile"),
    ],
)
def test_what_cannot_work_is_said_in_one_line_with_a_hint(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(2).bytes(4000)
    for name, data in (("empty.mp4", b""), ("noise.mp4", noise), ("noise.png", noise)):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "there.mp4").write_bytes(b"mine")
    before = sorted(tmp_path.iterdir())
    assert main(["run", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "\n  hint: " in error
    assert "Traceback" not in error
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"


def test_the_output_may_not_be_the_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "clip.mkv"
    clip.write_bytes(SAMPLE.read_bytes())
    assert main(["run", "--source", str(clip), "--sink", str(clip), "--overwrite"]) == 1
    assert "is the input itself" in capsys.readouterr().err
    assert clip.read_bytes() == SAMPLE.read_bytes()


def test_names_are_shown_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, folder = tmp_path / ":smile: [red].mkv", tmp_path / "["
    source.write_bytes(SAMPLE.read_bytes())
    folder.mkdir()
    out = folder / "].mkv"  # together a closing tag for a console that reads markup
    assert main(["run", "--source", str(source), "--sink", str(out), "--off"]) == 0
    assert f":smile: [red].mkv (640x480) to {out}, with" in capsys.readouterr().err


@contextmanager
def ending(program: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Whatever a test finds, the program ends with it."""
    with program:
        try:
            yield program
        finally:
            program.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_an_endless_run_and_the_recording_is_whole(name: str, tmp_path: Path) -> None:
    skip_if_ignored(name)
    out = tmp_path / "out.mp4"
    command = ["-v", "run", "--source", str(SAMPLE), "--loop", "--sink", str(out)]
    with ending(
        subprocess.Popen(
            [sys.executable, "-m", "sharpcam", *command], stderr=subprocess.PIPE, text=True
        )
    ) as program:
        assert program.stderr
        for line in program.stderr:
            if "sharpening" in line:
                break
        program.send_signal(getattr(signal, name))
        rest = program.communicate(timeout=60)[1]
    assert program.returncode == 0, rest
    assert "added delay" in rest
    assert "Traceback" not in rest
    assert len(frames_of(out)) >= 1
