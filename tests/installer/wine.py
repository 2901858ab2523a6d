"""A fresh Windows made by Wine, for installers; what it keeps is read from its files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

WINE = "/usr/lib/wine/wine64"
SERVER = "/usr/lib/wine/wineserver64"
Keys = dict[str, dict[str, str]]
"""Values by their names, by their keys; names and keys in small letters."""


def missing() -> str:
    """Why there can be no Windows here; empty where there can."""
    lacking = [tool for tool in (WINE, SERVER, "makensis") if not shutil.which(tool)]
    return f"needs {', '.join(lacking)}: `make test` installs them" if lacking else ""


class Windows:
    """One Windows in a folder."""

    def __init__(self, folder: Path) -> None:
        self._environment = {
            **{
                key: it
                for key, it in os.environ.items()
                if key not in ("DISPLAY", "WAYLAND_DISPLAY")
            },
            "WINEPREFIX": str(folder),
            "HOME": str(folder.parent),
            "WINEDEBUG": "-all",
            # Else it asks for what shows web pages and runs .NET, and writes the host's menus.
            "WINEDLLOVERRIDES": "mscoree=d;mshtml=d;winemenubuilder.exe=d",
        }
        self._folder = folder
        self.run("wineboot", "--init")

    def run(self, *command: str | Path) -> None:
        """Run a program there, and wait until it and all that it began has ended."""
        subprocess.run(
            [WINE, *command], env=self._environment, check=True, capture_output=True, timeout=1200
        )
        subprocess.run([SERVER, "--wait"], env=self._environment, check=True, timeout=1200)

    def path(self, name: str) -> Path:
        """A file of drive C by its name there, like Program Files/SharpCam."""
        return self._folder / "drive_c" / name

    def files(self) -> set[str]:
        """The names of everything on drive C."""
        drive = self._folder / "drive_c"
        found = (str(path.relative_to(drive)) for path in drive.rglob("*"))
        return {name for name in found if "/temp" not in name.lower()}

    def keys(self) -> Keys:
        """The registry: HKEY_LOCAL_MACHINE as `machine\\...`, HKEY_CURRENT_USER as `user\\...`."""
        found: Keys = {}
        for hive, name in (("machine", "system.reg"), ("user", "user.reg")):
            text = (self._folder / name).read_text(encoding="latin-1").replace("\\\n", "")
            for block in text.split("\n["):
                head, _, body = block.partition("]")
                values = re.findall(r'^(@|"(?:[^"\\]|\\.)*")=(.*)$', body, re.MULTILINE)
                key = head.replace("\\\\", "\\").lower()
                plain = {name.strip('"').lower(): _plain(value) for name, value in values}
                found[f"{hive}\\{key}"] = plain
        return found


def _plain(value: str) -> str:
    text = value.removeprefix("str(2):")
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] == '"' else re.sub(r"\s", "", text)
