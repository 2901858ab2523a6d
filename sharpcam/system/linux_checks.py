"""Linux checks: the system, the cameras and who has them; then the virtual camera, the desktop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from sharpcam.check import Check, ok, problem, unknown
from sharpcam.system.info import CameraFormat, CameraInfo, VirtualCameraInfo
from sharpcam.system.linux_desktop import desktop_checks
from sharpcam.system.linux_host import LinuxHost
from sharpcam.system.linux_loopback import loopback_checks
from sharpcam.system.processes import Process

MEDIA_SERVERS = ("pipewire", "wireplumber")
"""They keep cameras open for others, and share them with nobody who goes past them."""


def checks(cameras: list[CameraInfo], virtual: list[VirtualCameraInfo]) -> list[Check]:
    return check_host(LinuxHost(), cameras, virtual)


def check_host(
    host: LinuxHost, cameras: list[CameraInfo], virtual: list[VirtualCameraInfo]
) -> list[Check]:
    """All checks of a Linux system, in the order in which people need them."""
    return [
        ok("system", _system(host)),
        *_permissions(host, cameras, virtual),
        *(_busy(host, camera) for camera in cameras),
        *(_formats(host, camera) for camera in cameras),
        *loopback_checks(host, virtual),
        *desktop_checks(host),
    ]


def _system(host: LinuxHost) -> str:
    name = host.release().get("PRETTY_NAME", "Linux")
    session = host.environ.get("XDG_SESSION_TYPE") or "no graphical"
    desktop = host.environ.get("XDG_CURRENT_DESKTOP", "")
    where = " in a Flatpak" if host.path("/.flatpak-info").exists() else ""
    return f"{name}, kernel {host.kernel}, {session} session {desktop}".rstrip() + where


def _permissions(
    host: LinuxHost, cameras: list[CameraInfo], virtual: list[VirtualCameraInfo]
) -> Iterator[Check]:
    name = "access to the devices"
    paths = [camera.path for camera in cameras] + [camera.device or "" for camera in virtual]
    devices = [path for path in paths if path.startswith("/dev/")]
    closed = [device for device in devices if not host.may_open(device)]
    if not devices:
        yield unknown(name, "there is no /dev/video* to try")
    elif not closed:
        yield ok(name, f"may read and write {', '.join(devices)}")
    else:
        detail = f"may not read and write {', '.join(closed)}"
        number, members = _video_group(host)
        if host.user in members and number not in host.group_ids():
            detail += "; you have joined the group 'video' since you logged in"
            hint = "log out and in again"
        else:
            hint = f"sudo usermod -aG video {host.user}, then log out and in again"
        yield problem(name, detail, hint, blocks=True)


def _video_group(host: LinuxHost) -> tuple[int, list[str]]:
    for line in (host.read("/etc/group") or "").splitlines():
        fields = line.split(":")
        if fields[0] == "video" and len(fields) == 4 and fields[2].isdecimal():
            return int(fields[2]), fields[3].split(",")
    return -1, []


def _busy(host: LinuxHost, camera: CameraInfo) -> Check:
    name = f"use of {camera.name}"
    users = host.users_of(camera.path)
    others = [user for user in users if not user.is_sharpcam]
    if blocking := [user for user in others if user.name not in MEDIA_SERVERS]:
        return problem(
            name,
            f"{camera.path} is in use by {_named(blocking)}",
            "close it, or let it use the virtual camera instead",
        )
    if others:
        return ok(
            name,
            f"{camera.path} is held by {_named(others)}",
            "where it does not open: end what shows its picture, or "
            "systemctl --user restart wireplumber",
        )
    if users:
        return ok(name, f"SharpCam has {camera.path} open")
    seen = "" if host.is_root else " that is yours (those of other users cannot be seen)"
    return ok(name, f"{camera.path} is not open in any program{seen}")


def _named(users: list[Process]) -> str:
    return ", ".join(map(str, users))


def _formats(host: LinuxHost, camera: CameraInfo) -> Check:
    name = f"pictures of {camera.name}"
    formats = host.formats_of(camera.path)
    if not formats:
        return unknown(name, f"{PurePath(camera.path).name} does not tell what it offers")
    return ok(name, "; ".join(describe(offered) for offered in formats))


def describe(offered: CameraFormat) -> str:
    """A format with its largest size, in one line."""
    if not offered.sizes:
        return offered.name
    largest = max(offered.sizes, key=lambda size: size.width * size.height)
    rate = f" at {largest.fps[0]:g} fps" if largest.fps else ""
    return f"{offered.name} up to {largest.width}x{largest.height}{rate}"
