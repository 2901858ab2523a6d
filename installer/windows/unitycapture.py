"""UnityCapture for the installer: its files, checked, and what DirectShow wants to be told of it.

Its own registration always takes slot 0, whoever has it; so the installer writes the same keys
itself, for a slot that nobody has.
"""

from __future__ import annotations

import hashlib
import struct
import urllib.request
import uuid
from pathlib import Path

from installer.bundle import PINS
from sharpcam.errors import SharpCamError

PIN = PINS / "unitycapture.sha256"
MERIT_DO_NOT_USE = 0x200000
"""No player takes a camera for a renderer of its files."""
OUTPUT_PIN = 8
MEDIA_TYPE_VIDEO = uuid.UUID("73646976-0000-0010-8000-00AA00389B71")


def pinned(pin: Path = PIN) -> dict[str, str]:
    """The SHA-256 of each file."""
    lines = (line.split() for line in pin.read_text().splitlines() if line[:1] != "#")
    return {name: digest for digest, name in lines}


def fetch(folder: Path, pin: Path = PIN) -> None:
    """Download the files into `folder`; `check` them afterwards."""
    comments = (line.removeprefix("# ") for line in pin.read_text().splitlines())
    url = next(line for line in comments if line.startswith("https://"))
    for name in pinned(pin):
        with urllib.request.urlopen(f"{url}/{name}", timeout=60) as answer:
            (folder / name).write_bytes(answer.read())


def check(folder: Path, pin: Path = PIN) -> None:
    """Whether `folder` has the very files that are pinned.

    Raises:
        SharpCamError: one is missing, or is another.
    """
    for name, digest in pinned(pin).items():
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise SharpCamError(
                f"{folder / name} cannot be read: {error.strerror}", f"{pin} says where it is from"
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise SharpCamError(
                f"{folder / name} is not the file that {pin.name} names",
                "fetch it again; a new version needs to be tried, and pinned",
            )


def filter_data() -> bytes:
    """The value FilterData of a DirectShow filter with one output for video of any kind: a header,
    its pin, the pin's type, and the two identifiers that the type points at."""
    header = struct.pack("<4I", 2, MERIT_DO_NOT_USE, 1, 0)  # version, merit, pins
    pin = b"0pi3" + struct.pack("<5I", OUTPUT_PIN, 0, 1, 0, 0)  # flags, -, types
    ends = len(header) + len(pin) + 16
    kind = b"0ty3" + struct.pack("<3I", 0, ends, ends + 16)
    return header + pin + kind + MEDIA_TYPE_VIDEO.bytes_le + bytes(16)
