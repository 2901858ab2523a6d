"""What the systems' modules tell about devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A physical camera as the system lists it."""

    index: int
    """What OpenCV's backend opens it by; changes when devices come and go."""
    name: str
    path: str = ""
    """Where the system has it: /dev/video0, or a device path; may be empty."""
    usb_id: str = ""
    """Vendor and product, like 046d:0825; empty where unknown or not on USB."""
    backend: int = 0
    """OpenCV's capture backend that the index belongs to; 0 where any will do."""


@dataclass(frozen=True, slots=True)
class VirtualCameraInfo:
    """A virtual camera that pyvirtualcam can write to."""

    backend: str
    """pyvirtualcam's backend: unitycapture, obs, or ours: sharpcam-v4l2loopback, pipewire."""
    device: str | None
    """What pyvirtualcam opens it by; None where the backend has only one."""
    name: str
    """What the meeting app lists it as."""
    foreign: bool = False
    """Another product's, to be written to only when a person names it."""


@dataclass(frozen=True, slots=True)
class VirtualCameraUse:
    """Who has a virtual camera open, SharpCam left out."""

    watchers: int | None
    """At least so many programs; None where the system does not tell."""
    programs: tuple[str, ...] = ()
    """Their names, where the system tells them."""


@dataclass(frozen=True, slots=True)
class FrameSize:
    """A size that a camera offers in one of its formats."""

    width: int
    height: int
    fps: tuple[float, ...] = ()
    """Rates, the highest first; empty where the camera does not tell."""


@dataclass(frozen=True, slots=True)
class CameraFormat:
    """A pixel format that a camera offers."""

    name: str
    """Four characters, like MJPG or YUYV."""
    compressed: bool
    sizes: tuple[FrameSize, ...]


NAME = "SharpCam"
"""Our virtual camera's name, where the system lets us choose it."""

OBS_NAME = "OBS Virtual Camera"
"""The virtual camera of OBS Studio, whose name is fixed."""

VIRTUAL_NAMES = ("sharpcam", "virtual", "unity video capture", "manycam", "xsplit", "snap camera")
"""Parts of the names of other programs' virtual cameras, which are no source by default."""


def is_virtual(name: str) -> bool:
    """Whether a camera of this name is software, ours included."""
    return any(part in name.lower() for part in VIRTUAL_NAMES)


def to_camera(found: Any) -> CameraInfo:
    """From cv2_enumerate_cameras' CameraInfo."""
    known = found.vid is not None and found.pid is not None
    usb_id = f"{found.vid:04x}:{found.pid:04x}" if known else ""
    name = found.name or f"camera {found.index}"
    return CameraInfo(found.index, name, found.path or "", usb_id, found.backend)
