"""What is said once."""

from __future__ import annotations

from pathlib import Path

from sharpcam.cli import build_parser
from sharpcam.welcome import is_due, words


def test_it_is_due_once(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert is_due(folder)
    assert not is_due(folder)


def test_where_that_cannot_be_kept_it_is_never_due(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not is_due(tmp_path / "file")


def test_it_names_the_camera_as_the_app_does() -> None:
    assert '"OBS Virtual Camera"' in words("OBS Virtual Camera")


def test_it_says_where_apps_have_that_choice() -> None:
    command = words("SharpCam").split("`")[1].split()
    assert command == ["sharpcam", "help", "camera"]
    assert build_parser().parse_args(command[1:]).topic == "camera"
