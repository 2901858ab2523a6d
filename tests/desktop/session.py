"""A person's session of its own: bus, PipeWire, WirePlumber, and a screen where one is needed.

It has a home and a runtime directory of its own, so it neither sees nor touches that of whoever
runs the tests. The portal and its permission store are started by the bus when a browser asks, as
on a real desktop.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from mortal import mortal, x_server

PATIENCE = 120.0
"""Seconds until a test gives up waiting for something that should happen at once."""
PORTAL = "org.freedesktop.impl.portal.PermissionStore"
LIBEXEC = Path("/usr/libexec")


def missing(*programs: str) -> str:
    """Which of these are not installed; names, or paths."""
    return ", ".join(name for name in programs if not shutil.which(name))


def wait_for(what: Callable[[], Any], seen: Callable[[], object] = lambda: "") -> Any:
    """What `what` returns as soon as it is true; fails with what is `seen` after a long time."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end, f"waited in vain; {seen()}"
        time.sleep(0.02)
    return found


class Session:
    """A context manager; everything that was started in it has ended when it is left."""

    def __init__(self, screen: bool = False) -> None:
        self._screen = screen
        # Short: the paths of sockets are.
        self._folder = Path(tempfile.mkdtemp(prefix="sharpcam-"))
        self.home, self._runtime = self._folder / "home", self._folder / "run"
        self.environment: dict[str, str] = {}
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Session:
        for folder in (self.home, self._runtime):
            folder.mkdir(mode=0o700)
        self.environment = _inherited(os.environ) | {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self._runtime),
            "XDG_CURRENT_DESKTOP": "X-Generic",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self._runtime / 'bus'}",
        }
        try:
            if self._screen:
                display = self._stack.enter_context(x_server("1024x768"))
                self.environment["DISPLAY"] = display
            address = f"--address={self.environment['DBUS_SESSION_BUS_ADDRESS']}"
            self.start("dbus-daemon", "--session", "--nofork", "--nopidfile", address)
            wait_for(lambda: self._answers("bus"))
            self.start_pipewire()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def start(self, *command: str, **options: Any) -> subprocess.Popen[bytes]:
        """Run a program in the session; what it says is in the session's folder."""
        name = Path(command[0]).name
        with (self._folder / f"{name}.log").open("wb") as log:
            program = subprocess.Popen(
                mortal(*command), env=self.environment, stdout=log, stderr=log, **options
            )
        self._programs[name] = program
        return program

    def start_pipewire(self) -> None:
        self.start("pipewire")
        wait_for(lambda: self._answers("pipewire-0"), lambda: self.said("pipewire"))
        self.start_wireplumber()

    def start_wireplumber(self) -> None:
        """The one that links readers to cameras; it is ready once it keeps the defaults."""
        self.start("wireplumber")
        wait_for(
            lambda: b'"default"' in self.output("pw-metadata", "0"),
            lambda: self.said("wireplumber"),
        )

    def stop(self, *names: str) -> None:
        for name in names:
            program = self._programs.pop(name)
            program.terminate()
            program.wait(PATIENCE)

    def output(self, *command: str) -> bytes:
        """What a program prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, check=False)
        return done.stdout

    def cameras(self) -> list[str]:
        """The names of the cameras in PipeWire's graph."""
        try:
            objects = json.loads(self.output("pw-dump"))
        except json.JSONDecodeError:
            return []  # something changed while it was listed
        nodes = (it["info"]["props"] for it in objects if it["type"] == "PipeWire:Interface:Node")
        cameras = [node for node in nodes if node.get("media.class") == "Video/Source"]
        return [node["node.description"] for node in cameras]

    def wait_for_camera(self) -> None:
        wait_for(lambda: self.cameras() == ["SharpCam"], self.cameras)

    def allow_cameras(self) -> None:
        """Answer the portal's question before it asks."""
        where = ("--dest", PORTAL, "--object-path", "/" + PORTAL.replace(".", "/"))
        what = ("devices", "true", "camera", "", "['yes']")
        command = ("gdbus", "call", "--session", *where, "--method", f"{PORTAL}.SetPermission")
        subprocess.run((*command, *what), env=self.environment, check=True, capture_output=True)

    def said(self, name: str) -> str:
        """What a program said since it was started last, for the message of a failure."""
        path = self._folder / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def _answers(self, name: str) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self._runtime / name)) == 0

    def _end(self) -> None:
        for program in reversed(self._programs.values()):
            program.terminate()
        for program in self._programs.values():
            program.wait(PATIENCE)
        self._stack.close()
        # What the bus or a browser started is not our child.
        while left := _processes_with(f"XDG_RUNTIME_DIR={self._runtime}"):
            for process in left:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.02)
        shutil.rmtree(self._folder)


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what leads into another session."""
    own = ("XDG_", "DBUS_", "PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME", "WAYLAND_", "DISPLAY")
    kept = ("XDG_DATA_DIRS", "XDG_CONFIG_DIRS")
    return {k: v for k, v in environment.items() if k in kept or not k.startswith(own)}


def _processes_with(setting: str) -> list[int]:
    """Processes that were started with this in their environment, except ourselves."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                started_with = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if setting.encode() in started_with:
                found.append(int(folder.name))
    return found
