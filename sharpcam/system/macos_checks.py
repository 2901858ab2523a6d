"""macOS checks: the camera permission, OBS Studio and its camera extension."""

from __future__ import annotations

import ctypes
import platform
import plistlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sharpcam.check import Check, ok, problem, unknown
from sharpcam.system.commands import Runner, run
from sharpcam.system.info import CameraInfo, VirtualCameraInfo

EXTENSION = "com.obsproject.obs-studio.mac-camera-extension"
INSTALL_OBS = "brew install --cask obs"
ALLOW_EXTENSION = (
    "open 'x-apple.systempreferences:com.apple.LoginItems-Settings.extension', "
    "allow OBS's camera extension there, then restart"
)
START_ONCE = "open -a OBS, choose Start Virtual Camera once, and allow the extension"
PRIVACY = "open 'x-apple.systempreferences:com.apple.preference.security?Privacy_Camera'"
RUNTIME = "/usr/lib/libobjc.A.dylib"
FRAMEWORK = "/System/Library/Frameworks/AVFoundation.framework/AVFoundation"


def authorization() -> int | None:
    """AVFoundation's answer for this program and whoever started it (a terminal): 0 not asked yet,
    1 restricted, 2 denied, 3 given; None where it cannot be asked."""
    try:
        framework = ctypes.CDLL(FRAMEWORK)
        runtime = ctypes.CDLL(RUNTIME)
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        runtime.objc_getClass.restype, runtime.objc_getClass.argtypes = pointer, [text]
        runtime.sel_registerName.restype, runtime.sel_registerName.argtypes = pointer, [text]
        send: Any = ctypes.CFUNCTYPE(ctypes.c_long, pointer, pointer, pointer)(
            ("objc_msgSend", runtime)
        )
        video = ctypes.c_void_p.in_dll(framework, "AVMediaTypeVideo")
        device = runtime.objc_getClass(b"AVCaptureDevice")
        return int(
            send(device, runtime.sel_registerName(b"authorizationStatusForMediaType:"), video)
        )
    except (OSError, AttributeError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class MacHost:
    """A macOS system; tests put made-up ones in its place."""

    root: Path = Path("/")
    home: Path = field(default_factory=Path.home)
    run: Runner = run
    authorization: Callable[[], int | None] = authorization
    version: str = field(default_factory=lambda: platform.mac_ver()[0])


def checks(cameras: list[CameraInfo], virtual: list[VirtualCameraInfo]) -> list[Check]:
    return check_host(MacHost(), cameras, virtual)


def check_host(
    host: MacHost, cameras: list[CameraInfo], virtual: list[VirtualCameraInfo]
) -> list[Check]:
    """All checks of a macOS system, in the order in which people need them."""
    return [_system(host), _permission(host), *_obs(host), _autostart(host)]


def _system(host: MacHost) -> Check:
    detail = f"macOS {host.version}"
    if _major(host.version) < 13:
        return problem(
            "system", f"{detail}: camera extensions need macOS 13", "softwareupdate --list"
        )
    return ok("system", detail)


def _major(version: str) -> int:
    number = re.match(r"\d+", version)
    return int(number[0]) if number else 0


def _permission(host: MacHost) -> Check:
    name = "camera permission"
    match host.authorization():
        case 3:
            return ok(name, "given")
        case 0:
            return ok(name, "not asked yet: macOS will ask when the camera is first opened")
        case 1:
            return problem(
                name, "kept back by a restriction of this Mac", "profiles show", blocks=True
            )
        case 2:
            return problem(name, "refused to this program or its terminal", PRIVACY, blocks=True)
        case _:
            return unknown(name, "AVFoundation cannot be asked", PRIVACY)


def _obs(host: MacHost) -> list[Check]:
    """Nothing but OBS's extension can carry our picture, so each of these blocks."""
    name = "OBS Studio"
    info = host.root / "Applications" / "OBS.app" / "Contents" / "Info.plist"
    try:
        with info.open("rb") as file:
            version = str(plistlib.load(file).get("CFBundleShortVersionString", ""))
    except (OSError, ValueError, AttributeError):
        return [problem(name, "not in /Applications", INSTALL_OBS, blocks=True)]
    if _major(version) < 30:
        detail = f"version {version} has no camera extension yet: 30 or newer does"
        return [problem(name, detail, "brew upgrade --cask obs", blocks=True)]
    return [ok(name, f"version {version}"), _extension(host)]


def _extension(host: MacHost) -> Check:
    name = "OBS camera extension"
    answer = host.run("systemextensionsctl", "list")
    if answer is None:
        return unknown(name, "systemextensionsctl does not answer", "systemextensionsctl list")
    states = [
        match[1]
        for line in answer.text.splitlines()
        if EXTENSION in line and (match := re.search(r"\[([^\]]+)\]\s*$", line))
    ]
    if "activated enabled" in states:  # older versions may wait for their removal beside it
        return ok(name, "activated")
    if any("waiting for user" in state or "disabled" in state for state in states):
        return problem(name, f"installed, but {states[-1]}", ALLOW_EXTENSION, blocks=True)
    if states:
        return problem(name, f"installed, but {states[-1]}", "sudo shutdown -r now", blocks=True)
    return problem(name, "never started", START_ONCE, blocks=True)


def _autostart(host: MacHost) -> Check:
    agents = [
        path
        for path in sorted((host.home / "Library" / "LaunchAgents").glob("*.plist"))
        if "sharpcam" in path.name.lower()
    ]
    if not agents:
        return ok("start at login", "off", "sharpcam autostart on")
    return ok("start at login", f"on, by {agents[0].name}")
