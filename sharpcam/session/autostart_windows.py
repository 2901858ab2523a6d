"""Start at login on Windows: a value under the user's Run key.

Task Manager switches an entry off by a value of the same name under StartupApproved, whose first
byte is odd then.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from sharpcam.errors import SharpCamError

RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
NAME = "SharpCam"
LONGEST = 260
"""Characters of a command that Windows takes from the Run key."""


def registered() -> str | None:
    """The command line that Windows starts at login; None where it starts nothing."""
    command, switch = _value(RUN), _value(APPROVED)
    if isinstance(switch, bytes) and switch and switch[0] % 2:
        return None
    return command if isinstance(command, str) else None


def register(command: Sequence[str]) -> None:
    """Write the value.

    Raises:
        SharpCamError: Windows refuses it.
    """
    line = quoted(command)
    if len(line) > LONGEST:
        raise SharpCamError(
            f"the command to start at login is longer than {LONGEST} characters",
            "install SharpCam in a folder with a shorter name",
        )
    winreg = _winreg()
    try:
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, RUN) as key:
            winreg.SetValueEx(key, NAME, 0, winreg.REG_SZ, line)
    except OSError as error:
        raise _refused(error) from error
    _delete(APPROVED)


def unregister() -> None:
    """Remove the values.

    Raises:
        SharpCamError: Windows refuses it.
    """
    _delete(RUN)
    _delete(APPROVED)


def quoted(command: Sequence[str]) -> str:
    """The command as programs on Windows take it apart."""
    return subprocess.list2cmdline(command)


def _value(path: str) -> object:
    winreg = _winreg()
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:
            value: object = winreg.QueryValueEx(key, NAME)[0]
            return value
    except OSError:
        return None


def _delete(path: str) -> None:
    winreg = _winreg()
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path, 0, winreg.KEY_SET_VALUE) as key:
            winreg.DeleteValue(key, NAME)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> SharpCamError:
    return SharpCamError(
        f"Windows does not let us change what starts at login: {error.strerror or error}",
        "ask whoever administers this computer",
    )


def _winreg() -> Any:
    """Other systems have no such module."""
    return import_module("winreg")
