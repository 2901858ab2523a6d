"""The controller over the real pipeline, with fakes for the devices."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fakes import FakeEnhancer, FakeSink, FakeSource, Gate, until

from sharpcam import capture, controller, demand, output, supply
from sharpcam import pipeline as pipeline_module
from sharpcam.controller import Controller
from sharpcam.errors import SharpCamError
from sharpcam.pipeline import Pipeline
from sharpcam.settings import Settings
from sharpcam.sink import Sink, StreamFormat
from sharpcam.status import State, Status

STREAM = StreamFormat(64, 48, 30.0)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (capture, controller):
        monkeypatch.setattr(module, "RETRY_SECONDS", (0.001, 0.002))
    for host, name in (
        *((capture, "READ_SECONDS"), (capture, "PREDECESSOR_SECONDS")),
        *((supply, "JOIN_SECONDS"), (controller, "STOP_SECONDS")),
    ):
        monkeypatch.setattr(host, name, 1000.0)  # however slow the machine is
    for name in ("STILL_SECONDS", "WATCHED_SECONDS", "POLL_SECONDS"):
        monkeypatch.setattr(output, name, 0.01)
    for name in ("ON_SECONDS", "OFF_SECONDS"):
        monkeypatch.setattr(demand, name, 0.0)
    monkeypatch.setattr(pipeline_module, "TICK_SECONDS", 0.001)


class Machine:
    """What a controller is made of; `missing` and `broken` can be told at any time."""

    def __init__(self) -> None:
        self.sinks: list[FakeSink] = []
        self.opened: list[str] = []
        self.made: list[Settings] = []
        self.missing: Exception | None = None
        """Why there is no virtual camera."""
        self.broken: Exception | None = None
        """Why no pipeline can be made."""
        self.on_make: Callable[[], None] = lambda: None
        self.watching = 1
        self.statuses: list[Status] = []
        self.controller = Controller(self.make, self.camera("Acme"), "Acme")
        self.controller.subscribe(self.statuses.append)

    def make(
        self,
        open_source: Callable[[], FakeSource],
        source_name: str,
        settings: Settings,
        on_tick: Callable[[Status], None],
    ) -> Pipeline:
        self.made.append(settings)
        self.on_make()
        if self.broken:
            raise self.broken
        return Pipeline(
            open_source,
            self.open_sinks,
            FakeEnhancer(),
            settings,
            stream=STREAM,
            source_name=source_name,
            on_tick=on_tick,
        )

    def open_sinks(self, stream: StreamFormat) -> Iterator[Sink]:
        if self.missing:
            raise self.missing
        self.sinks.append(FakeSink("SharpCam"))
        self.sinks[-1].watching = self.watching
        yield self.sinks[-1]

    def camera(self, name: str) -> Callable[[], FakeSource]:
        """What opens it."""

        def open_source() -> FakeSource:
            self.opened.append(name)
            source = FakeSource(10**9, live=True, before=lambda index: time.sleep(0.005))
            source.name = name
            return source

        return open_source

    def choose(self, name: str) -> None:
        self.controller.set_source(self.camera(name), name)

    def until(self, state: State) -> Status:
        """Wait for it; returns the status that was seen, as the next one may be another."""
        seen = [Status()]

        def fits() -> bool:
            seen[0] = self.controller.status()
            return seen[0].state is state

        until(fits, lambda: seen[0])
        return seen[0]


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A controller that has not started; it is stopped at the end."""
    machine = Machine()
    yield machine
    machine.controller.stop()
    assert [thread.name for thread in threading.enumerate() if thread.name == "pipeline"] == []
    assert all(sink.left == 1 for sink in machine.sinks)


def test_before_it_starts_it_has_opened_nothing(machine: Machine) -> None:
    assert machine.controller.status() == Status()
    assert machine.made == []


