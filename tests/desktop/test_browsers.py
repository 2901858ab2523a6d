"""`sharpcam run --sink pipewire` as a meeting sees it: Chromium and Firefox, through the portal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from browsers import CHROMIUM, FIREFOX, Shown, meet
from numbered import draw, read
from numpy.typing import NDArray
from session import Session, missing

from sharpcam.enhancer import load_enhancer
from sharpcam.profile import CameraProfile
from sharpcam.video import VideoReader
from sharpcam.video_writer import VideoWriter

pytestmark = pytest.mark.desktop

PROFILE = "1.2,1,0.2"
FRAMES, FPS = 60, 15
DISTINCT = 20
SMALL, LARGE = (640, 480), (1280, 720)


def needs(browser: str) -> None:
    if missing(browser):
        pytest.skip(f"needs {browser}: `make test` installs it")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[int, int]], Path]:
    """Makes a soft numbered clip of a size."""

    @cache
    def made(size: tuple[int, int]) -> Path:
        path = tmp_path_factory.mktemp("clip") / f"numbers-{size[0]}.mkv"
        background = soft_scene(size)
        with VideoWriter(path, *size, FPS) as video:
            for number in range(FRAMES):
                i420 = background.copy()
                draw(i420[: size[1]], number)
                video.write(i420, number / FPS)
        return path

    return made


def soft_scene(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Edges and letters out of focus: something to restore. I420."""
    width, height = size
    random = np.random.default_rng(3)
    luma = np.full((height, width), 120, np.uint8)
    for grey in random.integers(40, 210, 60).tolist():
        x, y, w, h = (int(v) for v in random.integers(0, size * 2) // (1, 1, 4, 4))
        cv2.rectangle(luma, (x, y), (x + w, y + h), grey, -1)
    for row in range(height // 5, height, 40):
        cv2.putText(luma, "a soft webcam" * 4, (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 230, 2)
    luma = cv2.GaussianBlur(luma, (0, 0), 1.2)
    return np.concatenate((luma, np.full((height // 2, width), 128, np.uint8)))


@contextmanager
def running(session: Session, source: Path) -> Iterator[None]:
    """The program itself, with the clip as its camera."""
    command = ["-m", "sharpcam", "-v", "run", "--source", str(source), "--loop"]
    command += ["--sink", "pipewire", "--profile", PROFILE]
    program = session.start(sys.executable, *command, stdin=subprocess.DEVNULL)
    session.wait_for_camera()
    yield
    session.stop(Path(sys.executable).name)
    assert program.returncode == 0, session.said(Path(sys.executable).name)


def distinct(shown: list[Shown]) -> set[int]:
    return {number for picture in shown if (number := read(picture.luma)) is not None}


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["480p", "720p"])
@pytest.mark.parametrize("browser", [CHROMIUM, FIREFOX])
def test_a_browser_lists_sharpcam_and_shows_its_pictures(
    desktop: Session, clip: Callable[[tuple[int, int]], Path], browser: str, size: tuple[int, int]
) -> None:
    needs(browser)
    with running(desktop, clip(size)):
        meeting = meet(desktop, browser, size, lambda shown: len(distinct(shown)) >= DISTINCT)
    assert meeting.names == ["SharpCam"]
    assert {picture.size for picture in meeting.shown} == {size}
    numbered = sum(read(picture.luma) is not None for picture in meeting.shown)
    assert numbered >= 0.9 * len(meeting.shown)  # a frame may be torn on a machine under load


def test_the_other_side_of_a_call_gets_the_sharpened_pictures(
    desktop: Session, clip: Callable[[tuple[int, int]], Path]
) -> None:
    needs(CHROMIUM)
    source = clip(SMALL)
    with running(desktop, source):
        meeting = meet(
            desktop, CHROMIUM, SMALL, lambda shown: len(distinct(shown)) >= DISTINCT, call=True
        )
    with VideoReader(source, as_camera=True) as video:
        soft = [i420[: SMALL[1]].copy() for i420, _ in video]
    enhancer = load_enhancer(None, threads=2)
    enhancer.set_profile(CameraProfile.parse(PROFILE))
    matched = [
        (picture.luma, soft[number])
        for picture in meeting.shown
        if (number := read(picture.luma)) is not None and picture.size == SMALL
    ]
    gains = [
        psnr(received, enhancer.enhance(original, 1.0)) - psnr(received, original)
        for received, original in matched[-DISTINCT:]
    ]
    enhancer.close()
    # What arrives went through a lossy codec, and is still nearer to ours than to the camera's.
    assert np.median(gains) > 1.0, gains


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    error = np.mean((first.astype(np.float32) - second) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
