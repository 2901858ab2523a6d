"""Our writer and the whole program on real v4l2loopback modules, with real programs reading.

What must happen is waited for; nothing depends on how fast the emulated processor is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from kernel import SUITES
from machine import Machine
from numbered import picture, scene
from tiny import write_adder

from sharpcam.video_writer import VideoWriter

pytestmark = [pytest.mark.vm, pytest.mark.slow]

ALL = pytest.mark.parametrize("version", list(SUITES))
OLD, NEW = "0.12.7", "0.15.0"
BOTH = pytest.mark.parametrize("version", [OLD, NEW])
CYCLES = 30
CLIP_FRAMES = 1500
CLIP_RATE = 12.5
"""Pictures per second: at 25 a reader that the emulated processor is too slow for is lapped in the
module's ring, and meets a picture before its turn."""
FED = "is fed by another program already"


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two minutes of numbered pictures."""
    path = tmp_path_factory.mktemp("clip") / "numbers.mkv"
    background = scene(320, 240)
    with VideoWriter(path, 320, 240, CLIP_RATE) as video:
        for number in range(CLIP_FRAMES):
            video.write(picture(number, background), number / CLIP_RATE)
    return str(path)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network of a few operations: the shipped ones take seconds for a picture here."""
    return str(write_adder(tmp_path_factory.mktemp("model") / "adder.onnx"))


STALLS = 4
"""Times that a scene is played until the machine has carried it without a stall."""


def in_order(numbers: Sequence[int | None], cycle: int = 65536) -> bool:
    """Every picture had a number, and each is later than the one before."""
    if None in numbers or len(numbers) < 2:
        return False
    steps = [
        (b - a) % cycle for a, b in pairwise(number for number in numbers if number is not None)
    ]
    return all(0 < step < cycle / 2 for step in steps)


@ALL
def test_every_reader_that_comes_or_goes_is_noticed(machine: Machine, version: str) -> None:
    told = machine.call("watching.cycles", version=version, count=CYCLES)
    assert told["watched"] == [0] + [1, 0] * CYCLES
    assert told["grown"] == [0, 0], "descriptors or threads pile up"
    assert told["left"] == [0, 0], "descriptors or threads stay behind"


@ALL
def test_a_program_that_only_looks_does_not_count_for_long(machine: Machine, version: str) -> None:
    watched = machine.call("watching.looked_at", version=version)["watched"]
    assert watched[-1] == 0
    if version != OLD:
        assert watched == [0]


@BOTH
def test_readers_of_another_virtual_camera_are_not_ours(machine: Machine, version: str) -> None:
    told = machine.call("watching.the_other_camera", version=version)
    assert told["other"][-1] == told["ours"][-1] == 0
    assert 1 in told["other"]
    assert 1 in told["ours"]


@ALL
def test_a_second_reader_does_not_disturb_the_first(machine: Machine, version: str) -> None:
    told = machine.call("watching.two_readers", version=version)
    assert in_order(told["first"])
    if version == OLD:  # serves both
        assert in_order(told["second"])
        assert told["watched"] == 2
    else:
        assert told["second"] == []
        assert "busy" in told["said"]
        assert told["watched"] == 1


@ALL
def test_who_watches_is_cheap_to_ask(machine: Machine, version: str) -> None:
    """The figures are printed, not judged: the processor is emulated."""
    told = machine.call("watching.cost", version=version)
    print(f"v4l2loopback {version}: watchers() {told} microseconds, emulated")
    assert set(told) == {"alone", "watched"}


@ALL
def test_the_program_can_start_again_also_while_an_app_waits(
    machine: Machine, version: str
) -> None:
    told = machine.call("producing.restarts", version=version)
    assert told["states"] == [["output"], ["capture"], ["output"], ["capture"], ["output"]]
    before, after = told["seen"]
    assert 2000 <= before < 3000 <= after
    assert "stays at 320x240 YU12 instead of 640x480" in told["wrong_size"]
    assert told["watched"] == 1


@ALL
def test_a_device_that_another_program_left_can_be_used(machine: Machine, version: str) -> None:
    told = machine.call("producing.left_by_another", version=version)
    assert told["left"] == ([] if version == OLD else ["output"])  # 0.12: as good as broken
    assert in_order(told["numbers"])
    assert told["after"] == ["output"]


