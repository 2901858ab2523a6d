"""The PipeWire camera on a hand-written libpipewire; tests/desktop has the real one."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from threading import enumerate as threads

import numpy as np
import pytest
import pyvirtualcam
from fake_pipewire import NODE as OURS
from fake_pipewire import FakePipeWire
from fakes import picture, until

from sharpcam import sink, system
from sharpcam.errors import SharpCamError
from sharpcam.sink import StreamFormat, VirtualCameraSink
from sharpcam.system import VirtualCameraInfo, libpipewire, pipewire, pipewire_pool
from sharpcam.system.pipewire import PipeWireCamera
from sharpcam.system.spa import Pixels, agreed_pixels, wanted_buffers, wanted_header

SOON = 0.02
"""Seconds in place of those that a person would wait."""
NODE = VirtualCameraInfo("pipewire", "SharpCam", "SharpCam")


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePipeWire]:
    fake = FakePipeWire()
    monkeypatch.setattr(libpipewire, "loaded", lambda: fake)
    monkeypatch.setattr(pipewire, "RETRY_SECONDS", (SOON, SOON))
    monkeypatch.setattr(pipewire, "REPEAT_SECONDS", 1000.0)  # however slow the machine is
    yield fake
    assert fake.streams == {}
    assert fake.loops.count("new") == fake.loops.count("destroy")
    assert [thread.name for thread in threads() if thread.name == "pipewire"] == []


@pytest.fixture
def camera(daemon: FakePipeWire) -> Iterator[PipeWireCamera]:
    camera = PipeWireCamera(width=32, height=16, fps=30.0, device="SharpCam")
    yield camera
    camera.close()


def flat(index: int) -> np.ndarray:
    return picture(index).reshape(-1)


def test_it_appears_as_a_camera_that_browsers_list(
    camera: PipeWireCamera, daemon: FakePipeWire
) -> None:
    properties = daemon.stream.properties
    assert properties["media.class"] == "Video/Source"
    assert properties["media.role"] == "Camera"
    assert properties["node.description"] == properties["node.nick"] == "SharpCam"
    assert [agreed_pixels(offer) for offer in daemon.stream.formats] == [Pixels.I420, Pixels.YUY2]
    assert (camera.device(), camera.watchers(), camera.problem) == ("SharpCam", 0, "")


def test_any_name_reaches_the_readers(daemon: FakePipeWire) -> None:
    name = 'My "Camera" — 1 {'
    camera = PipeWireCamera(width=32, height=16, fps=30.0, device=name)
    assert daemon.stream.properties["node.description"] == name
    camera.close()


def test_while_nobody_reads_pictures_go_nowhere(
    camera: PipeWireCamera, daemon: FakePipeWire
) -> None:
    camera.send(flat(1))
    assert daemon.stream.shown == []


@pytest.mark.parametrize("pixels", list(Pixels))
def test_a_reader_gets_every_picture_in_the_pixels_it_asked_for(
    camera: PipeWireCamera, daemon: FakePipeWire, pixels: Pixels
) -> None:
    daemon.attach(pixels)
    assert camera.watchers() == 1
    size, stride = (768, 32) if pixels is Pixels.I420 else (1024, 64)
    assert daemon.stream.wishes == [wanted_buffers(size, stride), wanted_header()]
    for index in range(5):
        camera.send(flat(index))
    assert [number for number, _ in daemon.stream.shown] == [1, 2, 3, 4, 5]
    for index, (_, shown) in enumerate(daemon.stream.shown):
        luma = shown[:512] if pixels is Pixels.I420 else shown[::2]
        assert luma == picture(index)[:16].tobytes()


def test_who_joins_late_sees_the_newest_picture_at_once_and_again(
    camera: PipeWireCamera, daemon: FakePipeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipewire, "REPEAT_SECONDS", SOON)
    frame = flat(1)
    camera.send(frame)
    frame[:] = 0  # the caller's own again
    daemon.attach()
    until(lambda: len(daemon.stream.shown) >= 3)
    assert daemon.stream.shown[:3] == [(1, picture(1).tobytes())] * 3


def test_before_the_first_picture_there_is_none_to_repeat(
    camera: PipeWireCamera, daemon: FakePipeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipewire, "REPEAT_SECONDS", SOON)
    daemon.attach()
    daemon.detach()
    daemon.attach()
    camera.send(flat(1))
    assert daemon.stream.shown[0][0] == 1


def test_readers_come_and_go(camera: PipeWireCamera, daemon: FakePipeWire) -> None:
    for index in range(50):
        daemon.attach(Pixels(2 + 2 * (index % 2)))
        camera.send(flat(index))
        assert daemon.stream.shown[-1][0] == index + 1
        assert camera.watchers() == 1
        daemon.detach()
        assert camera.watchers() == 0


def test_a_reader_that_holds_every_buffer_costs_pictures_and_nothing_else(
    camera: PipeWireCamera, daemon: FakePipeWire
) -> None:
    daemon.attach(buffers=0)
    camera.send(flat(1))
    assert daemon.stream.shown == []
    daemon.detach()
    daemon.attach(mapped=False)
    camera.send(flat(2))
    assert daemon.stream.shown[-1] == (2, b"")


def test_buffers_that_a_stalled_reader_holds_keep_none_from_the_others(
    camera: PipeWireCamera, daemon: FakePipeWire
) -> None:
    daemon.attach(buffers=4)
    for buffer in daemon.stream.free[:2]:
        buffer.held = True
    for index in range(6):
        camera.send(flat(index))
    assert [number for number, _ in daemon.stream.shown] == [1, 2, 3, 4, 5, 6]
    for buffer in daemon.stream.free:
        buffer.held = True  # all but the one that is shown, which only a cycle brings back
    for index in range(6, 10):
        camera.send(flat(index))
    assert [number for number, _ in daemon.stream.shown] == [1, 2, 3, 4, 5, 6, 8, 10]


def test_every_program_that_reads_is_counted(camera: PipeWireCamera, daemon: FakePipeWire) -> None:
    daemon.link(1)
    assert camera.watchers() == 0  # it does not want pictures yet
    daemon.attach()
    daemon.link(2, reader=51)
    daemon.link(3, reader=51)  # its second port
    daemon.link(4, writer=OURS + 1, reader=52)
    daemon.link(5, reader=53, kind=b"PipeWire:Interface:Port")
    assert camera.watchers() == 2
    daemon.unlink(1)
    daemon.unlink(77)
    assert camera.watchers() == 1
    daemon.detach()
    assert camera.watchers() == 0


def test_a_reader_that_keeps_every_buffer_does_not_blind_the_others(
    camera: PipeWireCamera, daemon: FakePipeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipewire_pool, "KEPT_SECONDS", 0.0)
    daemon.attach(buffers=6)
    buffers = list(daemon.stream.free)
    daemon.link(1)
    for buffer in buffers:
        buffer.held = True
    camera.send(flat(0))
    assert daemon.stream.shown == []  # it may be the only one, and slow
    daemon.link(2, reader=51)
    for index in range(1, 10):
        camera.send(flat(index))
    assert [number for number, _ in daemon.stream.shown] == list(range(2, 11))
    assert daemon.stream.shown[-1][1] == picture(9).tobytes()
    for buffer in buffers:
        buffer.busy.count -= 1  # it gives back all the same what was taken from it
    for index in range(10, 30):
        camera.send(flat(index))
    assert [number for number, _ in daemon.stream.shown] == list(range(2, 31))
    assert {buffer.busy.count for buffer in buffers} == {0}


def test_pixels_that_were_never_offered_get_nothing(
    camera: PipeWireCamera, daemon: FakePipeWire
) -> None:
    daemon.ask_for_other_pixels()
    camera.send(flat(1))
    assert daemon.stream.shown == []
    assert daemon.stream.wishes == []


def test_the_trouble_of_one_reader_is_not_ours(
    camera: PipeWireCamera, daemon: FakePipeWire
) -> None:
    daemon.attach()
    daemon.complain()
    assert (camera.watchers(), camera.problem) == (1, "")
    camera.send(flat(1))
    assert daemon.stream.shown[-1][0] == 1
    assert daemon.made == 1


@pytest.mark.parametrize("watched", [False, True])
def test_when_pipewire_goes_away_frames_are_dropped_until_it_is_back(
    camera: PipeWireCamera, daemon: FakePipeWire, watched: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    if watched:
        daemon.attach()
    daemon.vanish()
    assert camera.watchers() == 0
    until(lambda: daemon.tries >= 4)  # the list of pauses has two
    assert "Connection refused (systemctl --user start pipewire" in camera.problem
    camera.send(flat(1))
    daemon.running = True
    until(lambda: not camera.problem)
    daemon.attach()
    until(lambda: daemon.stream.shown)  # what was sent meanwhile is the newest
    camera.send(flat(2))
    assert daemon.stream.shown[0][1] == picture(1).tobytes()
    assert daemon.stream.shown[-1][1] == picture(2).tobytes()
    said = [record.message for record in caplog.records if record.name == pipewire.__name__]
    assert said == [
        "PipeWire went away: connection error: trying again",
        "SharpCam is in PipeWire again",
    ]


def test_a_reason_that_is_missing_or_no_text_does_no_harm(
    camera: PipeWireCamera, daemon: FakePipeWire
) -> None:
    for reason in (None, b"\xff\xfe"):
        daemon.vanish(reason)
        daemon.running = True
        until(lambda: not camera.problem)
    assert daemon.made >= 3


def test_closing_while_pipewire_is_away_does_not_wait_for_it(
    daemon: FakePipeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipewire, "RETRY_SECONDS", (3600.0,))
    camera = PipeWireCamera(width=32, height=16, fps=30.0)
    daemon.vanish()
    until(lambda: not daemon.streams)
    camera.close()


def test_without_pipewire_there_is_no_camera_and_a_hint(daemon: FakePipeWire) -> None:
    daemon.running = False
    with pytest.raises(OSError, match=r"does not answer: Connection refused \(systemctl --user"):
        PipeWireCamera(width=32, height=16, fps=30.0)
    daemon.usable = False
    with pytest.raises(OSError, match="cannot be used: Connection refused"):
        PipeWireCamera(width=32, height=16, fps=30.0)


def test_other_pictures_than_i420_are_refused(daemon: FakePipeWire) -> None:
    for size, fourcc in (((33, 16), "I420"), ((32, 15), "I420"), ((32, 16), "NV12")):
        code = int.from_bytes(fourcc.encode(), "little")
        with pytest.raises(ValueError, match="expected I420"):
            PipeWireCamera(width=size[0], height=size[1], fps=30.0, fourcc=code)
    assert daemon.loops == []


def test_a_picture_of_another_size_is_a_bug_that_flies(
    camera: PipeWireCamera, daemon: FakePipeWire
) -> None:
    with pytest.raises(ValueError, match="different structures"):
        camera.send(np.zeros(100, np.uint8))
    camera.send(flat(1))  # the lock was let go


def test_the_sink_writes_to_it_through_pyvirtualcam(
    daemon: FakePipeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pyvirtualcam.camera.BACKENDS, "pipewire", PipeWireCamera)
    with VirtualCameraSink(StreamFormat(32, 16, 30.0), [NODE]) as made:
        assert (made.name, made.watchers()) == ("SharpCam", 0)
        daemon.attach()
        assert made.watchers() == 1
        frame = sink.Frame(picture(1), 0, 0.0)
        made.send(frame, frame)
        assert daemon.stream.shown[-1][1] == picture(1).tobytes()
    daemon.running = False
    with pytest.raises(SharpCamError, match=r"SharpCam: 'pipewire' backend: .*systemctl"):
        VirtualCameraSink(StreamFormat(32, 16, 30.0), [NODE])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PipeWire is Linux's")
def test_on_linux_pyvirtualcam_knows_it() -> None:
    assert system.BACKENDS["pipewire"] is PipeWireCamera
    assert pyvirtualcam.camera.BACKENDS["pipewire"] is PipeWireCamera
