"""The macOS app, as far as it can be judged elsewhere: its property lists and what is run."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from installer.build import main
from installer.macos import app
from installer.sources import version
from sharpcam.session import autostart_macos


def test_the_app_says_what_it_wants_the_camera_for() -> None:
    entries = app.information()
    assert "camera" in entries["NSCameraUsageDescription"]
    assert entries["LSUIElement"] is True, "an icon in the menu bar, none in the Dock"
    assert entries["CFBundleShortVersionString"] == version()
    assert entries["CFBundleIdentifier"] == autostart_macos.LABEL


def test_a_signed_app_may_use_the_camera() -> None:
    with (app.HERE / "entitlements.plist").open("rb") as file:
        assert plistlib.load(file)["com.apple.security.device.camera"] is True


def test_the_agent_that_starts_it_at_login_is_a_property_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    program = "/Applications/SharpCam.app/Contents/MacOS/sharpcam"
    autostart_macos.register([program])
    (written,) = (tmp_path / "Library" / "LaunchAgents").iterdir()
    with written.open("rb") as file:
        agent = plistlib.load(file)
    assert agent["ProgramArguments"] == [program]
    assert agent["RunAtLoad"] is True
    assert written.name == f"{agent['Label']}.plist"


def test_it_is_signed_before_it_is_packed(tmp_path: Path) -> None:
    program, image = tmp_path / "program", tmp_path / "SharpCam.dmg"
    done = app.commands(program, image, "Developer ID")
    names = [command[0] for command in done]
    assert names.index("codesign") < names.index("hdiutil")
    assert done[0][-2:] == ["Developer ID", str(program / "SharpCam.app")]
    assert done[-1][-1] == str(image)


@pytest.mark.parametrize("what", ["windows", "macos"])
def test_programs_are_made_on_their_own_system_only(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert main([what]) == 1
    assert "hint: run this on" in capsys.readouterr().err
