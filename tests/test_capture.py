"""Capture alone, with a clock that the test holds: when a driver counts as hanging."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import FakeClock, FakeSource, Gate, lost, until

from sharpcam import capture as module
from sharpcam.capture import OPEN_SECONDS, READ_SECONDS, Capture, OpenSource, Trouble
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.meter import Meter


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def captured(open_source: OpenSource, clock: FakeClock, **more: object) -> Capture:
    options = {"patient": False, "clock": clock} | more
    return Capture(open_source, Meter(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("live", [True, False])
def test_a_read_that_takes_too_long_hangs_and_a_files_never_does(
    clock: FakeClock, live: bool
) -> None:
    reading, done = Gate(), Gate()
    source = FakeSource(1, live=live, before=lambda index: (reading.open(), done.wait()))
    capture = captured(lambda: source, clock)
    reading.wait()
    clock.now += READ_SECONDS
    assert not capture.hung
    clock.now += 1
    assert capture.hung is live
    done.open()
    assert capture.join(60)
    assert not capture.hung


def test_opening_may_take_longer_than_reading(clock: FakeClock) -> None:
    opening, done = Gate(), Gate()

    def open_source() -> FakeSource:
        opening.open()
        done.wait()
        return FakeSource(0)

    capture = captured(open_source, clock)
    opening.wait()
    clock.now += OPEN_SECONDS
    assert not capture.hung
    clock.now += 1
    assert capture.hung
    done.open()
    assert capture.join(60)


def test_waiting_for_the_next_try_is_no_hanging(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", (1000.0,))

    def open_source() -> FakeSource:
        raise SharpCamError("camera unplugged: Acme", "plug it in")

    capture = captured(open_source, clock, patient=True, trouble=Trouble("it was not there before"))
    until(lambda: capture.trouble == Trouble("camera unplugged: Acme", "plug it in"))
    clock.now += 1000
    until(lambda: not capture.hung)
    capture.stop()
    assert capture.join(60)
    assert capture.error is None


def test_tries_become_rarer(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    sources = [FakeSource(2, live=True, then=lost), *[None] * 5, FakeSource(0)]

    def open_source() -> FakeSource:
        if source := sources.pop(0):
            return source
        raise SharpCamError("camera unplugged: Acme", "plug it in")

    class Waiting(module.Event):  # type: ignore[misc]
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    monkeypatch.setattr(module, "Event", Waiting)
    assert captured(open_source, clock).join(60)
    assert waits == [0.0, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0]


def test_a_camera_is_opened_when_its_last_user_has_closed_it(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PREDECESSOR_SECONDS", 1000.0)  # however slow the machine is
    reading, closing, opened = Gate(), Gate(), []
    first = FakeSource(9, live=True, before=lambda index: (reading.open(), closing.wait()))
    before = captured(lambda: first, clock)
    reading.wait()  # one that is stopped earlier opens nothing
    before.stop()

    def open_source() -> FakeSource:
        opened.append(first.closed)
        return FakeSource(0)

    capture = captured(open_source, clock, after=before)
    assert not capture.join(0.05)
    assert opened == []
    closing.open()
    assert capture.join(60)
    assert opened == [1]


def test_its_rate_is_the_cameras_own(clock: FakeClock) -> None:
    source = FakeSource(30, live=True)
    capture = captured(lambda: source, clock)
    assert capture.join(60)
    assert capture.rate.fps > 0
    assert capture.slot.dropped == 29  # nobody took any


def test_frames_that_the_source_left_out_are_counted_as_dropped(clock: FakeClock) -> None:
    class Gaps(FakeSource):
        """Every third one is damaged."""

        def read(self) -> Frame | None:
            frame = super().read()
            return frame and replace(frame, sequence=frame.sequence * 3 // 2)

    sources = [Gaps(5, then=lost), Gaps(5)]
    capture = captured(lambda: sources.pop(0), clock)
    taken = [frame.sequence for frame in iter(lambda: capture.slot.take(60), None)]
    assert taken == [0, 1, 3, 4, 6] * 2
    assert capture.dropped == 4
