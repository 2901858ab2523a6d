"""Linux: Video4Linux through sysfs; v4l2loopback devices are found by their label."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import cv2
from cv2_enumerate_cameras import enumerate_cameras
from Xlib.display import Display
from Xlib.error import ConnectionClosedError, DisplayError

from sharpcam.system.info import NAME, CameraInfo, VirtualCameraInfo, to_camera

CAMERA_BACKENDS = (cv2.CAP_V4L2,)
CAMERA_HINT = "check that it is plugged in, and that you are in the group 'video'"
VIRTUAL_CAMERA_HINT = (
    "sudo apt install v4l2loopback-dkms, then "
    f"sudo modprobe v4l2loopback card_label={NAME} exclusive_caps=1"
)

SYSFS = Path("/sys/class/video4linux")
PROC = Path("/proc")


def cameras() -> list[CameraInfo]:
    virtual = {f"/dev/{node.name}" for node in _virtual_nodes()}
    found = [to_camera(camera) for camera in enumerate_cameras(cv2.CAP_V4L2)]
    return sorted(
        (camera for camera in found if camera.path not in virtual), key=lambda camera: camera.index
    )


def virtual_cameras() -> list[VirtualCameraInfo]:
    found = [
        VirtualCameraInfo("v4l2loopback", f"/dev/{node.name}", _label(node))
        for node in _virtual_nodes()
    ]
    return sorted(found, key=lambda camera: camera.name != NAME)  # ours first, else as listed


def _virtual_nodes() -> list[Path]:
    """Nodes without hardware behind them: sysfs keeps those below devices/virtual."""
    try:
        nodes = sorted(SYSFS.glob("video*"), key=lambda node: (len(node.name), node.name))
    except OSError:
        return []
    return [node for node in nodes if "virtual" in node.resolve().parts]


def _label(node: Path) -> str:
    try:
        return (node / "name").read_text(encoding="utf-8", errors="replace").strip() or node.name
    except OSError:
        return node.name


def users_of(path: str) -> list[str]:
    names = set()
    for process in PROC.glob("[0-9]*"):
        # Those of other users may not be looked into, and processes end meanwhile.
        with suppress(OSError):
            mine = int(process.name) == os.getpid()
            if not mine and any(fd.readlink() == Path(path) for fd in (process / "fd").iterdir()):
                names.add((process / "comm").read_text(errors="replace").strip())
    return sorted(names)


def has_screen() -> bool:
    # OpenCV's windows speak X11; under Wayland they need Xwayland, which sets DISPLAY. Being set is
    # not enough: where nobody answers, Qt would abort the whole process.
    if not os.environ.get("DISPLAY"):
        return False
    for _ in range(2):
        with suppress(ConnectionClosedError):  # a server may begin anew when its last user leaves
            try:
                Display().close()
            except (DisplayError, OSError):
                return False
            return True
    return False
