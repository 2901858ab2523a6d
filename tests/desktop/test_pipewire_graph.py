"""The camera in a real PipeWire, with GStreamer reading it; nothing depends on durations."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from numbered import picture, scene
from readers import Reader
from session import Session, wait_for

from sharpcam.system import pipewire
from sharpcam.system.pipewire import PipeWireCamera

pytestmark = pytest.mark.desktop

SIZE = 640, 480
BACKGROUND = scene(*SIZE)
CYCLES, WARM_UP = 100, 10


@pytest.fixture
def camera(session: Session) -> Iterator[PipeWireCamera]:
    """Ours, in the graph."""
    camera = PipeWireCamera(width=SIZE[0], height=SIZE[1], fps=30.0, device="SharpCam")
    session.wait_for_camera()
    yield camera
    camera.close()
    wait_for(lambda: session.cameras() == [], session.cameras)


@pytest.fixture
def sending(camera: PipeWireCamera, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Numbered pictures, about thirty a second; tells the newest number."""
    stop, newest = Event(), 0
    # A machine under load may send none for a while; repeated, they would not be in order.
    monkeypatch.setattr(pipewire, "REPEAT_SECONDS", 1000.0)

    def send() -> None:
        nonlocal newest
        while not stop.wait(1 / 30):
            newest += 1
            camera.send(picture(newest, BACKGROUND).reshape(-1))

    thread = Thread(target=send)
    thread.start()
    yield lambda: newest
    stop.set()
    thread.join()


def released(camera: PipeWireCamera) -> None:
    wait_for(lambda: camera.watchers() == 0)


def in_order(numbers: list[tuple[int | None, float]]) -> bool:
    """Every picture has a number, none older than the one before; the newest may be shown again to
    a reader who joins."""
    known = [number for number, _ in numbers if number is not None]
    again = len(known) - len(set(known))
    return len(known) == len(numbers) and known == sorted(known) and again <= 2


@pytest.mark.parametrize("pixels", ["I420", "YUY2"])
def test_a_reader_gets_numbered_pictures_in_order_and_untouched(
    session: Session, camera: PipeWireCamera, sending: Callable[[], int], pixels: str
) -> None:
    with Reader(session, SIZE, pixels) as reader:
        got = reader.numbers(30)
        assert camera.watchers() == 1
        shown = next(reader.pictures())
    assert len(got) == 30
    assert in_order(got), got
    released(camera)
    below = slice(100, SIZE[1])
    if pixels == "I420":
        np.testing.assert_array_equal(shown[100:], BACKGROUND[100:])
    else:
        np.testing.assert_array_equal(shown[below, :, 0], BACKGROUND[below])
        assert (shown[:, :, 1] == 128).all()


def test_who_joins_late_sees_the_newest_picture_again_and_again(
    session: Session, camera: PipeWireCamera
) -> None:
    for number in (1, 2, 7):
        camera.send(picture(number, BACKGROUND).reshape(-1))
    with Reader(session, SIZE) as first, Reader(session, SIZE) as second:
        assert [number for number, _ in first.numbers(3)] == [7, 7, 7]
        assert [number for number, _ in second.numbers(3)] == [7, 7, 7]


def test_two_readers_at_once_both_get_pictures(
    session: Session, camera: PipeWireCamera, sending: Callable[[], int]
) -> None:
    with Reader(session, SIZE) as first, Reader(session, SIZE) as second:
        got = [(first.numbers(1)[0], second.numbers(1)[0]) for _ in range(20)]
        assert camera.watchers() == 2
    assert in_order([picture for picture, _ in got]), got
    assert in_order([picture for _, picture in got]), got
    released(camera)


