"""Everything platform-specific; the rest of the program never asks which system it runs on.

Each system's module has the same names: BACKENDS, CAMERA_BACKENDS, CAMERA_HINT,
VIRTUAL_CAMERA_HINT, cameras(), virtual_cameras(), has_screen().
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

BACKENDS: dict[str, type] = _host.BACKENDS
"""Our own backends for pyvirtualcam, by name; besides its interface they have `watchers()`."""
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


__all__ = [
    "BACKENDS",
    "CAMERA_BACKENDS",
    "CAMERA_HINT",
    "VIRTUAL_CAMERA_HINT",
    "CameraInfo",
    "VirtualCameraInfo",
    "cameras",
    "has_screen",
    "virtual_cameras",
]
