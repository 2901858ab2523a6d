"""Paths: where this system keeps a user's files of ours, and whether a path that a person gave
may be used. Nothing is created here.

Without a home folder there is no place: the functions return None, and what wanted to be kept is
not kept.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import platformdirs

from sharpcam.errors import SharpCamError

NAME = "sharpcam"


def config_folder() -> Path | None:
    """For the settings file."""
    return _place(lambda: platformdirs.user_config_path(NAME, appauthor=False))


def state_folder() -> Path | None:
    """For what is learnt and can be learnt again."""
    return _place(lambda: platformdirs.user_state_path(NAME, appauthor=False))


def log_folder() -> Path | None:
    """For the log."""
    return _place(lambda: platformdirs.user_log_path(NAME, appauthor=False))


def autostart_folder() -> Path | None:
    """Where a Linux desktop looks for what to start at login."""
    return _place(lambda: platformdirs.user_config_path("autostart", appauthor=False))


def runtime_folders() -> list[Path]:
    """Where the control socket may be, the best place first.

    The session's folder is not everywhere: not in a cron job, not in every container. Whoever uses
    one of these must check that it is private.
    """
    places = [
        _place(lambda: platformdirs.user_runtime_path(NAME, appauthor=False)),
        _place(lambda: platformdirs.user_cache_path(NAME, appauthor=False) / "run"),
        Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid() if hasattr(os, 'getuid') else ''}",
    ]
    return list(dict.fromkeys(place for place in places if place))


def _place(ask: Callable[[], Path]) -> Path | None:
    """An absolute path, or None where platformdirs finds none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a runtime folder that is not private
            path = ask()
    except (RuntimeError, OSError):  # no home folder
        return None
    return path if path.is_absolute() else None


def exists(path: Path) -> bool:
    """Whether there is something of that name; no where it cannot be one, or its folder may not be
    read: what is wrong with it is said where it is used."""
    try:
        return path.exists()
    except OSError:
        return False


def check_output(target: Path, source: Path | None, overwrite: bool) -> None:
    """Whether a file may be written to `target`, which may come from `source`.

    Raises:
        SharpCamError: it is the source, or there already and not to be overwritten.
        OSError: the file system does not tell.
    """
    if source and (
        target.resolve() == source.resolve() or (exists(target) and target.samefile(source))
    ):
        raise SharpCamError(f"the output {target} is the input itself", "give it another name")
    if exists(target) and not overwrite:
        raise SharpCamError(f"{target} exists already", "add --overwrite to replace it")
