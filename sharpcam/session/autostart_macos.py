"""Start at login on macOS: a LaunchAgent of the user, read by launchd at the next login."""

from __future__ import annotations

import plistlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from xml.parsers.expat import ExpatError

from sharpcam.atomic import make_folder, replacing
from sharpcam.errors import SharpCamError

LABEL = "io.github.sharpcam"


def registered() -> str | None:
    """The command that launchd starts at login; None where it starts nothing."""
    try:
        with _path().open("rb") as file:
            entry = plistlib.load(file)
    except (OSError, ValueError, ExpatError):  # InvalidFileException is a ValueError
        return None
    command = entry.get("ProgramArguments") if isinstance(entry, dict) else None
    starts = command and isinstance(command, list) and entry.get("RunAtLoad") is True
    if not starts or entry.get("Disabled") is True:
        return None
    return quoted([str(word) for word in command or ()])


def register(command: Sequence[str]) -> None:
    """Write the agent.

    Raises:
        SharpCamError: it cannot be written.
    """
    path = _path()
    entry = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "LimitLoadToSessionType": "Aqua",  # a session with a screen
        "ProcessType": "Interactive",  # else its threads are throttled
    }
    make_folder(path.parent)
    with replacing(path) as partial:
        partial.write_bytes(plistlib.dumps(entry))


def unregister() -> None:
    """Remove the agent.

    Raises:
        SharpCamError: it cannot be removed.
    """
    try:
        _path().unlink(missing_ok=True)
    except OSError as error:
        raise SharpCamError(
            f"cannot remove {_path()}: {error.strerror or error}", "check whose file it is"
        ) from error


def quoted(command: Sequence[str]) -> str:
    """The command in one line, to show and compare; the agent holds it word by word."""
    return shlex.join(command)


def _path() -> Path:
    return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
