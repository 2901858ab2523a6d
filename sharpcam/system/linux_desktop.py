"""Linux checks: PipeWire, the camera portal, browsers, starting at login."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from sharpcam.check import Check, ok, problem, unknown
from sharpcam.system.linux_host import LinuxHost

STORE = "org.freedesktop.impl.portal.PermissionStore"
STORE_PATH = "/org/freedesktop/impl/portal/PermissionStore"
LIBRARIES = ("/usr/lib/*", "/usr/lib64", "/usr/lib", "/lib/*")
LIBRARY = "libpipewire-0.3.so.0"
PORTAL_SERVICE = "/usr/share/dbus-1/services/org.freedesktop.portal.Desktop.service"
ALLOW_PIPEWIRE = "media.webrtc.camera.allow-pipewire"
INSTALL_PIPEWIRE = "sudo apt install pipewire wireplumber xdg-desktop-portal"


def desktop_checks(host: LinuxHost) -> Iterator[Check]:
    """None of these block: v4l2loopback works without PipeWire."""
    running = {process.name for process in host.processes()}
    yield _pipewire(host, running)
    if "pipewire" in running:
        yield _session_manager(running)
        yield _portal(host, running)
        yield _permission(host)
        yield _browsers(host)
    yield _autostart(host)


def _pipewire(host: LinuxHost, running: set[str]) -> Check:
    name = "PipeWire"
    answer = host.run("pipewire", "--version")
    found = re.search(r"Linked with libpipewire (\S+)", answer.text) if answer else None
    folders = [folder for pattern in LIBRARIES for folder in host.root.glob(pattern.lstrip("/"))]
    library = any((folder / LIBRARY).exists() for folder in folders)
    if not found and not library:
        return problem(
            name, "not installed: browsers get the camera from v4l2loopback only", INSTALL_PIPEWIRE
        )
    version = f"version {found[1]}" if found else "unknown version"
    if not library:
        return problem(name, f"{version}, but its library is missing", INSTALL_PIPEWIRE)
    runtime = host.environ.get("XDG_RUNTIME_DIR")
    socket = f"{runtime}/{host.environ.get('PIPEWIRE_REMOTE', 'pipewire-0')}" if runtime else ""
    if "pipewire" not in running or not (socket and host.path(socket).exists()):
        start = "systemctl --user enable --now pipewire.socket wireplumber"
        return problem(name, f"{version}, but it does not run in this session", start)
    return ok(name, f"{version}, running")


def _session_manager(running: set[str]) -> Check:
    name = "WirePlumber"
    if "wireplumber" in running:
        return ok(name, "running")
    return problem(
        name,
        "not running: PipeWire connects nobody to a camera without it",
        "sudo apt install wireplumber && systemctl --user enable --now wireplumber",
    )


def _portal(host: LinuxHost, running: set[str]) -> Check:
    name = "camera portal"
    if "xdg-desktop-por" in running:  # the kernel cuts names at 15 characters
        return ok(name, "xdg-desktop-portal is running")
    if host.path(PORTAL_SERVICE).exists():
        return ok(name, "xdg-desktop-portal is installed; it starts when a browser asks")
    return problem(
        name,
        "not installed: browsers cannot ask PipeWire for a camera",
        "sudo apt install xdg-desktop-portal xdg-desktop-portal-gtk, then log in again",
    )


def _permission(host: LinuxHost) -> Check:
    """Whether somebody once answered "no" when an app asked the portal for the camera."""
    name = "camera permission in the portal"
    answer = host.run(
        *("busctl", "--user", "--auto-start=no", "--json=short", "call"),
        *(STORE, STORE_PATH, STORE, "Lookup", "ss", "devices", "camera"),
    )
    if answer and "No entry for camera" in answer.text:
        return ok(name, "no app was refused")
    try:
        apps: dict[str, list[str]] = json.loads(answer.text)["data"][0] if answer else {}
        refused = [app for app, said in apps.items() if "no" in said]
    except (ValueError, LookupError, TypeError, AttributeError):
        return unknown(name, "no portal has run in this session yet", "flatpak permissions devices")
    if not answer:
        return unknown(name, "there is no busctl to ask with", "flatpak permissions devices")
    if not refused:
        return ok(name, "no app was refused")
    who = ", ".join(app or "all programs outside of sandboxes" for app in refused)
    forget = " && ".join(
        f"busctl --user call {STORE} {STORE_PATH} {STORE} DeletePermission sss devices camera "
        + (app or "''")
        for app in refused
    )
    return problem(name, f"refused to {who}", forget)


def _browsers(host: LinuxHost) -> Check:
    """Advice: what makes browsers take their cameras from PipeWire."""
    profiles = f"{host.home}/.mozilla/firefox"
    allowed = [
        folder.name
        for folder in sorted(host.path(profiles).glob("*/"))
        if f'"{ALLOW_PIPEWIRE}", true' in (host.read(f"{profiles}/{folder.name}/prefs.js") or "")
    ]
    detail = "Firefox and Chromium take cameras from Video4Linux unless told otherwise"
    if allowed:
        detail = f"Firefox takes cameras from PipeWire in the profile {', '.join(allowed)}"
    return ok(
        "browsers and PipeWire",
        detail,
        f"for a camera that only PipeWire has: in Firefox set {ALLOW_PIPEWIRE} to true in "
        "about:config; start Chromium with --enable-features=WebRtcPipeWireCamera. Where a "
        "browser on PipeWire does not list the camera: systemctl --user restart wireplumber",
    )


def _autostart(host: LinuxHost) -> Check:
    name = "start at login"
    config = host.environ.get("XDG_CONFIG_HOME") or f"{host.home}/.config"
    entry = host.read(f"{config}/autostart/sharpcam.desktop")
    if entry is None:
        return ok(name, "off", "sharpcam autostart on")
    keys = dict(line.split("=", 1) for line in entry.splitlines() if "=" in line)
    if keys.get("Hidden", "").strip() == "true":
        return ok(name, "off", "sharpcam autostart on")
    command = keys.get("Exec", "").strip()
    program = command.split('"')[1] if command.startswith('"') else command.split(" ")[0]
    if program.startswith("/") and not host.path(program).exists():
        return problem(name, f"its entry starts {program}, which is gone", "sharpcam autostart on")
    return ok(name, "on")