def test_a_reader_that_keeps_its_pictures_does_not_blind_the_other(
    session: Session, camera: PipeWireCamera, sending: Callable[[], int]
) -> None:
    """GStreamer's is stopped by a pipe that nobody empties, and then keeps every buffer it gets."""
    with Reader(session, SIZE) as good, Reader(session, SIZE) as stuck:
        good.numbers(5)
        stuck.numbers(1)
        wait_for(lambda: camera.watchers() == 2)
        later = sending() + 90  # it has all of them by then
        numbers = [number for number, _ in good.numbers(90)]
        while numbers[-1] is None or numbers[-1] < later:
            numbers += [number for number, _ in good.numbers(10)]
        assert in_order([(number, 0.0) for number in numbers]), numbers
        # Once it goes on, it is there again: behind what it had kept come new pictures.
        newest = sending()
        while (number := stuck.numbers(1)[0][0]) is None or number < newest:
            pass
        assert in_order(good.numbers(30))
    released(camera)


def test_a_reader_that_cannot_agree_disturbs_nobody(
    session: Session, camera: PipeWireCamera, sending: Callable[[], int]
) -> None:
    with Reader(session, SIZE) as good, Reader(session, SIZE, caps=",width=100") as bad:
        assert in_order(good.numbers(60))
        bad.program.kill()
        assert bad.numbers(1) == []
    assert camera.problem == ""
    released(camera)


def test_a_reader_that_stood_still_goes_on_with_new_pictures(
    session: Session, camera: PipeWireCamera, sending: Callable[[], int]
) -> None:
    with Reader(session, SIZE) as reader:
        reader.numbers(5)
        reader.program.send_signal(signal.SIGSTOP)
        while_it_stands = sending() + 60
        wait_for(lambda: sending() >= while_it_stands)
        reader.program.send_signal(signal.SIGCONT)
        # A few may have been under way: in its own queue, in the pipe, in buffers.
        numbers = [number for number, _ in reader.numbers(20)]
    assert any(number is not None and number >= while_it_stands for number in numbers), numbers


def test_a_hundred_readers_leave_nothing_behind(
    session: Session, camera: PipeWireCamera, sending: Callable[[], int]
) -> None:
    before: tuple[int, int, int] = 0, 0, 0
    for cycle in range(CYCLES):
        if cycle == WARM_UP:
            before = resources()
        with Reader(session, SIZE, "YUY2" if cycle % 2 else "I420") as reader:
            assert len(reader.numbers(2)) == 2
            assert camera.watchers() == 1
        released(camera)
    nothing_left(before)
    after = resources()
    assert after[2] - before[2] < 4096, (before, after)


def resources() -> tuple[int, int, int]:
    """Descriptors, threads and kilobytes of this process."""
    status = Path("/proc/self/status").read_text()
    threads, kilobytes = (
        int(found.group(1))
        for name in ("Threads", "VmRSS")
        if (found := re.search(rf"{name}:\s+(\d+)", status))
    )
    return len(os.listdir("/proc/self/fd")), threads, kilobytes  # noqa: PTH208


def nothing_left(before: tuple[int, int, int]) -> None:
    """Buffers are given back a moment after their reader has gone: so it is, or comes to be."""

    wait_for(lambda: resources()[:2] == before[:2], lambda: (before, resources()))


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "unwatched"])
def test_pipewire_may_restart(
    session: Session, camera: PipeWireCamera, sending: Callable[[], int], watched: bool
) -> None:
    with Reader(session, SIZE) as reader:
        reader.numbers(3)
    released(camera)
    before = resources()
    with Reader(session, SIZE) if watched else nullcontext() as watching:
        if watching:
            watching.numbers(3)
        session.stop("wireplumber", "pipewire")
        wait_for(lambda: camera.problem)
        assert camera.watchers() == 0
    unseen = sending() + 10  # sending goes on meanwhile
    wait_for(lambda: sending() >= unseen)
    session.start_pipewire()
    wait_for(lambda: not camera.problem, lambda: camera.problem)
    session.wait_for_camera()
    with Reader(session, SIZE) as reader:
        got = reader.numbers(10)
    assert in_order(got)
    assert got[-1][0] is not None
    assert got[-1][0] > unseen
    released(camera)
    nothing_left(before)


def test_wireplumber_may_restart(
    session: Session, camera: PipeWireCamera, sending: Callable[[], int]
) -> None:
    session.stop("wireplumber")
    session.start_wireplumber()
    session.wait_for_camera()
    with Reader(session, SIZE) as reader:
        assert in_order(reader.numbers(10))
    assert camera.problem == ""
