"""The three systems' modules, each on made-up devices; all of them run on any system."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest
from cv2_enumerate_cameras.camera_info import CameraInfo as Found

from sharpcam import system
from sharpcam.system import CameraInfo, VirtualCameraInfo, linux, macos, windows
from sharpcam.system.info import is_virtual, to_camera

NAMES = ("CAMERA_BACKENDS", "CAMERA_HINT", "VIRTUAL_CAMERA_HINT")
FUNCTIONS = ("cameras", "virtual_cameras", "has_screen", "users_of")
ALL = pytest.mark.parametrize("module", [linux, windows, macos], ids=lambda it: it.__name__[16:])
OBS = VirtualCameraInfo("obs", "OBS Virtual Camera", "OBS Virtual Camera")
OURS = VirtualCameraInfo("unitycapture", "SharpCam", "SharpCam")


class FakeListing:
    """Stands in for cv2_enumerate_cameras.enumerate_cameras; keeps which backend was asked."""

    def __init__(self, *found: Found) -> None:
        self.found = found
        self.asked: list[int] = []

    def __call__(self, backend: int = cv2.CAP_ANY) -> list[Found]:
        self.asked.append(backend)
        return list(self.found)


Plug = Callable[..., FakeListing]


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Let one system's module find these devices from now on."""

    def plugged(module: ModuleType, *found: Found) -> FakeListing:
        listing = FakeListing(*found)
        monkeypatch.setattr(module, "enumerate_cameras", listing)
        return listing

    return plugged


def dshow(index: int, name: str) -> Found:
    path = f"\\\\?\\usb#vid_046d&pid_0825#{index}"
    return Found(index, name, path, 0x046D, 0x0825, cv2.CAP_DSHOW)


@ALL
def test_every_module_has_the_same_names(module: ModuleType) -> None:
    for name in (*NAMES, *FUNCTIONS):
        assert name in str(system.__doc__)
        assert name in system.__all__
        assert hasattr(module, name), name
    for name in FUNCTIONS:
        assert inspect.signature(getattr(module, name)) == inspect.signature(getattr(system, name))
    for name in NAMES:
        assert type(getattr(module, name)) is type(getattr(system, name))
        assert getattr(module, name)


