"""Everything platform-specific; the rest of the program never asks which system it runs on.

Each system's module has the same names: CAMERA_BACKENDS, CAMERA_HINT, VIRTUAL_CAMERA_HINT,
cameras(), virtual_cameras(), has_screen(), users_of().
"""

from __future__ import annotations

import sys

from sharpcam.system.info import CameraInfo, VirtualCameraInfo

if sys.platform == "win32":
    from sharpcam.system import windows as _host
elif sys.platform == "darwin":
    from sharpcam.system import macos as _host
else:
    from sharpcam.system import linux as _host

CAMERA_BACKENDS: tuple[int, ...] = _host.CAMERA_BACKENDS
"""OpenCV's capture backends to try, best first."""
CAMERA_HINT: str = _host.CAMERA_HINT
"""What to check when a camera does not open."""
VIRTUAL_CAMERA_HINT: str = _host.VIRTUAL_CAMERA_HINT
"""What to do when there is no virtual camera."""


def cameras() -> list[CameraInfo]:
    """The physical cameras, in the order of the system; virtual ones are left out."""
    return _host.cameras()


def virtual_cameras() -> list[VirtualCameraInfo]:
    """The virtual cameras that can be written to, the best one first."""
    return _host.virtual_cameras()


def has_screen() -> bool:
    """Whether a window could be shown."""
    return _host.has_screen()


def users_of(path: str) -> list[str]:
    """The names of other programs that have the device open; empty where nobody can tell."""
    return _host.users_of(path) if path else []


__all__ = [
    "CAMERA_BACKENDS",
    "CAMERA_HINT",
    "VIRTUAL_CAMERA_HINT",
    "CameraInfo",
    "VirtualCameraInfo",
    "cameras",
    "has_screen",
    "users_of",
    "virtual_cameras",
]