@ALL
def test_two_programs_do_not_feed_the_same_camera(machine: Machine, version: str) -> None:
    told = machine.call("producing.second_writer", version=version)
    assert FED in told["refused"]
    assert told["error"] == ""
    if version != OLD:  # which lets anybody write
        assert told["intruder"] != 0
        assert in_order(told["numbers"])


@BOTH
def test_what_keeps_us_out_is_said_in_plain_words(machine: Machine, version: str) -> None:
    said = machine.call("producing.refusals", version=version)
    assert "is not there" in said["missing"]
    assert "is no v4l2loopback device" in said["webcam"]
    assert "instead of 16384x16" in said["size"]
    assert "belongs to the group 'video'" in said["permission"]
    assert "sudo usermod -aG video" in said["permission"]


@ALL
def test_apps_are_told_the_rate_and_the_colours(machine: Machine, version: str) -> None:
    said = machine.call("producing.told", version=version)
    assert "24.000 (24/1)" in said
    told = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in said.splitlines()}
    assert told["Pixel Format"] == "'YU12' (Planar YUV 4:2:0)"
    assert told["Colorspace"] == "sRGB"
    assert told["YCbCr/HSV Encoding"].endswith("ITU-R 601")
    assert told["Quantization"].endswith("Limited Range")


@pytest.mark.parametrize("version", ["0.13.2", NEW])  # 0.12.7 has no such call
def test_a_device_that_is_fed_cannot_be_taken_away(machine: Machine, version: str) -> None:
    """The module refuses it, so our writer never meets a device that went away under it."""
    told = machine.call("producing.removed", version=version)
    assert told["while_fed"] == "EBUSY"
    assert in_order(told["numbers"])
    assert told["error"] == ""
    assert "is not there" in told["gone"]


@BOTH
def test_sharpcam_shows_a_file_to_every_program_in_order(
    machine: Machine, version: str, model: str, clip: str
) -> None:
    told = machine.call("running.file", version=version, model=model, path=clip)
    assert told["code"] == 0, told["said"]
    assert set(told["seen"]) == {"ffmpeg", "opencv", "v4l2-ctl"}
    for program, numbers in told["seen"].items():
        assert in_order(numbers, CLIP_FRAMES), f"{program}: {numbers}"
    assert "sharpening" in told["said"]


def test_sharpcam_shows_a_camera_in_order(machine: Machine, model: str) -> None:
    # A camera that stalls for a tenth of a second has its last picture shown again, as it must be;
    # on a busy machine this one does, which says nothing of the order.
    for _ in range(STALLS):
        told = machine.call("running.camera", version=NEW, model=model)
        assert told["code"] == 0, told["said"]
        if in_order(told["seen"]):
            break
    assert in_order(told["seen"]), told["seen"]
    assert max(told["seen"]) < told["sent"]


@pytest.mark.parametrize("sends", ["MJPG", "YUYV", "YU12"])
def test_what_a_camera_sends_is_taken_as_it_is(machine: Machine, sends: str, clip: str) -> None:
    told = machine.call("capturing.camera", version=NEW, sends=sends, path=clip)
    assert told["sent_as"] == sends
    assert told["size"] == [320, 240]
    assert in_order(told["numbers"], CLIP_FRAMES), str(told["numbers"])
    assert told["chroma"] == [128, 128]


def test_a_camera_in_a_format_that_is_not_known_comes_by_bgr(machine: Machine) -> None:
    told = machine.call("capturing.webcam_by_bgr", size=[320, 180])
    assert told == {"sent_as": "", "size": [320, 180], "moves": True}


def test_an_unplugged_camera_leaves_its_picture_and_comes_back(
    machine: Machine, model: str
) -> None:
    told = machine.call("running.unplugged", version=NEW, model=model)
    assert told["gone"]
    assert told["still"]
    assert told["moves"]
    assert told["code"] == 0, told["said"]
    assert "no camera" in told["said"]


@BOTH
def test_the_camera_is_open_while_somebody_watches_and_only_then(
    machine: Machine, version: str, model: str
) -> None:
    told = machine.call("running.on_demand", version=version, model=model)
    assert told["during"] > 0
    assert told["code"] == 0, told["said"]
