"""macOS: AVFoundation cameras; the camera extension of OBS 30 or newer carries our picture."""

from __future__ import annotations

from pathlib import Path

import cv2
from cv2_enumerate_cameras import enumerate_cameras

from sharpcam.system.info import CameraInfo, VirtualCameraInfo, is_virtual, to_camera

CAMERA_BACKENDS = (cv2.CAP_AVFOUNDATION,)
CAMERA_HINT = "check System Settings > Privacy & Security > Camera, and that it is plugged in"
VIRTUAL_CAMERA_HINT = (
    "install OBS Studio 30 or newer in Applications, start and stop its virtual camera once, "
    "and allow it in System Settings > General > Login Items & Extensions"
)

OBS = Path("/Applications/OBS.app")
OBS_NAME = "OBS Virtual Camera"


def cameras() -> list[CameraInfo]:
    found = [to_camera(camera) for camera in enumerate_cameras(cv2.CAP_AVFOUNDATION)]
    return [camera for camera in found if not is_virtual(camera.name)]


def virtual_cameras() -> list[VirtualCameraInfo]:
    listed = any(camera.name == OBS_NAME for camera in enumerate_cameras(cv2.CAP_AVFOUNDATION))
    return [VirtualCameraInfo("obs", OBS_NAME, OBS_NAME)] if listed or OBS.is_dir() else []


def has_screen() -> bool:
    return True


def users_of(path: str) -> list[str]:
    return []  # the system does not tell
