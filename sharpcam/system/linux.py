"""Linux: Video4Linux through sysfs; v4l2loopback devices are found by their label, and PipeWire by
its socket."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
from cv2_enumerate_cameras import enumerate_cameras
from Xlib.display import Display
from Xlib.error import ConnectionClosedError, DisplayError

from sharpcam.system import libpipewire
from sharpcam.system.camera_formats import offered
from sharpcam.system.info import (
    NAME,
    CameraFormat,
    CameraInfo,
    VirtualCameraInfo,
    VirtualCameraUse,
    to_camera,
)
from sharpcam.system.pipewire import PipeWireCamera
from sharpcam.system.processes import openers_of
from sharpcam.system.v4l2loopback import LoopbackCamera

CAMERA_BACKENDS = (cv2.CAP_V4L2,)
DEFAULT_VIRTUAL_NAME = NAME
OBS_SOURCE = "Video Capture Device (V4L2)"
CAMERA_HINT = "check that it is plugged in, and that you are in the group 'video'"
VIRTUAL_CAMERA_HINT = (
    "sudo apt install v4l2loopback-dkms, then "
    f"sudo modprobe v4l2loopback card_label={NAME} exclusive_caps=1; "
    f"or, for browsers and OBS alone, {libpipewire.DAEMON_HINT}"
)

LOOPBACK, PIPEWIRE = "sharpcam-v4l2loopback", "pipewire"
BACKENDS: dict[str, type] = {LOOPBACK: LoopbackCamera, PIPEWIRE: PipeWireCamera}

UNLABELLED = "Dummy video device"
"""v4l2loopback's own label, where nobody has given one."""
SYSFS = Path("/sys/class/video4linux")


def cameras() -> list[CameraInfo]:
    virtual = {f"/dev/{node.name}" for node in _virtual_nodes()}
    found = [to_camera(camera) for camera in enumerate_cameras(cv2.CAP_V4L2)]
    return sorted(
        (camera for camera in found if camera.path not in virtual), key=lambda camera: camera.index
    )


def virtual_cameras() -> list[VirtualCameraInfo]:
    found = [_loopback(node) for node in _virtual_nodes()]
    if libpipewire.available():  # late: a meeting app that is no browser sees v4l2loopback only
        found.append(VirtualCameraInfo(PIPEWIRE, NAME, NAME))
    # Ours first, else as listed; the node of PipeWire has our name too.
    found.sort(key=lambda it: (it.foreign, it.backend == PIPEWIRE, it.name != NAME))
    return found


def _loopback(node: Path) -> VirtualCameraInfo:
    """A label that somebody chose says whose device it is: OBS Studio, for one, would not get into
    its own any more."""
    label = _label(node)
    ours = label.casefold() == NAME.casefold() or label.startswith((UNLABELLED, node.name))
    return VirtualCameraInfo(LOOPBACK, f"/dev/{node.name}", label, foreign=not ours)


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
    return sorted({user.name for user in openers_of(path) if user.pid != os.getpid()})


def formats_of(camera: CameraInfo) -> tuple[CameraFormat, ...]:
    return offered(camera.path)


def stable_id(camera: CameraInfo) -> str:
    node = SYSFS / Path(camera.path).name / "device"
    port = node.resolve().name if node.exists() else camera.path  # like 1-2:1.0
    return f"{camera.usb_id} {port}".strip()


def use_of(camera: VirtualCameraInfo) -> VirtualCameraUse:
    if not (camera.device or "").startswith("/dev/"):
        return VirtualCameraUse(None)
    users = openers_of(camera.device or "")
    programs = tuple(str(user) for user in users if not user.is_sharpcam)
    return VirtualCameraUse(len(programs), programs)


def watch_of(camera: VirtualCameraInfo) -> Callable[[], int | None] | None:
    return None  # what is ours counts, and nobody can for others


def holder_of(camera: VirtualCameraInfo) -> str:
    programs = use_of(camera).programs
    return f"open in {', '.join(programs)}: end whichever feeds it" if programs else ""


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
