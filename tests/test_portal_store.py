"""The portal's permission store itself, on a message bus of its own: what it answers is what the
doctor understands, and the command that it names mends it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sharpcam.check import Check, Verdict
from sharpcam.system import commands
from sharpcam.system.commands import Answer, run
from sharpcam.system.linux_desktop import STORE, STORE_PATH, _permission
from sharpcam.system.linux_host import LinuxHost

FOLDERS = (Path("/usr/libexec"), Path("/usr/lib/xdg-desktop-portal"))
SERVICE = next((path for path in FOLDERS if (path / "xdg-permission-store").exists()), None)
pytestmark = pytest.mark.skipif(
    not (SERVICE and shutil.which("dbus-daemon") and shutil.which("busctl")),
    reason="needs dbus-daemon, busctl and xdg-permission-store",
)


class Bus:
    """A message bus without services, and the permission store to start on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._started: list[subprocess.Popen[str]] = []
        monkeypatch.setattr(commands, "SECONDS", 120)  # however slow the machine is
        monkeypatch.setenv("XDG_DATA_HOME", str(folder))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        config = folder / "bus.conf"
        policy = '<allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/>'
        config.write_text(
            f"<busconfig><type>session</type><listen>unix:path={folder}/bus</listen>"
            f'<policy context="default">{policy}</policy></busconfig>'
        )
        daemon = self._start("dbus-daemon", f"--config-file={config}", "--print-address")
        assert daemon.stdout
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", daemon.stdout.readline().strip())

    def _start(self, *command: str) -> subprocess.Popen[str]:
        program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
        self._started.append(program)
        return program

    def start_store(self) -> None:
        self._start(f"{SERVICE}/xdg-permission-store")
        end = time.monotonic() + 60
        while "does not exist" in self.call("Lookup", "ss", "devices", "camera").text:
            assert time.monotonic() < end, "the permission store did not start"
            time.sleep(0.02)

    def call(self, *words: str) -> Answer:
        command = ("busctl", "--user", "--auto-start=no", "call", STORE, STORE_PATH, STORE)
        answer = run(*command, *words)
        assert answer
        return answer

    def set_camera(self, app: str, said: str) -> None:
        words = ("SetPermission", "sbssas", "devices", "true", "camera", app, "1", said)
        assert self.call(*words).code == 0

    def check(self) -> Check:
        return _permission(LinuxHost())

    def stop(self) -> None:
        for program in reversed(self._started):
            program.terminate()
            program.communicate(timeout=60)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bus]:
    """One for this test."""
    bus = Bus(monkeypatch, tmp_path)
    yield bus
    bus.stop()


def test_the_store_is_not_started_by_being_asked(bus: Bus) -> None:
    assert "does not exist" in bus.call("Lookup", "ss", "devices", "camera").text
    assert bus.check().verdict is Verdict.UNKNOWN
    assert "does not exist" in bus.call("Lookup", "ss", "devices", "camera").text


def test_a_new_store_has_refused_nobody(bus: Bus) -> None:
    bus.start_store()
    assert bus.check().verdict is Verdict.OK
    bus.set_camera("", "yes")
    assert bus.check().verdict is Verdict.OK


def test_the_named_command_forgets_what_was_refused(bus: Bus) -> None:
    bus.start_store()
    bus.set_camera("org.mozilla.firefox", "no")
    bus.set_camera("", "no")
    bus.set_camera("org.chromium.Chromium", "yes")
    check = bus.check()
    assert check.verdict is Verdict.PROBLEM
    assert "org.mozilla.firefox" in check.detail
    for command in check.hint.split(" && "):
        answer = run(*shlex.split(command))
        assert answer == Answer(0, "")
    assert bus.check().verdict is Verdict.OK
    assert "org.chromium.Chromium" in bus.call("Lookup", "ss", "devices", "camera").text
