"""What --source and --sink come to, with made-up devices and real files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import pytest
from clips import SAMPLE

from sharpcam import choose, system
from sharpcam.choose import (
    DEMO_NAME,
    SinkChoice,
    SourceChoice,
    choose_sink,
    choose_source,
    virtual_cameras,
)
from sharpcam.errors import SharpCamError
from sharpcam.system import CameraInfo, VirtualCameraInfo

LOGI = CameraInfo(0, "Logitech C270", "/dev/video0", "046d:0825", cv2.CAP_V4L2)
ACME = CameraInfo(2, "ACME HD Webcam", "/dev/video2", "", cv2.CAP_V4L2)
ACME_PRO = CameraInfo(4, "ACME HD", "/dev/video4", "", cv2.CAP_V4L2)
OURS = VirtualCameraInfo("v4l2loopback", "/dev/video10", "SharpCam")
NODE = VirtualCameraInfo("pipewire", "SharpCam", "SharpCam")
OBS = VirtualCameraInfo("obs", "OBS Virtual Camera", "OBS Virtual Camera")


class FakeSystem:
    """The devices of a machine; none until a test plugs some in."""

    def __init__(self) -> None:
        self.cameras: list[CameraInfo] = []
        self.virtual: list[VirtualCameraInfo] = []
        self.screen = False


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeSystem:
    """The machine that is chosen on; the current folder is an empty one."""
    fake = FakeSystem()
    monkeypatch.setattr(system, "cameras", lambda: list(fake.cameras))
    monkeypatch.setattr(system, "virtual_cameras", lambda: list(fake.virtual))
    monkeypatch.setattr(system, "has_screen", lambda: fake.screen)
    monkeypatch.chdir(tmp_path)
    return fake


def refusal(text: str) -> SharpCamError:
    with pytest.raises(SharpCamError) as caught:
        choose_source(text)
    assert text in caught.value.message
    assert caught.value.hint
    return caught.value


def sink(
    text: str, *, compare: bool = False, overwrite: bool = False, source: Path | None = None
) -> SinkChoice:
    return choose_sink(text, compare=compare, overwrite=overwrite, source=source, folder=Path.cwd())


def sink_refusal(text: str, *, overwrite: bool = False, source: Path | None = None) -> str:
    with pytest.raises(SharpCamError) as caught:
        sink(text, overwrite=overwrite, source=source)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("text", ["auto", "camera"])
def test_the_first_camera_is_taken(machine: FakeSystem, text: str) -> None:
    machine.cameras = [LOGI, ACME]
    choice = choose_source(text)
    assert choice == SourceChoice(camera=LOGI, name="Logitech C270")
    assert not choice.is_demo


def test_auto_without_a_camera_is_the_demo_and_says_so() -> None:
    choice = choose_source("auto")
    assert choice.is_demo
    assert choice.camera is None
    assert choice.file
    assert choice.file.is_file()
    assert "No camera found" in choice.said


def test_the_demo_can_be_asked_for_and_then_needs_no_excuse(machine: FakeSystem) -> None:
    machine.cameras = [LOGI]
    choice = choose_source("demo")
    assert choice.is_demo
    assert (choice.name, choice.said, choice.camera) == (DEMO_NAME, "", None)


def test_a_camera_that_is_asked_for_and_missing_is_not_replaced() -> None:
    assert "no camera was found" in refusal("camera").message
    error = refusal("Logitech")
    assert "there is no camera 'Logitech'" in error.message
    assert system.CAMERA_HINT in error.hint
    assert "demo" in error.hint


def test_an_index_is_the_systems_and_not_the_place_in_the_list(machine: FakeSystem) -> None:
    machine.cameras = [LOGI, ACME]
    assert choose_source("2").camera == ACME


def test_an_index_that_is_not_listed_is_tried_all_the_same(machine: FakeSystem) -> None:
    machine.cameras = [LOGI]
    choice = choose_source("10")
    assert choice.camera == CameraInfo(10, "camera 10")
    assert choice.name == "camera 10"


@pytest.mark.parametrize("text", ["ACME HD Webcam", "acme hd webcam", "WEBCAM", "me hd w"])
def test_a_name_may_be_a_part_and_in_any_case(machine: FakeSystem, text: str) -> None:
    machine.cameras = [LOGI, ACME, ACME_PRO]
    assert choose_source(text).camera == ACME


def test_a_whole_name_goes_before_a_part_of_another(machine: FakeSystem) -> None:
    machine.cameras = [ACME, ACME_PRO]
    assert choose_source("acme hd").camera == ACME_PRO
    assert choose_source("acme").camera == ACME


@pytest.mark.parametrize("text", ["Logitec C720", "logitehc", "LOGITEHC"])
def test_an_unknown_name_gets_the_nearest_one_as_a_hint(machine: FakeSystem, text: str) -> None:
    machine.cameras = [ACME, LOGI]
    assert "did you mean 'Logitech C270'?" in refusal(text).hint


def test_a_name_near_to_none_gets_the_first_one_as_a_hint(machine: FakeSystem) -> None:
    machine.cameras = [ACME, LOGI]
    assert "'ACME HD Webcam'" in refusal("zzz").hint


@pytest.mark.parametrize("name", ["clip.mkv", "still.PNG", "no extension"])
def test_a_file_is_taken_by_its_name(machine: FakeSystem, name: str) -> None:
    machine.cameras = [LOGI]
    Path(name).touch()
    assert choose_source(name) == SourceChoice(file=Path(name), name=name)
    assert choose_source(f"./{name}").name == name
    assert choose_source(str(Path.cwd() / name)).file == Path.cwd() / name


@pytest.mark.parametrize("text", ["none.mp4", "none.JPG", "folder/none", "folder\\none"])
def test_a_missing_file_is_not_taken_for_a_cameras_name(machine: FakeSystem, text: str) -> None:
    machine.cameras = [LOGI]
    assert "does not exist" in refusal(text).message


@pytest.mark.parametrize("name", ["folder", "folder.mp4"])
def test_a_folder_is_refused(name: str) -> None:
    Path(name).mkdir()
    assert "is a folder" in refusal(name).message


def test_a_device_is_refused_without_saying_that_it_is_missing() -> None:
    message = refusal(os.devnull if "/" in os.devnull else f".\\{os.devnull}").message
    assert "is not an ordinary file" in message


def test_a_text_that_can_be_no_files_name_is_refused(machine: FakeSystem) -> None:
    machine.cameras = [LOGI]
    assert "there is no camera" in refusal("x" * 5000).message
    assert "cannot be read" in refusal("x" * 5000 + ".mp4").message


@pytest.mark.parametrize("word", ["auto", "camera", "demo", "0"])
def test_a_folder_of_the_same_name_does_not_change_a_word(machine: FakeSystem, word: str) -> None:
    machine.cameras = [LOGI]
    before = choose_source(word)
    Path(word).mkdir()
    assert choose_source(word) == before


def test_auto_sends_to_the_virtual_cameras_best_first(machine: FakeSystem) -> None:
    machine.virtual, machine.screen = [OURS, OBS], True
    choice = sink("auto")
    assert choice == SinkChoice(virtual=((OURS, OBS),))
    assert choice.is_live


@pytest.mark.parametrize("screen", [False, True])
def test_auto_without_a_virtual_camera_records_before_and_after(
    machine: FakeSystem, screen: bool
) -> None:
    machine.screen = screen
    choice = sink("auto")
    assert choice.file
    assert choice.file.parent == Path.cwd()
    assert not choice.file.exists()
    assert (choice.virtual, choice.window, choice.compare) == (None, screen, True)
    assert choice.file.name in choice.said
    assert choice.is_live == screen


def test_virtual_names_all_that_there_are(machine: FakeSystem) -> None:
    assert sink("virtual") == SinkChoice(virtual=((),))
    assert sink("virtual").is_live
    machine.virtual = [OBS]
    assert sink("virtual") == SinkChoice(virtual=((OBS,),))


def test_one_kind_of_virtual_camera_can_be_asked_for(machine: FakeSystem) -> None:
    machine.virtual = [OURS, NODE]
    assert sink("loopback") == SinkChoice(virtual=((OURS,),))
    assert sink("pipewire") == SinkChoice(virtual=((NODE,),))
    machine.virtual = [OBS]
    assert sink("pipewire") == SinkChoice(virtual=((),))


def test_several_sinks_stand_between_commas(machine: FakeSystem) -> None:
    machine.virtual = [OURS, NODE]
    assert sink("loopback,pipewire") == SinkChoice(virtual=((OURS,), (NODE,)))
    assert sink("window,virtual") == SinkChoice(virtual=((OURS, NODE),), window=True)
    assert sink("pipewire,pipewire") == sink("pipewire")


def test_window_and_null_are_what_they_say() -> None:
    assert sink("window") == SinkChoice(window=True)
    assert sink("window").is_live
    assert sink("null") == SinkChoice()
    assert not sink("null").is_live


@pytest.mark.parametrize("name", ["out.mp4", "out.MKV", "new folder/out.webm"])
@pytest.mark.parametrize("compare", [False, True])
def test_a_file_is_written_as_asked(name: str, compare: bool) -> None:
    choice = sink(name, compare=compare)
    assert choice == SinkChoice(file=Path(name), compare=compare)
    assert not choice.is_live


@pytest.mark.parametrize(
    "text", ["out.xyz", "out", "vitrual", "out.png", ".mp4", "", "window,null"]
)
def test_an_unknown_sink_or_extension_is_refused(text: str) -> None:
    assert f"unknown sink {text!r}" in sink_refusal(text)


def test_an_existing_file_needs_overwrite() -> None:
    Path("out.mp4").touch()
    assert "exists already" in sink_refusal("out.mp4")
    assert sink("out.mp4", overwrite=True).file == Path("out.mp4")


def test_a_name_that_can_be_no_file_is_left_to_the_writer() -> None:
    name = "x" * 5000 + ".mp4"
    assert sink(name, source=SAMPLE).file == Path(name)


@pytest.mark.parametrize("output", ["in.mp4", "./in.mp4", "sub/../in.mp4", "link.mp4", "hard.mp4"])
def test_the_source_is_never_written_over(output: str) -> None:
    Path("sub").mkdir()
    source = Path("in.mp4").absolute()
    source.touch()
    Path("hard.mp4").hardlink_to(source)
    if output == "link.mp4":
        try:
            Path("link.mp4").symlink_to(source)
        except OSError:  # Windows allows it to developers only
            pytest.skip("no symbolic links here")
    assert "is the input itself" in sink_refusal(output, overwrite=True, source=source)


def test_another_file_than_the_source_may_be_written_over() -> None:
    for name in ("in.mp4", "out.mp4"):
        Path(name).touch()
    assert sink("out.mp4", overwrite=True, source=Path("in.mp4")).file == Path("out.mp4")


def test_two_runs_in_the_same_second_record_to_two_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(time, "strftime", lambda pattern: pattern)
    names = set()
    for process in (10, 11):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        names.add(choose.fresh_name(tmp_path))
    assert len(names) == 2


def test_a_fresh_name_is_one_that_can_be_written(tmp_path: Path) -> None:
    path = choose.fresh_name(tmp_path)
    assert path.parent == tmp_path
    assert sink(str(path)).file == path


def test_virtual_cameras_are_asked_for_by_what_carries_them(machine: FakeSystem) -> None:
    machine.virtual = [OURS, NODE, OBS]
    assert virtual_cameras("auto") == virtual_cameras("virtual") == [OURS, NODE, OBS]
    assert virtual_cameras("loopback") == [OURS]
    assert virtual_cameras("pipewire") == [NODE]


def test_another_products_camera_is_fed_only_when_it_is_named(machine: FakeSystem) -> None:
    theirs = VirtualCameraInfo("v4l2loopback", "/dev/video9", "OBS Virtual Camera", foreign=True)
    machine.virtual = [NODE, theirs]
    assert virtual_cameras("auto") == [NODE]
    assert virtual_cameras("loopback") == []
    assert sink("/dev/video9").virtual == ((theirs,),)
    assert sink("pipewire,/dev/video9").virtual == ((NODE,), (theirs,))
    machine.virtual = [theirs]
    assert "recording" in sink("auto").said
    assert "/dev/video8" in sink_refusal("/dev/video8")
