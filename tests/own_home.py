"""A home of its own for tests of what is kept in a user's folders, for child processes too."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest


def move_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """From now on every folder that the program asks for is below `folder`."""
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("LOCALAPPDATA", str(folder))
    for kind in ("CONFIG", "STATE", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(folder / kind.lower()))
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    temporary = folder / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
