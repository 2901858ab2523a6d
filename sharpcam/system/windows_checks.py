"""Windows checks: the privacy settings, UnityCapture, the virtual camera of OBS."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from sharpcam.check import Check, ok, problem
from sharpcam.system.commands import Runner, run
from sharpcam.system.info import NAME, OBS_NAME, CameraInfo, VirtualCameraInfo
from sharpcam.system.named_objects import NamedObjects
from sharpcam.system.obs import OBS_CLASS_ID, holder
from sharpcam.system.registry import Registry
from sharpcam.system.unitycapture import Registration, registrations

CONSENT = r"Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\webcam"
POLICY = r"SOFTWARE\Policies\Microsoft\Windows\AppPrivacy"
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
PRIVACY = "start ms-settings:privacy-webcam"
INSTALL_OBS = "winget install OBSProject.OBSStudio"
OURS = ("sharpcam.exe", "sharpcamw.exe", "python.exe", "pythonw.exe")
"""What SharpCam runs as."""
BLOCKED_BY_OBS = "unitycapturefilter64bit.dll"
"""OBS refuses to load a library of this name."""


@dataclass(frozen=True, slots=True)
class WindowsHost:
    """A Windows system; tests put made-up ones in its place."""

    registry: Registry = field(default_factory=Registry)
    objects: NamedObjects = field(default_factory=NamedObjects)
    run: Runner = run
    exists: Callable[[str], bool] = lambda path: Path(path).is_file()
    system: str = field(default_factory=platform.platform)


def checks(cameras: list[CameraInfo], virtual: list[VirtualCameraInfo]) -> list[Check]:
    return check_host(WindowsHost(), cameras, virtual)


def check_host(
    host: WindowsHost, cameras: list[CameraInfo], virtual: list[VirtualCameraInfo]
) -> list[Check]:
    """All checks of a Windows system, in the order in which people need them."""
    return [
        ok("system", host.system),
        _permission(host),
        _busy(host),
        _unitycapture(host, blocks=not virtual),
        _obs(host),
        _autostart(host),
    ]


def _permission(host: WindowsHost) -> Check:
    name = "camera permission"
    policy = host.registry.value("HKEY_LOCAL_MACHINE", POLICY, "LetAppsAccessCamera")
    if policy == 2:
        return problem(
            name,
            "refused to every program by a policy of this computer",
            "ask who looks after it to change LetAppsAccessCamera; gpresult /r shows the policies",
            blocks=True,
        )
    for hive, key, whom in (
        ("HKEY_LOCAL_MACHINE", CONSENT, "everybody on this computer"),
        ("HKEY_CURRENT_USER", CONSENT, "every program"),
        ("HKEY_CURRENT_USER", rf"{CONSENT}\NonPackaged", "desktop programs"),
    ):
        if host.registry.value(hive, key, "Value") == "Deny":
            return problem(name, f"refused to {whom}", PRIVACY, blocks=True)
    return ok(name, "given to desktop programs")


def _busy(host: WindowsHost) -> Check:
    """Windows notes when a program began and when it ceased to use a camera."""
    name = "use of the cameras"
    key = rf"{CONSENT}\NonPackaged"
    users = [
        PureWindowsPath(program.replace("#", "\\")).name
        for program in host.registry.keys("HKEY_CURRENT_USER", key)
        if host.registry.value("HKEY_CURRENT_USER", rf"{key}\{program}", "LastUsedTimeStop") == 0
    ]
    others = [user for user in users if user.lower() not in OURS]
    if others:
        return problem(
            name,
            f"a camera is in use by {', '.join(others)}",
            "where ours does not open: close it, or let it use the virtual camera instead",
        )
    return ok(name, "SharpCam uses one" if users else "no desktop program uses one")


def _unitycapture(host: WindowsHost, *, blocks: bool) -> Check:
    name = "UnityCapture"
    found = registrations(host.registry)
    ours = {it.bits: it for it in reversed(found) if it.name == NAME}
    foreign = [it for it in found if it.name != NAME]
    if not ours and foreign:
        who = ", ".join(dict.fromkeys(f"{it.name!r} ({it.file})" for it in foreign))
        return problem(
            name,
            f"registered for another product: {who}; registering it again as {NAME} would take "
            "that product's camera away",
            f"use the camera of OBS: {INSTALL_OBS}; or uninstall that product first",
            blocks=blocks,
        )
    if not ours:
        return problem(
            name,
            f"no camera named {NAME} is registered",
            f"as administrator: {_register(64)} and {_register(32)}; or {INSTALL_OBS}",
            blocks=blocks,
        )
    for bits, registered in ours.items():
        if not host.exists(registered.file):
            again = _register(bits, registered)
            return problem(
                name,
                f"the {bits}-bit library {registered.file} is gone",
                f"install SharpCam again, or as administrator: {again}",
                blocks=blocks or bits == 64,
            )
    for bits in (64, 32):
        if bits not in ours:
            (other,) = ours.values()
            return problem(
                name,
                f"{bits}-bit programs do not list {NAME}: it is registered for others only",
                f"as administrator: {_register(bits, other)}",
                blocks=blocks,
            )
    if ours[64].slot != ours[32].slot:
        return problem(
            name,
            f"64-bit programs read slot {ours[64].slot}, 32-bit ones slot {ours[32].slot}: only "
            "the first get pictures",
            f"as administrator: {_register(32, ours[32])}",
        )
    if PureWindowsPath(ours[64].file).name.lower() == BLOCKED_BY_OBS:
        return problem(
            name,
            f"OBS Studio does not load a library named {PureWindowsPath(ours[64].file).name}",
            f"rename it and, as administrator: {_register(64, ours[64])}",
        )
    beside = f", beside {', '.join(sorted({it.name for it in foreign}))}" if foreign else ""
    return ok(name, f"registered as {NAME} in slot {ours[64].slot}{beside}")


def _register(bits: int, like: Registration | None = None) -> str:
    """The command that registers the library of so many bits, beside one that is registered."""
    folder = f"{PureWindowsPath(like.file).parent}\\" if like and like.file else ""
    program = r"%SystemRoot%\SysWOW64\regsvr32.exe" if bits == 32 else "regsvr32"
    return f'{program} "/i:UnityCaptureName={NAME}" "{folder}UnityCaptureFilter{bits}.dll"'


def _obs(host: WindowsHost) -> Check:
    name = OBS_NAME
    file = host.registry.value("HKEY_CLASSES_ROOT", rf"{OBS_CLASS_ID}\InprocServer32")
    if file is None:
        return ok(name, "not installed; needed only without UnityCapture", INSTALL_OBS)
    if not host.exists(str(file)):
        return problem(name, f"its library {file} is gone", f"{INSTALL_OBS} --force")
    if said := holder(host.objects, host.run):
        who, _, remedy = said.partition(": ")
        return problem(name, f"installed, but {who}", remedy)
    return ok(name, "installed, and free")


def _autostart(host: WindowsHost) -> Check:
    name = "start at login"
    command = host.registry.value("HKEY_CURRENT_USER", RUN, NAME)
    if not isinstance(command, str):
        return ok(name, "off", "sharpcam autostart on")
    program = command.split('"')[1] if command.startswith('"') else command.split(" ")[0]
    if not host.exists(program):
        return problem(name, f"its entry starts {program}, which is gone", "sharpcam autostart on")
    return ok(name, "on")