def test_it_starts_stops_and_starts_again(machine: Machine) -> None:
    for turn in range(1, 3):
        machine.controller.start()
        machine.controller.start()  # the second one changes nothing
        assert machine.until(State.SHARPENING).source == "Acme"
        machine.controller.stop()
        assert machine.controller.status().state is State.STOPPED
        assert machine.statuses[-1].state is State.STOPPED
        assert len(machine.made) == len(machine.sinks) == turn


def test_it_starts_again_when_a_virtual_camera_that_hung_has_let_go(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(controller, "STOP_SECONDS", 0.01)
    hangs, let_go = Gate(), Gate()

    def hang(index: int) -> None:
        hangs.open()
        let_go.wait()

    machine.controller.start()
    until(lambda: machine.sinks)
    machine.sinks[0]._on_send = hang
    hangs.wait()
    machine.controller.stop()
    assert "left behind" in caplog.text
    machine.controller.start()
    assert len(machine.made) == 1  # two never feed one virtual camera
    let_go.open()
    until(lambda: len(machine.sinks) == 2 and machine.sinks[1].frames)
    assert machine.sinks[0].left == 1
    monkeypatch.setattr(controller, "STOP_SECONDS", 1000.0)


def test_settings_count_before_and_while_it_runs(machine: Machine) -> None:
    machine.controller.apply(Settings(enabled=False))
    machine.controller.start()
    machine.until(State.OFF)
    machine.controller.apply(Settings(strength=0.5))
    machine.until(State.SHARPENING)
    assert machine.controller.settings == Settings(strength=0.5)


def test_a_pause_lasts_until_resume(machine: Machine) -> None:
    machine.controller.start()
    machine.until(State.SHARPENING)
    machine.controller.pause()
    machine.until(State.PAUSED)
    assert machine.controller.paused
    machine.controller.resume()
    machine.until(State.SHARPENING)
    assert not machine.controller.paused
    assert len(machine.sinks) == 1


def test_waking_up_does_not_undo_the_users_pause(machine: Machine) -> None:
    machine.controller.start()
    machine.until(State.SHARPENING)
    machine.controller.pause()
    machine.controller.pause(by="sleep")
    machine.until(State.PAUSED)
    machine.controller.resume(by="sleep")
    assert machine.controller.paused
    count = len(machine.sinks[0].frames)
    until(lambda: len(machine.sinks[0].frames) > count + 10)
    assert machine.controller.status().state is State.PAUSED
    machine.controller.pause(by="sleep")
    machine.controller.resume()
    assert machine.controller.paused
    machine.controller.resume(by="sleep")
    machine.until(State.SHARPENING)


def test_another_camera_is_chosen_and_the_virtual_one_stays(machine: Machine) -> None:
    machine.controller.start()
    machine.until(State.SHARPENING)
    for name in ("Logi", "Acme"):
        machine.choose(name)
        # It has the name before it is opened, and until then the state is that of the other one.
        until(lambda name=name: machine.opened[-1] == name)
        assert machine.until(State.SHARPENING).source == name
    assert machine.opened == ["Acme", "Logi", "Acme"]
    assert len(machine.sinks) == 1


def test_a_missing_virtual_camera_is_waited_for_and_said_once(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.missing = SharpCamError("no virtual camera", "install one")
    machine.controller.start()
    until(lambda: len(machine.made) > 5)
    status = machine.until(State.FAILED)
    assert (status.reason, status.hint) == ("no virtual camera", "install one")
    assert machine.statuses[-1].hint == "install one"
    assert machine.opened == []  # the camera is not touched
    assert caplog.text.count("no virtual camera") == 1
    machine.missing = None
    machine.until(State.SHARPENING)


def test_what_was_chosen_while_there_was_no_virtual_camera_counts(machine: Machine) -> None:
    machine.missing = SharpCamError("no virtual camera", "install one")
    machine.controller.start()
    machine.until(State.FAILED)
    machine.controller.apply(Settings(enabled=False))
    machine.choose("Logi")
    machine.controller.pause()
    machine.missing = None
    machine.until(State.PAUSED)
    machine.controller.resume()
    assert machine.until(State.OFF).source == "Logi"
    assert machine.opened == ["Logi"]


def test_what_is_chosen_while_a_pipeline_is_made_counts(machine: Machine) -> None:
    def choose() -> None:
        machine.controller.apply(Settings(enabled=False))
        machine.choose("Logi")

    machine.on_make = choose
    machine.controller.start()
    assert machine.until(State.OFF).source == "Logi"
    assert machine.opened == ["Logi"]


def test_a_stop_while_a_pipeline_is_made_counts(machine: Machine) -> None:
    stopper = threading.Thread(target=machine.controller.stop)
    machine.on_make = lambda: (stopper.start(), until(machine.controller._stopping.is_set))
    machine.controller.start()
    until(lambda: machine.controller.status().state is State.STOPPED)
    stopper.join(60)
    assert len(machine.made) == 1


def test_a_virtual_camera_that_breaks_is_opened_again(machine: Machine) -> None:
    machine.controller.start()
    machine.until(State.SHARPENING)

    def broken(index: int) -> None:
        raise SharpCamError("error writing frame", "start again")

    machine.sinks[0]._on_send = broken
    until(lambda: len(machine.sinks) == 2)
    machine.until(State.SHARPENING)
    assert any(status.reason == "error writing frame" for status in machine.statuses)


def test_a_bug_is_logged_with_its_place_and_the_picture_goes_on(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.broken = ZeroDivisionError("a bug")
    machine.controller.start()
    status = machine.until(State.FAILED)
    assert status.reason == "a bug"
    assert "Traceback" in caplog.text
    machine.broken = None
    machine.until(State.SHARPENING)


def test_waiting_for_the_next_try_ends_at_once_when_it_is_stopped(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "RETRY_SECONDS", (1000.0,))
    machine.missing = SharpCamError("no virtual camera", "install one")
    machine.controller.start()
    machine.until(State.FAILED)
    machine.controller.stop()
    assert len(machine.made) == 1


def test_tries_become_rarer_and_frequent_again_after_frames_have_flowed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(controller, "RETRY_SECONDS", (1.0, 2.0, 5.0))
    monkeypatch.setattr(machine.controller._stopping, "wait", lambda seconds: waits.append(seconds))
    machine.missing = SharpCamError("no virtual camera", "install one")
    machine.on_make = lambda: setattr(
        machine, "missing", None if len(machine.made) == 5 else machine.missing
    )
    machine.controller.start()
    until(lambda: machine.controller.status().frames > 0)  # counted after it was sent
    assert waits == [1.0, 2.0, 5.0, 5.0]
    machine.sinks[0]._on_send = lambda index: 1 / 0
    until(lambda: len(waits) == 5)
    assert waits[-1] == 1.0


def test_subscribers_are_told_of_changes_and_all_the_time_until_they_have_enough(
    machine: Machine,
) -> None:
    told: list[Status] = []
    end = machine.controller.subscribe(told.append)
    machine.controller.start()
    machine.until(State.SHARPENING)
    until(lambda: sum(status.state is State.SHARPENING for status in told) > 3)
    end()
    count = len(told)
    machine.controller.pause()
    until(lambda: machine.statuses[-1].state is State.PAUSED)
    assert len(told) <= count + 1  # one may have been on its way


def test_a_subscriber_that_fails_does_not_stop_the_picture(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.controller.subscribe(lambda status: 1 / 0)
    later: list[Status] = []
    machine.controller.subscribe(later.append)
    machine.controller.start()
    machine.until(State.SHARPENING)
    until(lambda: later)
    assert "a face failed" in caplog.text


def test_a_clip_that_ends_ends_it(machine: Machine) -> None:
    machine.controller = Controller(machine.make, lambda: FakeSource(3, size=(64, 48)))
    machine.controller.start()
    assert machine.until(State.STOPPED).frames == 3
