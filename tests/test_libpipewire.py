"""Whether PipeWire would work here: the library, and sockets of our own in place of a daemon's."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sharpcam.system import libpipewire as pw

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="PipeWire's sockets are Unix's")


@contextmanager
def listening(path: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The library is there, and no daemon."""
    for name in ("PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pw, "SYSTEM_RUNTIME", tmp_path / "system")
    monkeypatch.setattr(pw, "loaded", object)


def test_where_no_daemon_answers_it_is_not_available(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not pw.available()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert not pw.available()
    with listening(tmp_path / "pipewire-0"):
        assert pw.available()
    assert not pw.available()  # the socket's file is still there


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({"XDG_RUNTIME_DIR": "{}"}, "pipewire-0"),
        ({"XDG_RUNTIME_DIR": "/nowhere", "PIPEWIRE_RUNTIME_DIR": "{}"}, "pipewire-0"),
        ({"XDG_RUNTIME_DIR": "{}", "PIPEWIRE_REMOTE": "other"}, "other"),
        ({"PIPEWIRE_REMOTE": "{}/own"}, "own"),
        ({}, "system/pipewire-0"),
        ({"XDG_RUNTIME_DIR": "/nowhere"}, "system/pipewire-0"),
    ],
)
def test_the_daemon_is_looked_for_where_libpipewire_looks(
    variables: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    (tmp_path / "system").mkdir()
    with listening(tmp_path / path):
        assert pw.available()


def test_without_the_library_it_is_not_available(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(pw, "LIBRARY", "libno-such-thing.so.9")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    pw.loaded.cache_clear()
    with listening(tmp_path / "pipewire-0"):
        assert not pw.available()
    with pytest.raises(OSError, match=r"libno-such-thing.so.9 is not there \(sudo apt install"):
        pw.loaded()
