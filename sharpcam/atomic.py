"""A file appears under its final name whole or not at all; so does a folder for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sharpcam.errors import SharpCamError


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make it, and those above it, where they are missing; only it gets `mode`.

    Raises:
        SharpCamError: it cannot be made.
    """
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise SharpCamError(
            f"cannot make the folder {folder}: {error.strerror or error}",
            "check whose folder it is, and the free space",
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a hidden name in the folder of `path` to write to; rename it to `path` at the end.

    On any error, Ctrl-C included, the hidden file is removed and `path` stays as it was.

    Raises:
        SharpCamError: the folder is missing or not writable, or `path` is a folder.
    """
    if path.is_dir():
        raise SharpCamError(f"cannot write {path}: it is a folder", "give the name of a file")
    # The extension stays last: writers choose the format by it. Names have an end, too: 255 bytes.
    partial = path.with_name(f".{path.stem[:40]}.{os.getpid()}.part{path.suffix}")
    try:  # from before it is there: Ctrl-C may come right after
        _create(partial, path)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise SharpCamError(
            f"cannot write {path}: {error.strerror or error}",
            "check the free space, and that no other program has the file open",
        ) from error
    finally:
        with suppress(OSError):  # most often it has its final name by now
            partial.unlink()


def _create(partial: Path, path: Path) -> None:
    try:
        partial.open("wb").close()
    except OSError as error:
        raise SharpCamError(
            f"cannot write {path}: {error.strerror or error}",
            "choose a folder that exists and that you may write to",
        ) from error
