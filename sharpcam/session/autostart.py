"""What this system starts at login, and the command that starts this SharpCam."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

if sys.platform == "win32":
    from sharpcam.session import autostart_windows as _host
elif sys.platform == "darwin":
    from sharpcam.session import autostart_macos as _host
else:
    from sharpcam.session import autostart_linux as _host


def registered() -> str | None:
    """The command line that is started at login; None where SharpCam is not."""
    return _host.registered()


def register(command: Sequence[str]) -> None:
    """Have the command started at every login from the next one on.

    Raises:
        SharpCamError: this system refuses it.
    """
    _host.register(command)


def unregister() -> None:
    """Have it started no more.

    Raises:
        SharpCamError: this system refuses it.
    """
    _host.unregister()


def quoted(command: Sequence[str]) -> str:
    """The command as `registered` gives it."""
    return _host.quoted(command)


def own_command() -> list[str]:
    """What starts the SharpCam that runs this, whatever the working folder and the PATH are."""
    python = Path(sys.executable)
    if getattr(sys, "frozen", False):  # an installer's program; on Windows, the one without console
        windowless = python.with_name("sharpcamw.exe")
        return [str(windowless if windowless.is_file() else python)]
    windowless = python.with_name("pythonw.exe")
    if windowless.is_file():  # on Windows; the script would open a console window at login
        return [str(windowless), "-m", "sharpcam"]
    script = Path(sysconfig.get_path("scripts")) / "sharpcam"
    return [str(script)] if script.is_file() else [str(python), "-m", "sharpcam"]


__all__ = ["own_command", "quoted", "register", "registered", "unregister"]
