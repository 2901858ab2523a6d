"""A soft clip with numbers, and the program that plays it into PipeWire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numbered import draw
from numpy.typing import NDArray
from session import Session

from sharpcam.enhancer import load_enhancer
from sharpcam.profile import CameraProfile
from sharpcam.video import VideoReader
from sharpcam.video_writer import VideoWriter

PROFILE = "1.2,1,0.2"
FRAMES, FPS = 40, 15
ENGINE = "onnxruntime"
"""Asked for by name: where two are about as fast, each process may find another one the faster."""


def soft_scene(width: int, height: int) -> NDArray[np.uint8]:
    """Edges and letters out of focus, something to restore: I420, uint8 [H * 3 / 2, W]."""
    random = np.random.default_rng(3)
    luma = np.full((height, width), 120, np.uint8)
    for _ in range(60):
        x, y = int(random.integers(width)), int(random.integers(height))
        corner = x + int(random.integers(width // 4)), y + int(random.integers(height // 4))
        cv2.rectangle(luma, (x, y), corner, int(random.integers(40, 210)), -1)
    for row in range(height // 5, height, 40):
        cv2.putText(luma, "a soft webcam" * 4, (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 230, 2)
    luma = cv2.GaussianBlur(luma, (0, 0), 1.2)
    return np.concatenate((luma, np.full((height // 2, width), 128, np.uint8)))


def write_clip(path: Path, size: tuple[int, int]) -> Path:
    """`FRAMES` pictures, numbered from 0."""
    background = soft_scene(*size)
    with VideoWriter(path, *size, FPS) as video:
        for number in range(FRAMES):
            i420 = background.copy()
            draw(i420[: size[1]], number)
            video.write(i420, number / FPS)
    return path


def before_and_after(path: Path) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Every picture's luma, uint8 [H, W]: as the program reads it, and as it restores it."""
    enhancer = load_enhancer(None, threads=2, engine=ENGINE)
    enhancer.set_profile(CameraProfile.parse(PROFILE))
    with VideoReader(path, as_camera=True) as video:
        for i420, _ in video:
            soft = i420[: len(i420) * 2 // 3].copy()
            yield soft, enhancer.enhance(soft, 1.0)
    enhancer.close()


@contextmanager
def running(session: Session, source: Path) -> Iterator[None]:
    """The program itself, with a clip as its camera; it must end well."""
    command = ["-m", "sharpcam", "-v", "run", "--source", str(source), "--loop"]
    # Averages depend on the frames before, which a reader need not have been there for.
    command += ["--sink", "pipewire", "--profile", PROFILE, "--denoise", "off"]
    command += ["--engine", ENGINE]
    program = session.start(sys.executable, *command, stdin=subprocess.DEVNULL)
    name = Path(sys.executable).name
    try:
        session.wait_for_camera()
        yield
    finally:
        session.stop(name)
    assert program.returncode == 0, session.said(name)
    assert "Traceback" not in session.said(name)
