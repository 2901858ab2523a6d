"""Welcome: what a person must know once, when there is a virtual camera for the first time."""

from __future__ import annotations

import logging
from pathlib import Path

from sharpcam.paths import state_folder

log = logging.getLogger(__name__)

NAME = "welcomed"


def words(camera: str) -> str:
    """Users look for SharpCam everywhere but there."""
    return (
        f'In your meeting app, choose the camera "{camera}". '
        "`sharpcam help camera` says where Zoom, Teams, Meet and OBS have that choice."
    )


def is_due(folder: Path | None = None) -> bool:
    """Whether it was never said; from then on it was.

    Where that cannot be kept, it is not due: better never than at every start.
    """
    folder = folder or state_folder()
    if folder is None or (folder / NAME).exists():
        return False
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / NAME).touch()
    except OSError as error:
        log.debug("the welcome is not remembered: %s", error)
        return False
    return True
