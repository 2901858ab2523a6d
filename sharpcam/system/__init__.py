"""Everything platform-specific; the rest of the program never asks which system it runs on.

Each system's module has the same names: BACKENDS, CAMERA_BACKENDS, CAMERA_HINT,
VIRTUAL_CAMERA_HINT, DEFAULT_VIRTUAL_NAME, OBS_SOURCE, cameras(), virtual_cameras(), has_screen(),
users_of(), formats_of(), stable_id(), use_of(), watch_of(), holder_of(). The doctor's checks() are
in modules of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from sharpcam.check import Check
from sharpcam.system.info import CameraFormat, CameraInfo, VirtualCameraInfo, VirtualCameraUse

if sys.platform == "win32":
    from sharpcam.system import windows as _host
    from sharpcam.system import windows_checks as _checks
elif sys.platform == "darwin":
    from sharpcam.system import macos as _host
    from sharpcam.system import macos_checks as _checks
else:
    from sharpcam.system import linux as _host
    from sharpcam.system import linux_checks as _checks

BACKENDS: dict[str, type] = _host.BACKENDS
"""Our own backends for pyvirtualcam, by name; besides its interface they have `watchers()`."""
CAMERA_BACKENDS: tuple[int, ...] = _host.CAMERA_BACKENDS
"""OpenCV's capture backends to try, best first."""
CAMERA_HINT: str = _host.CAMERA_HINT
"""What to check when a camera does not open."""
VIRTUAL_CAMERA_HINT: str = _host.VIRTUAL_CAMERA_HINT
"""What to do when there is no virtual camera."""
DEFAULT_VIRTUAL_NAME: str = _host.DEFAULT_VIRTUAL_NAME
"""What the virtual camera will be named once there is one."""
OBS_SOURCE: str = _host.OBS_SOURCE
"""What OBS Studio calls a source that is a camera."""


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


def formats_of(camera: CameraInfo) -> tuple[CameraFormat, ...]:
    """What the camera offers; empty where the system does not tell."""
    return _host.formats_of(camera)


def stable_id(camera: CameraInfo) -> str:
    """What stays the same when devices come and go: its USB id and the port that it hangs on."""
    return _host.stable_id(camera)


def use_of(camera: VirtualCameraInfo) -> VirtualCameraUse:
    """Who has a virtual camera open. May take a third of a second."""
    return _host.use_of(camera)


def watch_of(camera: VirtualCameraInfo) -> Callable[[], int | None] | None:
    """What tells how many watch, where the backend that writes cannot count; to be asked twice a
    second or more. None where nothing tells."""
    return _host.watch_of(camera)


def holder_of(camera: VirtualCameraInfo) -> str:
    """Who keeps a virtual camera from being fed by us, and what to do; empty where nobody is known
    to."""
    return _host.holder_of(camera)


def checks(cameras: list[CameraInfo], virtual: list[VirtualCameraInfo]) -> list[Check]:
    """What is right and wrong with this system; `cameras` and `virtual` as listed above."""
    return _checks.checks(cameras, virtual)


__all__ = [
    "BACKENDS",
    "CAMERA_BACKENDS",
    "CAMERA_HINT",
    "DEFAULT_VIRTUAL_NAME",
    "OBS_SOURCE",
    "VIRTUAL_CAMERA_HINT",
    "CameraFormat",
    "CameraInfo",
    "VirtualCameraInfo",
    "VirtualCameraUse",
    "cameras",
    "checks",
    "formats_of",
    "has_screen",
    "holder_of",
    "stable_id",
    "use_of",
    "users_of",
    "virtual_cameras",
    "watch_of",
]
