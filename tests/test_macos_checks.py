"""The doctor on made-up macOS systems: what it finds, and the command that it names."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest

from sharpcam.check import Check, Verdict
from sharpcam.system import macos_checks
from sharpcam.system.commands import Answer
from sharpcam.system.macos_checks import MacHost, authorization, check_host

HEADING = (
    "1 extension(s)\n--- com.apple.system_extension.cmio\n"
    "enabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n"
)
EXTENSION = (
    "2MMRE5MTB8\tcom.obsproject.obs-studio.mac-camera-extension (31.0.0/1)\tOBS Virtual Camera"
)
OTHER = "*\t*\tABCDE12345\tcom.example.camera (1.0/1)\tExample\t[activated enabled]\n"


class FakeMac:
    """A system to install things in; bare at first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.permission: int | None = 3
        self.version = "14.6.1"
        self.extensions: str | None = "0 extension(s)"

    def install_obs(self, version: str = "31.0.0", state: str = "activated enabled") -> None:
        contents = self.root / "Applications" / "OBS.app" / "Contents"
        contents.mkdir(parents=True, exist_ok=True)
        info = {"CFBundleShortVersionString": version}
        (contents / "Info.plist").write_bytes(plistlib.dumps(info, fmt=plistlib.FMT_BINARY))
        self.extensions = f"{HEADING}{OTHER}*\t*\t{EXTENSION}\t[{state}]\n"

    def run(self, *command: str) -> Answer | None:
        assert command == ("systemextensionsctl", "list")
        return None if self.extensions is None else Answer(0, self.extensions)

    def checks(self) -> dict[str, Check]:
        """What the doctor finds, by name."""
        host = MacHost(
            self.root, self.root / "Users/anna", self.run, lambda: self.permission, self.version
        )
        found = check_host(host, [], [])
        return {check.name: check for check in found}


@pytest.fixture
def mac(tmp_path: Path) -> FakeMac:
    """A bare system."""
    return FakeMac(tmp_path)


def blocking(checks: dict[str, Check]) -> set[str]:
    return {name for name, check in checks.items() if check.blocks}


def test_a_mac_with_obs_has_no_problem(mac: FakeMac) -> None:
    mac.install_obs()
    checks = mac.checks()
    assert {check.verdict for check in checks.values()} == {Verdict.OK}
    assert checks["OBS Studio"].detail == "version 31.0.0"
    assert checks["system"].detail == "macOS 14.6.1"


def test_a_mac_without_obs_has_no_virtual_camera(mac: FakeMac) -> None:
    checks = mac.checks()
    assert checks["OBS Studio"].hint == "brew install --cask obs"
    assert blocking(checks) == {"OBS Studio"}
    assert "OBS camera extension" not in checks


@pytest.mark.parametrize("version", ["29.1.3", "27.0", ""])
def test_an_obs_before_30_has_no_extension(mac: FakeMac, version: str) -> None:
    mac.install_obs(version)
    check = mac.checks()["OBS Studio"]
    assert check.hint == "brew upgrade --cask obs"
    assert check.blocks


def test_an_obs_that_does_not_describe_itself_is_none(mac: FakeMac) -> None:
    mac.install_obs()
    (mac.root / "Applications/OBS.app/Contents/Info.plist").write_bytes(b"nonsense")
    assert mac.checks()["OBS Studio"].blocks


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        ("activated waiting for user", "com.apple.LoginItems-Settings.extension"),
        ("activated disabled", "com.apple.LoginItems-Settings.extension"),
        ("terminated waiting to uninstall on reboot", "sudo shutdown -r now"),
    ],
)
def test_an_extension_that_is_not_enabled_blocks(mac: FakeMac, state: str, hint: str) -> None:
    mac.install_obs(state=state)
    check = mac.checks()["OBS camera extension"]
    assert check.detail == f"installed, but {state}"
    assert hint in check.hint
    assert check.blocks


def test_an_older_extension_may_wait_for_its_removal(mac: FakeMac) -> None:
    mac.install_obs()
    assert mac.extensions
    mac.extensions += f"\t\t{EXTENSION}\t[terminated waiting to uninstall on reboot]\n"
    assert mac.checks()["OBS camera extension"].verdict is Verdict.OK


def test_an_extension_that_was_never_started_is_to_be_started_once(mac: FakeMac) -> None:
    mac.install_obs()
    mac.extensions = HEADING + OTHER
    check = mac.checks()["OBS camera extension"]
    assert check.hint.startswith("open -a OBS")
    assert check.blocks


def test_without_an_answer_nothing_is_said_of_the_extension(mac: FakeMac) -> None:
    mac.install_obs()
    mac.extensions = None
    assert mac.checks()["OBS camera extension"].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("permission", "verdict", "blocks"),
    [
        (3, "ok", False),
        (0, "ok", False),
        (1, "problem", True),
        (2, "problem", True),
        (None, "cannot tell", False),
    ],
)
def test_a_refused_camera_blocks(
    mac: FakeMac, permission: int | None, verdict: str, blocks: bool
) -> None:
    mac.install_obs()
    mac.permission = permission
    check = mac.checks()["camera permission"]
    assert (check.verdict, check.blocks) == (Verdict(verdict), blocks)
    if permission == 2:
        assert "Privacy_Camera" in check.hint


@pytest.mark.parametrize(("version", "verdict"), [("12.7.6", "problem"), ("13.0", "ok")])
def test_camera_extensions_need_macos_13(mac: FakeMac, version: str, verdict: str) -> None:
    mac.version = version
    assert mac.checks()["system"].verdict is Verdict(verdict)


def test_an_agent_starts_sharpcam_at_login(mac: FakeMac) -> None:
    assert mac.checks()["start at login"].detail == "off"
    agents = mac.root / "Users/anna/Library/LaunchAgents"
    agents.mkdir(parents=True)
    (agents / "io.example.SharpCam.plist").touch()
    assert mac.checks()["start at login"].detail == "on, by io.example.SharpCam.plist"


# AVFoundation, in the place of which stands a library with the same four names

FOUNDATION = r"""
#include <string.h>
const char *AVMediaTypeVideo = "vide";
void *objc_getClass(const char *name) { return strcmp(name, "AVCaptureDevice") ? 0 : (void *)1; }
void *sel_registerName(const char *name) {
    return strcmp(name, "authorizationStatusForMediaType:") ? 0 : (void *)2;
}
long objc_msgSend(void *receiver, void *selector, const char *type) {
    return receiver == (void *)1 && selector == (void *)2 && !strcmp(type, "vide") ? 3 : -1;
}
"""


def test_avfoundation_is_asked_for_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("there is no C compiler to make a library with")
    source, library = tmp_path / "foundation.c", tmp_path / "foundation.so"
    source.write_text(FOUNDATION)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    monkeypatch.setattr(macos_checks, "RUNTIME", str(library))
    monkeypatch.setattr(macos_checks, "FRAMEWORK", str(library))
    assert authorization() == 3


def test_where_there_is_no_avfoundation_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(macos_checks, "FRAMEWORK", str(tmp_path / "gone"))
    assert authorization() is None
