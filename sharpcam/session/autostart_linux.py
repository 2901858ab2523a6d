"""Start at login on Linux: an XDG autostart entry, which every desktop reads.

https://specifications.freedesktop.org/autostart-spec and desktop-entry-spec.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sharpcam.atomic import make_folder, replacing
from sharpcam.errors import SharpCamError
from sharpcam.paths import autostart_folder

ENTRY = """[Desktop Entry]
Type=Application
Name=SharpCam
Comment=A sharp webcam picture in any video call
Exec={command}
Icon=sharpcam
Terminal=false
StartupNotify=false
Categories=AudioVideo;Video;
"""
RESERVED = " \t\"'\\><~|&;$*?#()`"
"""Characters that make quotes necessary in Exec."""


def registered() -> str | None:
    """The Exec line that the desktop starts at login; None where it starts nothing."""
    path = _path()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    keys = dict(line.split("=", 1) for line in lines if "=" in line)
    switches = keys.get("Hidden", "false"), keys.get("X-GNOME-Autostart-enabled", "true")
    # A desktop's own settings switch an entry off by one of these, and leave the file.
    return keys.get("Exec") if switches == ("false", "true") else None


def register(command: Sequence[str]) -> None:
    """Write the entry.

    Raises:
        SharpCamError: it cannot be written.
    """
    path = _path()
    make_folder(path.parent, 0o700)
    with replacing(path) as partial:
        partial.write_text(ENTRY.format(command=quoted(command)), encoding="utf-8")


def unregister() -> None:
    """Remove the entry.

    Raises:
        SharpCamError: it cannot be removed.
    """
    path = _path()
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise SharpCamError(
            f"cannot remove {path}: {error.strerror or error}", "check whose file it is"
        ) from error


def quoted(command: Sequence[str]) -> str:
    """The command as the value of an Exec key.

    Raises:
        SharpCamError: a word holds a line break, which no entry can hold.
    """
    return " ".join(map(_quoted, command))


def _quoted(word: str) -> str:
    if not word.isprintable():
        raise SharpCamError(f"cannot start {word!r} at login", "install SharpCam in another folder")
    word = word.replace("%", "%%")  # else a field code
    if word and not set(word) & set(RESERVED):
        return word
    for special in '\\"`$':
        word = word.replace(special, "\\" + special)
    return '"' + word.replace("\\", "\\\\") + '"'  # the value's own escape, on top of Exec's


def _path() -> Path:
    folder = autostart_folder()
    if folder is None:
        raise SharpCamError("this account has no home folder", "set HOME")
    return folder / "sharpcam.desktop"