@ALL
def test_every_module_finds_nothing_where_there_is_nothing(
    module: ModuleType, plug: Plug, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plug(module)
    monkeypatch.setattr(linux, "SYSFS", tmp_path / "none")
    monkeypatch.setattr(macos, "OBS", tmp_path / "none")
    assert module.cameras() == []
    assert module.virtual_cameras() == []


def test_the_package_speaks_for_the_system_it_runs_on(
    plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = {"win32": windows, "darwin": macos}
    host = hosts.get(sys.platform, linux)
    for module in (linux, windows, macos):
        plug(module)
    plug(host, Found(0, "Acme", "/dev/acme", None, None, 1))
    assert [camera.name for camera in system.cameras()] == ["Acme"]
    monkeypatch.setattr(host, "virtual_cameras", lambda: [OBS])
    assert system.virtual_cameras() == [OBS]
    for screen in (True, False):
        monkeypatch.setattr(host, "has_screen", lambda screen=screen: screen)
        assert system.has_screen() is screen
    assert system.CAMERA_HINT == host.CAMERA_HINT


# What cv2_enumerate_cameras tells, as we keep it.


def test_a_usb_camera_has_its_vendor_and_product() -> None:
    found = Found(4, "Acme", "/dev/video4", 0x46D, 0x825, cv2.CAP_V4L2)
    assert to_camera(found) == CameraInfo(4, "Acme", "/dev/video4", "046d:0825", cv2.CAP_V4L2)


@pytest.mark.parametrize(("vid", "pid"), [(None, None), (0x46D, None), (None, 0x825)])
def test_half_a_usb_id_is_none(vid: int | None, pid: int | None) -> None:
    assert to_camera(Found(0, "Acme", "/dev/video0", vid, pid, 0)).usb_id == ""


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_camera_without_a_name_or_path_can_still_be_shown(nothing: Any) -> None:
    assert to_camera(Found(3, nothing, nothing, None, None, 0)) == CameraInfo(3, "camera 3", "")


@pytest.mark.parametrize(
    ("name", "virtual"),
    [
        ("SharpCam", True),
        ("OBS Virtual Camera", True),
        ("Unity Video Capture", True),
        ("Unity Video Capture #2", True),
        ("ManyCam Virtual Webcam", True),
        ("Logitech C270", False),
        ("FaceTime HD Camera", False),
        ("USB Video Device", False),
    ],
)
def test_virtual_cameras_are_known_by_their_names(name: str, virtual: bool) -> None:
    assert is_virtual(name) is is_virtual(name.upper()) is virtual


# Windows


def test_windows_leaves_virtual_cameras_out_and_keeps_the_index(plug: Plug) -> None:
    listing = plug(windows, dshow(0, "SharpCam"), dshow(1, "Logitech C270"), dshow(2, "Acme"))
    cameras = windows.cameras()
    assert [(camera.index, camera.name) for camera in cameras] == [
        (1, "Logitech C270"),
        (2, "Acme"),
    ]
    assert {camera.backend for camera in cameras} == {cv2.CAP_DSHOW}
    assert cameras[0].usb_id == "046d:0825"
    assert listing.asked == [cv2.CAP_DSHOW]


def test_windows_prefers_our_virtual_camera_to_unitys_and_that_to_obs(plug: Plug) -> None:
    found = ("OBS Virtual Camera", "Acme", "Unity Video Capture", "SharpCam")
    plug(windows, *(dshow(index, name) for index, name in enumerate(found)))
    unity = VirtualCameraInfo("unitycapture", "Unity Video Capture", "Unity Video Capture")
    assert windows.virtual_cameras() == [OURS, unity, OBS]


def test_windows_names_no_virtual_camera_that_is_not_registered(plug: Plug) -> None:
    plug(windows, dshow(0, "Acme"), dshow(1, "ManyCam Virtual Webcam"))
    assert windows.virtual_cameras() == []


@pytest.mark.parametrize(("before", "after"), [(None, "0"), ("1", "1")])
def test_windows_opens_cameras_without_slow_transforms_unless_told_to(
    monkeypatch: pytest.MonkeyPatch, before: str | None, after: str
) -> None:
    name = "OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS"
    monkeypatch.setenv(name, before or "")
    if before is None:
        monkeypatch.delenv(name)
    importlib.reload(windows)
    assert os.environ[name] == after


# macOS


def test_macos_leaves_virtual_cameras_out(plug: Plug) -> None:
    names = ("FaceTime HD Camera", "OBS Virtual Camera", "Acme")
    found = [Found(i, name, name, None, None, cv2.CAP_AVFOUNDATION) for i, name in enumerate(names)]
    listing = plug(macos, *found)
    assert [(camera.index, camera.name) for camera in macos.cameras()] == [
        (0, "FaceTime HD Camera"),
        (2, "Acme"),
    ]
    assert listing.asked == [cv2.CAP_AVFOUNDATION]


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("installed", [False, True])
def test_macos_has_obs_where_it_is_listed_or_installed(
    plug: Plug, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listed: bool, installed: bool
) -> None:
    if listed:
        plug(macos, Found(1, "OBS Virtual Camera", "", None, None, cv2.CAP_AVFOUNDATION))
    else:
        plug(macos, Found(0, "FaceTime HD Camera", "", None, None, cv2.CAP_AVFOUNDATION))
    monkeypatch.setattr(macos, "OBS", tmp_path if installed else tmp_path / "none")
    assert macos.virtual_cameras() == ([OBS] if listed or installed else [])


def test_a_device_without_a_path_is_used_by_nobody() -> None:
    assert system.users_of("") == []
