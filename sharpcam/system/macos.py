"""macOS: AVFoundation cameras; the camera extension of OBS 30 or newer carries our picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
from cv2_enumerate_cameras import enumerate_cameras

from sharpcam.system.commands import run
from sharpcam.system.info import (
    OBS_NAME,
    CameraFormat,
    CameraInfo,
    VirtualCameraInfo,
    VirtualCameraUse,
    is_virtual,
    to_camera,
)

CAMERA_BACKENDS = (cv2.CAP_AVFOUNDATION,)
DEFAULT_VIRTUAL_NAME = OBS_NAME
OBS_SOURCE = "Video Capture Device"
CAMERA_HINT = "check System Settings > Privacy & Security > Camera, and that it is plugged in"
VIRTUAL_CAMERA_HINT = (
    "install OBS Studio 30 or newer in Applications, start and stop its virtual camera once, "
    "and allow it in System Settings > General > Login Items & Extensions"
)
BACKENDS: dict[str, type] = {}

OBS = Path("/Applications/OBS.app")


def cameras() -> list[CameraInfo]:
    found = [to_camera(camera) for camera in enumerate_cameras(cv2.CAP_AVFOUNDATION)]
    return [camera for camera in found if not is_virtual(camera.name)]


def virtual_cameras() -> list[VirtualCameraInfo]:
    listed = any(camera.name == OBS_NAME for camera in enumerate_cameras(cv2.CAP_AVFOUNDATION))
    return [VirtualCameraInfo("obs", OBS_NAME, OBS_NAME)] if listed or OBS.is_dir() else []


def formats_of(camera: CameraInfo) -> tuple[CameraFormat, ...]:
    return ()  # only AVFoundation's own objects tell


def stable_id(camera: CameraInfo) -> str:
    return f"{camera.usb_id} {camera.path}".strip()  # AVFoundation's unique id


def use_of(camera: VirtualCameraInfo) -> VirtualCameraUse:
    return VirtualCameraUse(None)  # OBS's extension tells nobody


def watch_of(camera: VirtualCameraInfo) -> Callable[[], int | None] | None:
    return None


def holder_of(camera: VirtualCameraInfo) -> str:
    answer = run("pgrep", "-x", "OBS")
    if answer and answer.code == 0:
        return f"OBS Studio (process {answer.text}) may feed it: choose Stop Virtual Camera there"
    return ""


def has_screen() -> bool:
    return True


def users_of(path: str) -> list[str]:
    return []  # the system does not tell
