"""SharpCam as a program of its own with a made-up virtual camera, for tests of whole sessions.

    python desk.py FOLDER [ARGUMENTS OF SHARPCAM]

Frames that the virtual camera was sent are counted in FOLDER/sent (a line each for every tenth);
FOLDER/watching holds how many watch it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyvirtualcam

from sharpcam import cli, resident, system
from sharpcam.system import VirtualCameraInfo

FOLDER = Path(sys.argv[1])


class VirtualCamera:
    """pyvirtualcam's backend interface, with our `watchers`."""

    def __init__(self, *, width: int, height: int, device: str | None, **_: object) -> None:
        self._name, self._count = device, 0
        (FOLDER / "opened").open("a").write(f"{width}x{height}\n")

    def send(self, frame: object) -> None:
        self._count += 1
        (FOLDER / "sent").write_text(str(self._count))

    def watchers(self) -> int:
        try:
            return int((FOLDER / "watching").read_text() or "0")
        except OSError:
            return 0

    def close(self) -> None:
        (FOLDER / "closed").open("a").write("closed\n")

    def device(self) -> str | None:
        return self._name

    def native_fourcc(self) -> int | None:
        return None


if __name__ == "__main__":
    pyvirtualcam.register_backend("made-up", VirtualCamera)
    system.virtual_cameras = lambda: [VirtualCameraInfo("made-up", "/dev/video9", "SharpCam")]
    resident.SETTLE_SECONDS = 60.0  # however slow the machine is
    sys.argv[:] = ["sharpcam", *sys.argv[2:]]
    cli.console()
