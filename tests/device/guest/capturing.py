"""Our side of a camera, with a real driver: what it is asked and what comes of it."""

from __future__ import annotations

import subprocess
from typing import Any

import cv2
import numpy as np
from devices import OTHER, WEBCAM, loopback, until, webcam
from numbered import read
from producing import announced

from sharpcam.camera import CameraSource
from sharpcam.frame import Frame
from sharpcam.system import CameraInfo

CODING = {
    "MJPG": ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj422p"),
    "YUYV": ("-c:v", "rawvideo", "-pix_fmt", "yuyv422"),
    "YU12": ("-c:v", "rawvideo", "-pix_fmt", "yuv420p"),
}
"""What FFmpeg is told for it."""


def opened(device: str, size: tuple[int, int]) -> CameraSource:
    index = int(device.removeprefix("/dev/video"))
    return CameraSource(CameraInfo(index, device, device, backend=cv2.CAP_V4L2), size)


def pictures(source: CameraSource, count: int) -> list[Frame]:
    """The next ones; all are held until the end, so that none may be written over."""
    return [frame for frame in (source.read() for _ in range(count)) if frame]


def camera(version: str, sends: str, path: str) -> dict[str, Any]:
    """A camera of a file's numbered pictures, which another program feeds in this format."""
    feeder = ("ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", path)
    with loopback(version):
        other = subprocess.Popen([*feeder, *CODING[sends], "-f", "v4l2", OTHER])
        until(lambda: announced(OTHER) == ["capture"])
        source = opened(OTHER, (320, 240))
        frames = pictures(source, 12)
        told = {
            "sent_as": source._unpacker.sent_as,
            "size": [source.width, source.height],
            "numbers": [read(frame.y) for frame in frames],
            "chroma": [round(float(np.mean(plane))) for plane in (frames[-1].u, frames[-1].v)],
        }
        source.close()
        other.kill()
        other.wait()
    return told


def webcam_by_bgr(size: tuple[int, int]) -> dict[str, Any]:
    """vivid has no MJPG, and OpenCV prefers its BGR to its YUYV."""
    with webcam():
        source = opened(WEBCAM, (size[0], size[1]))
        first, *later = pictures(source, 6)
        told = {
            "sent_as": source._unpacker.sent_as,
            "size": [source.width, source.height],
            "moves": any(not np.array_equal(first.y, frame.y) for frame in later),
        }
        source.close()
    return told
