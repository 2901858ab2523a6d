"""`sharpcam help`."""

from __future__ import annotations

import pytest

from sharpcam import system
from sharpcam.cli import main
from sharpcam.system import VirtualCameraInfo


@pytest.mark.parametrize("name", ["SharpCam", "OBS Virtual Camera"])
def test_every_app_is_told_by_the_name_that_it_lists(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = [VirtualCameraInfo("obs", name, name), VirtualCameraInfo("obs", "Other", "Other")]
    monkeypatch.setattr(system, "virtual_cameras", lambda: devices)
    assert main(["help", "camera"]) == 0
    text = capsys.readouterr().out
    for app in ("Zoom", "Teams", "Google Meet in Chrome", "Google Meet in Firefox", "OBS Studio"):
        assert app in text
    assert text.count(name) >= 6
    assert "Other" not in text
    assert "no virtual camera yet" not in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_without_a_virtual_camera_its_future_name_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system, "virtual_cameras", list)
    assert main(["help", "camera"]) == 0
    text = capsys.readouterr().out
    assert system.DEFAULT_VIRTUAL_NAME in text
    assert system.VIRTUAL_CAMERA_HINT in text


def test_help_alone_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    text = capsys.readouterr().out
    for command in ("run", "enhance", "devices", "doctor", "bench"):
        assert f"\n    {command} " in text
    assert "sharpcam help camera" in text


def test_there_is_no_help_on_anything_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["help", "coffee"])
    assert end.value.code == 2
