"""`sharpcam devices` on made-up devices: what people read and what programs read."""

from __future__ import annotations

import json

import pytest

from sharpcam import system
from sharpcam.cli import main
from sharpcam.system import CameraFormat, CameraInfo, VirtualCameraInfo, VirtualCameraUse
from sharpcam.system.info import FrameSize

LOGI = CameraInfo(0, "Logitech C270", "/dev/video0", "046d:0825", 200)
BARE = CameraInfo(12, "FaceTime")
OURS = VirtualCameraInfo("v4l2loopback", "/dev/video10", "SharpCam")
ONLY = VirtualCameraInfo("obs", None, "OBS Virtual Camera")


YUYV = CameraFormat("YUYV", False, (FrameSize(640, 480, (30.0, 15.0)), FrameSize(800, 600)))
MJPG = CameraFormat("MJPG", True, (FrameSize(1280, 720, (29.97,)),))
NOBODY = VirtualCameraUse(0)


class Devices:
    """Runs the command on a machine with the given devices and returns what it prints."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(
        self,
        *options: str,
        cameras: tuple[CameraInfo, ...] = (),
        virtual: tuple[VirtualCameraInfo, ...] = (),
        formats: tuple[CameraFormat, ...] = (),
        use: VirtualCameraUse = NOBODY,
    ) -> str:
        self._monkeypatch.setattr(system, "cameras", lambda: list(cameras))
        self._monkeypatch.setattr(system, "virtual_cameras", lambda: list(virtual))
        self._monkeypatch.setattr(system, "formats_of", lambda camera: formats)
        self._monkeypatch.setattr(
            system, "stable_id", lambda camera: f"{camera.usb_id} 1-2".strip()
        )
        self._monkeypatch.setattr(system, "use_of", lambda camera: use)
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


def test_every_device_stands_below_its_heading(devices: Devices) -> None:
    text = devices(cameras=(LOGI, BARE), virtual=(OURS, ONLY), formats=(MJPG, YUYV))
    assert parts(text) == [
        (
            "Cameras",
            [
                "0  Logitech C270  /dev/video0 046d:0825",
                "id 046d:0825 1-2",
                "MJPG (compressed) 1280x720@29.97",
                "YUYV (uncompressed) 640x480@30 800x600",
                "12  FaceTime",
                "id 1-2",
                "MJPG (compressed) 1280x720@29.97",
                "YUYV (uncompressed) 640x480@30 800x600",
            ],
        ),
        (
            "Virtual cameras",
            [
                "SharpCam  /dev/video10 (v4l2loopback)",
                "choose 'SharpCam' in the meeting app; `sharpcam help camera` says where",
                "no program watches it",
                "OBS Virtual Camera  (obs)",
                "no program watches it",
            ],
        ),
    ]


def test_another_products_camera_is_named_and_left_alone(devices: Devices) -> None:
    theirs = VirtualCameraInfo("v4l2loopback", "/dev/video9", "OBS Virtual Camera", foreign=True)
    (_, lines) = parts(devices(virtual=(theirs,)))[1]
    assert lines == [
        "OBS Virtual Camera  /dev/video9 (v4l2loopback)",
        "another product's, left alone; to feed it, `sharpcam run --sink /dev/video9`",
        "no program watches it",
    ]


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (VirtualCameraUse(0), "no program watches it"),
        (VirtualCameraUse(1), "a program watches it"),
        (VirtualCameraUse(None), "whether a program watches cannot be told"),
        (
            VirtualCameraUse(2, ("zoom (process 7)", "obs (process 9)")),
            "open in zoom (process 7), ",
        ),
    ],
)
def test_who_watches_is_told_where_it_can_be(
    devices: Devices, use: VirtualCameraUse, said: str
) -> None:
    assert said in devices(virtual=(OURS,), use=use)


def test_what_is_missing_comes_with_what_to_do(devices: Devices) -> None:
    assert parts(devices()) == [
        ("Cameras", [f"none: {system.CAMERA_HINT}"]),
        ("Virtual cameras", [f"none: {system.VIRTUAL_CAMERA_HINT}"]),
    ]


@pytest.mark.parametrize("name", ["[red]Cam[/red]", "Cam :smile:", "[/]", "USB2.0 [HD]: USB2.0"])
def test_a_name_is_shown_as_it_is(devices: Devices, name: str) -> None:
    text = devices(cameras=(CameraInfo(0, name),), virtual=(VirtualCameraInfo("obs", name, name),))
    assert text.count(name) == 4


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
    use = VirtualCameraUse(1, ("zoom (process 7)",))
    text = devices("--json", cameras=(LOGI, BARE), virtual=(OURS, ONLY), formats=(YUYV,), use=use)
    formats = [
        {
            "name": "YUYV",
            "compressed": False,
            "sizes": [
                {"width": 640, "height": 480, "fps": [30.0, 15.0]},
                {"width": 800, "height": 600, "fps": []},
            ],
        }
    ]
    watched = {"foreign": False, "watchers": 1, "programs": ["zoom (process 7)"]}
    assert text.count("\n") == 1
    assert json.loads(text) == {
        "cameras": [
            {
                "index": 0,
                "name": "Logitech C270",
                "path": "/dev/video0",
                "usb_id": "046d:0825",
                "backend": 200,
                "id": "046d:0825 1-2",
                "formats": formats,
            },
            {
                "index": 12,
                "name": "FaceTime",
                "path": "",
                "usb_id": "",
                "backend": 0,
                "id": "1-2",
                "formats": formats,
            },
        ],
        "virtual_cameras": [
            {"backend": "v4l2loopback", "device": "/dev/video10", "name": "SharpCam", **watched},
            {"backend": "obs", "device": None, "name": "OBS Virtual Camera", **watched},
        ],
    }


def test_json_of_nothing_is_empty_lists(devices: Devices) -> None:
    assert json.loads(devices("--json")) == {"cameras": [], "virtual_cameras": []}


def test_json_can_be_printed_anywhere_whatever_the_names_are(devices: Devices) -> None:
    text = devices("--json", cameras=(CameraInfo(0, "Caméra 摄像头"),))
    assert text.isascii()
    assert json.loads(text)["cameras"][0]["name"] == "Caméra 摄像头"
