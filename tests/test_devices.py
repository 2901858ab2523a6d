"""`sharpcam devices` on made-up devices: what people read and what programs read."""

from __future__ import annotations

import json

import pytest

from sharpcam import system
from sharpcam.cli import main
from sharpcam.system import CameraInfo, VirtualCameraInfo

LOGI = CameraInfo(0, "Logitech C270", "/dev/video0", "046d:0825", 200)
BARE = CameraInfo(12, "FaceTime")
OURS = VirtualCameraInfo("v4l2loopback", "/dev/video10", "SharpCam")
ONLY = VirtualCameraInfo("obs", None, "OBS Virtual Camera")


class Devices:
    """Runs the command on a machine with the given devices and returns what it prints."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(
        self,
        *options: str,
        cameras: tuple[CameraInfo, ...] = (),
        virtual: tuple[VirtualCameraInfo, ...] = (),
    ) -> str:
        self._monkeypatch.setattr(system, "cameras", lambda: list(cameras))
        self._monkeypatch.setattr(system, "virtual_cameras", lambda: list(virtual))
        assert main(["devices", *options]) == 0
        out, err = self._capsys.readouterr()
        assert err == ""
        return out


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Devices:
    """The command."""
    return Devices(monkeypatch, capsys)


def parts(text: str) -> list[tuple[str, list[str]]]:
    """The headings, each with the lines below it."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("  "):
            found[-1][1].append(line.strip())
        else:
            found.append((line, []))
    return found


def test_every_device_has_a_line_below_its_heading(devices: Devices) -> None:
    assert parts(devices(cameras=(LOGI, BARE), virtual=(OURS, ONLY))) == [
        ("Cameras", ["0  Logitech C270  /dev/video0 046d:0825", "12  FaceTime"]),
        (
            "Virtual cameras",
            ["SharpCam  /dev/video10 (v4l2loopback)", "OBS Virtual Camera  (obs)"],
        ),
    ]


def test_what_is_missing_comes_with_what_to_do(devices: Devices) -> None:
    assert parts(devices()) == [
        ("Cameras", [f"none: {system.CAMERA_HINT}"]),
        ("Virtual cameras", [f"none: {system.VIRTUAL_CAMERA_HINT}"]),
    ]


@pytest.mark.parametrize("name", ["[red]Cam[/red]", "Cam :smile:", "[/]", "USB2.0 [HD]: USB2.0"])
def test_a_name_is_shown_as_it_is(devices: Devices, name: str) -> None:
    text = devices(cameras=(CameraInfo(0, name),), virtual=(VirtualCameraInfo("obs", name, name),))
    assert text.count(name) == 3


def test_a_line_is_not_broken_in_a_narrow_terminal(
    devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    wide = CameraInfo(0, "A very long name of a camera", "/dev/video0", "046d:0825")
    assert "A very long name of a camera  /dev/video0 046d:0825" in devices(cameras=(wide,))
    assert system.VIRTUAL_CAMERA_HINT in devices()


def test_no_colours_go_into_a_file(devices: Devices) -> None:
    assert "\x1b" not in devices(cameras=(LOGI,), virtual=(OURS,))


def test_json_is_one_line_with_everything(devices: Devices) -> None:
    text = devices("--json", cameras=(LOGI, BARE), virtual=(OURS, ONLY))
    assert text.count("\n") == 1
    assert json.loads(text) == {
        "cameras": [
            {
                "index": 0,
                "name": "Logitech C270",
                "path": "/dev/video0",
                "usb_id": "046d:0825",
                "backend": 200,
            },
            {"index": 12, "name": "FaceTime", "path": "", "usb_id": "", "backend": 0},
        ],
        "virtual_cameras": [
            {"backend": "v4l2loopback", "device": "/dev/video10", "name": "SharpCam"},
            {"backend": "obs", "device": None, "name": "OBS Virtual Camera"},
        ],
    }


def test_json_of_nothing_is_empty_lists(devices: Devices) -> None:
    assert json.loads(devices("--json")) == {"cameras": [], "virtual_cameras": []}


def test_json_can_be_printed_anywhere_whatever_the_names_are(devices: Devices) -> None:
    text = devices("--json", cameras=(CameraInfo(0, "Caméra 摄像头"),))
    assert text.isascii()
    assert json.loads(text)["cameras"][0]["name"] == "Caméra 摄像头"
