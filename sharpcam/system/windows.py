"""Windows: DirectShow cameras; UnityCapture registered as SharpCam, or OBS's virtual camera.

DirectShow lists virtual cameras among the real ones, by the names they are registered under.
"""

from __future__ import annotations

import os

# Media Foundation opens cameras in 4 to 20 seconds with its hardware transforms; OpenCV reads this
# when it first opens one.
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")

import cv2
from cv2_enumerate_cameras import enumerate_cameras

from sharpcam.system.info import NAME, CameraInfo, VirtualCameraInfo, is_virtual, to_camera

CAMERA_BACKENDS = (cv2.CAP_DSHOW, cv2.CAP_MSMF)
CAMERA_HINT = (
    "check Settings > Privacy > Camera, that desktop apps may use it, and that it is plugged in"
)
VIRTUAL_CAMERA_HINT = f"register UnityCapture as {NAME}, or install OBS Studio for its camera"

_KNOWN = {
    NAME: ("unitycapture", NAME),
    "Unity Video Capture": ("unitycapture", "Unity Video Capture"),
    "OBS Virtual Camera": ("obs", "OBS Virtual Camera"),
}


def cameras() -> list[CameraInfo]:
    # The index is DirectShow's; Media Foundation counts in another order.
    found = [to_camera(camera) for camera in enumerate_cameras(cv2.CAP_DSHOW)]
    return [camera for camera in found if not is_virtual(camera.name)]


def virtual_cameras() -> list[VirtualCameraInfo]:
    listed = {camera.name for camera in enumerate_cameras(cv2.CAP_DSHOW)}
    return [
        VirtualCameraInfo(backend, device, name)
        for name, (backend, device) in _KNOWN.items()
        if name in listed
    ]


def has_screen() -> bool:
    return True


def users_of(path: str) -> list[str]:
    return []  # the system does not tell
