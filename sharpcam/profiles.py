"""ProfileStore: the profile learnt for each camera, kept so that the next start is right from its
first frame.

One JSON file in the user's state folder; losing it costs a few seconds of learning, so a damaged
one is put away with a warning. May be used from any thread.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from threading import Lock

import numpy as np

from sharpcam.atomic import replacing
from sharpcam.errors import SharpCamError
from sharpcam.paths import state_folder
from sharpcam.profile import CameraProfile

log = logging.getLogger(__name__)

NAME = "profiles.json"
VERSION = 3
"""Of the file; any other but OLDER is not understood."""
OLDER = 2
"""Its profiles lack the last number, that of doubled pictures: those cameras are still known."""
MOST = 64
"""Cameras and sizes that are remembered; the one not used for longest is forgotten first."""
LARGEST_BYTES = 256 * 1024
"""More than MOST of the longest keys take."""


def camera_key(name: str, usb_id: str, size: tuple[int, int]) -> str:
    """What a camera is known by. Its faults belong to a size: smaller pictures are scaled."""
    return f"{(usb_id or name)[:200]} {size[0]}x{size[1]}"


class ProfileStore:
    """Remembers profiles by `camera_key`."""

    def __init__(self, path: Path | None) -> None:
        """Read what is there; never fails. `path` is None where there is no place for a file."""
        self.path = path
        self._lock = Lock()
        self._profiles = _read(path)
        self._said_unwritable = False

    def recall(self, key: str) -> CameraProfile | None:
        """What was learnt for this camera the last time."""
        with self._lock:
            return self._profiles.get(key)

    def remember(self, key: str, profile: CameraProfile) -> None:
        """Keep what was learnt; written at once."""
        with self._lock:
            if self._profiles.get(key) == profile:
                return
            self._profiles.pop(key, None)  # the newest is last
            self._profiles[key] = profile
            while len(self._profiles) > MOST:
                del self._profiles[next(iter(self._profiles))]
            self._write()

    def forget(self, key: str) -> None:
        """Have it learnt again."""
        with self._lock:
            if self._profiles.pop(key, None):
                self._write()

    def _write(self) -> None:
        if self.path is None:
            return
        kept = {key: profile.as_array().tolist() for key, profile in self._profiles.items()}
        text = json.dumps({"version": VERSION, "profiles": kept}, indent=1)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with replacing(self.path) as partial:
                partial.write_text(text, encoding="utf-8")
        except (OSError, SharpCamError) as error:
            if not self._said_unwritable:
                log.warning("the camera's profile is not remembered: %s", error)
            self._said_unwritable = True


def profiles_path() -> Path | None:
    """Where the profiles are or will be; None where this account has no place for them."""
    folder = state_folder()
    return folder / NAME if folder else None


def _read(path: Path | None) -> dict[str, CameraProfile]:
    if path is None or not path.exists():
        return {}
    try:
        return _profiles_of(path)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        log.warning("%s is damaged and not used: %s", path, error)
        return {}


def _profiles_of(path: Path) -> dict[str, CameraProfile]:
    """What `ProfileStore` wrote.

    Raises:
        OSError, ValueError, TypeError: it cannot be read, or is something else.
    """
    if not path.is_file():
        raise ValueError("no ordinary file")
    with path.open("rb") as file:
        data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise ValueError("too large")
    content = json.loads(data)
    if not isinstance(content, dict) or content.get("version") not in (OLDER, VERSION):
        raise ValueError(f"not a file of version {VERSION}")
    lacking = [0.0] if content["version"] == OLDER else []
    kept = content.get("profiles")
    if not isinstance(kept, dict) or len(kept) > MOST:
        raise ValueError("no table of profiles")
    return {
        key: CameraProfile.from_array(np.array([*numbers, *lacking], np.float32))
        for key, numbers in kept.items()
    }
