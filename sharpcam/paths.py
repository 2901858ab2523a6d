"""Paths that a person gave: whether they are there, and whether they may be written."""

from __future__ import annotations

from pathlib import Path

from sharpcam.errors import SharpCamError


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
