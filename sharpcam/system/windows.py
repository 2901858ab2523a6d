"""Windows: DirectShow cameras; UnityCapture registered as SharpCam, or OBS's virtual camera.

DirectShow lists virtual cameras among the real ones, by the names they are registered under.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

# Media Foundation opens cameras in 4 to 20 seconds with its hardware transforms; OpenCV reads this
# when it first opens one.
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")

import cv2
from cv2_enumerate_cameras import enumerate_cameras

from sharpcam.system.commands import run
from sharpcam.system.info import (
    NAME,
    OBS_NAME,
    CameraFormat,
    CameraInfo,
    VirtualCameraInfo,
    VirtualCameraUse,
    is_virtual,
    to_camera,
)
from sharpcam.system.named_objects import NamedObjects
from sharpcam.system.obs import holder as obs_holder
from sharpcam.system.unitycapture import UnityCaptureWatch

CAMERA_BACKENDS = (cv2.CAP_DSHOW, cv2.CAP_MSMF)
DEFAULT_VIRTUAL_NAME = NAME
OBS_SOURCE = "Video Capture Device"
CAMERA_HINT = (
    "check Settings > Privacy > Camera, that desktop apps may use it, and that it is plugged in"
)
VIRTUAL_CAMERA_HINT = (
    f"register UnityCapture as {NAME} (sharpcam doctor says how), or get the camera of OBS: "
    "winget install OBSProject.OBSStudio"
)
BACKENDS: dict[str, type] = {}

_KNOWN = {
    NAME: ("unitycapture", NAME),
    "Unity Video Capture": ("unitycapture", "Unity Video Capture"),
    OBS_NAME: ("obs", OBS_NAME),
}
QUESTIONS = 6
"""To a camera of UnityCapture, over a third of a second: its readers ask every 0.2 s."""


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


def formats_of(camera: CameraInfo) -> tuple[CameraFormat, ...]:
    return ()  # only DirectShow's own objects tell


def stable_id(camera: CameraInfo) -> str:
    return f"{camera.usb_id} {camera.path}".strip()  # the path names the port


def use_of(camera: VirtualCameraInfo) -> VirtualCameraUse:
    watch = UnityCaptureWatch.of(camera.name) if camera.backend == "unitycapture" else None
    if not watch:
        return VirtualCameraUse(None)  # readers of OBS's camera tell nobody
    watchers = watch.watchers()
    for _ in range(QUESTIONS - 1):
        if watchers == 0:
            time.sleep(1 / 15)
            watchers = watch.watchers()
    return VirtualCameraUse(watchers)


def watch_of(camera: VirtualCameraInfo) -> Callable[[], int | None] | None:
    watch = UnityCaptureWatch.of(camera.name) if camera.backend == "unitycapture" else None
    return watch.watchers if watch else None


def holder_of(camera: VirtualCameraInfo) -> str:
    return obs_holder(NamedObjects(), run) if camera.backend == "obs" else ""


def has_screen() -> bool:
    return True


def users_of(path: str) -> list[str]:
    return []  # the system does not tell
