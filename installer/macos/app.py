"""SharpCam.app in a disk image, to be dragged into Applications.

Start at login is the program's own: `sharpcam autostart on` writes the LaunchAgent. Written after
Apple's documents, and not run yet.
"""

from __future__ import annotations

import plistlib
import subprocess
from pathlib import Path
from typing import Any

from installer.sources import version

HERE = Path(__file__).parent
AD_HOC = "-"
"""codesign's word for no certificate: macOS asks the person before it runs such a program."""


def information() -> dict[str, Any]:
    """The app's Info.plist."""
    with (HERE / "Info.plist").open("rb") as file:
        entries: dict[str, Any] = plistlib.load(file)
    return {**entries, "CFBundleShortVersionString": version(), "CFBundleVersion": version()}


def commands(program: Path, image: Path, identity: str = AD_HOC) -> list[list[str]]:
    """What signs `program`/SharpCam.app and packs it into `image`, in this order."""
    app = str(program / "SharpCam.app")
    entitled = ["--entitlements", str(HERE / "entitlements.plist")]
    return [
        [
            "codesign",
            "--force",
            "--deep",
            "--options",
            "runtime",
            *entitled,
            "--sign",
            identity,
            app,
        ],
        ["codesign", "--verify", "--deep", "--strict", app],
        ["ln", "-s", "/Applications", str(program / "Applications")],
        ["rm", "-r", str(program / "sharpcam")],  # what the app was made of
        ["hdiutil", "create", "-volname", "SharpCam", "-srcfolder", str(program)]
        + ["-format", "UDZO", "-ov", str(image)],
    ]


def pack(program: Path, folder: Path, identity: str = AD_HOC) -> Path:
    """Write the disk image into `folder`.

    Raises:
        subprocess.CalledProcessError: a tool failed, and has said why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / f"SharpCam-{version()}.dmg"
    for command in commands(program, image, identity):
        subprocess.run(command, check=True)
    return image
