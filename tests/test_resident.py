"""The resident pipeline: the virtual camera always there, the camera on only while it is watched.

Every change that a person or a device can make is made in every state where it can come.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from fakes import FakeEnhancer, FakeSink, FakeSinks, FakeSource, Gate, lost, picture, until

from sharpcam import capture, demand, output, pipeline, supply
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.pipeline import Pipeline
from sharpcam.settings import Settings
from sharpcam.sink import StreamFormat
from sharpcam.standby import standby_picture
from sharpcam.status import State, Status

SIZE = (64, 48)
STREAM = StreamFormat(*SIZE, 30.0)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "RETRY_SECONDS", (0.0, 0.001))
    for name in ("STILL_SECONDS", "WATCHED_SECONDS", "POLL_SECONDS"):
        monkeypatch.setattr(output, name, 0.01)
    for host, name in (
        *((output, "HOLD_SECONDS"), (supply, "JOIN_SECONDS")),
        *((capture, "READ_SECONDS"), (capture, "PREDECESSOR_SECONDS")),
    ):
        monkeypatch.setattr(host, name, 1000.0)  # however slow the machine is
    for name in ("ON_SECONDS", "OFF_SECONDS"):
        monkeypatch.setattr(demand, name, 0.0)


class FakeCamera:
    """A physical camera that can be opened again and again, and be made to fail."""

    def __init__(self, name: str = "Acme", size: tuple[int, int] = SIZE) -> None:
        self.name, self.size = name, size
        self.opened: list[FakeSource] = []
        self.refuses: SharpCamError | None = None
        self.unplugged = threading.Event()
        self.hangs: Gate | None = None
        """Reads of what is opened from now on wait for it."""

    def __call__(self) -> FakeSource:
        if self.refuses:
            raise self.refuses
        assert not self.is_on, "opened twice"
        source = FakeSource(10**9, live=True, size=self.size, before=self._before)
        source.name = self.name
        self.opened.append(source)
        return source

    def _before(self, index: int) -> None:
        if self.hangs:
            self.hangs.wait()
        if self.unplugged.is_set():
            lost()
        time.sleep(0.005)

    @property
    def is_on(self) -> bool:
        return any(not source.closed for source in self.opened)


class Resident:
    """A resident pipeline in a thread of its own."""

    def __init__(self, camera: Callable[[], FakeSource], watching: int | None, **more: bool):
        self.sink = FakeSink()
        self.sink.watching = watching
        self.sinks = FakeSinks(self.sink)
        self.ticks: list[Status] = []
        self.error: BaseException | None = None
        self.pipeline = Pipeline(
            camera,
            self.sinks,
            FakeEnhancer(),
            Settings(enabled=False),
            stream=STREAM,
            source_name="Acme",
            on_tick=self.ticks.append,
            **more,
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.pipeline.run()
        except BaseException as error:
            self.error = error

    def watch(self, watching: int | None) -> None:
        self.sink.watching = watching

    @property
    def state(self) -> State:
        return self.pipeline.status().state

    def until(self, state: State) -> Status:
        """Wait for it; returns the status that was seen, as the next one may be another."""
        seen = [Status()]

        def fits() -> bool:
            seen[0] = self.pipeline.status()
            return seen[0].state is state

        until(fits, lambda: seen[0])
        return seen[0]

    def shows(self, words: str) -> bool:
        """Whether the newest picture is the standby picture that says this."""
        frames = self.sink.frames[-1:]
        return any(np.array_equal(frame.i420, standby_picture(SIZE, words)) for frame in frames)

    def until_shown(self, words: str) -> None:
        until(lambda: self.shows(words), lambda: self.pipeline.status())

    def end(self) -> Status:
        self.pipeline.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.pipeline.status()


Start = Callable[..., Resident]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts residents and ends them."""
    running: list[Resident] = []

    def started(
        camera: Callable[[], FakeSource], watching: int | None = 0, **more: bool
    ) -> Resident:
        running.append(Resident(camera, watching, **more))
        return running[-1]

    yield started
    for resident in running:
        resident.end()
        assert resident.sink.left == resident.sink.entered == 1
        assert len(resident.sinks.asked) == 1


def test_while_nobody_watches_apps_see_a_picture_and_the_camera_stays_off(start: Start) -> None:
    camera = FakeCamera()
    resident = start(camera)
    status = resident.until(State.STANDBY)
    until(lambda: len(resident.sink.frames) > 5)
    assert resident.sinks.asked == [STREAM]
    assert resident.shows("Starting")  # what those see who just begin to watch
    assert camera.opened == []
    assert status.reason == "nobody watches, camera off"
    assert (status.watchers, status.source, status.frames) == (0, "Acme", 0)
    assert status.camera_fps == 0


def test_the_first_picture_is_there_before_the_camera_is_opened(start: Start) -> None:
    opening = Gate()

    def open_source() -> FakeSource:
        opening.wait()
        raise SharpCamError("too late", "")

    resident = start(open_source, watching=1)
    until(lambda: len(resident.sink.frames) > 2)
    assert resident.state is State.STARTING
    assert resident.shows("Starting")
    opening.open()


def test_the_camera_is_on_while_somebody_watches_again_and_again(start: Start) -> None:
    camera = FakeCamera()
    resident = start(camera)
    for turn in range(3):
        resident.until(State.STANDBY)
        assert not any(source.closed == 0 for source in camera.opened[:turn])
        resident.watch(2)
        status = resident.until(State.OFF)
        until(lambda: resident.pipeline.status().camera_fps > 0)
        assert (status.watchers, status.source) == (2, "Acme")
        resident.watch(0)
        resident.until(State.STANDBY)
        resident.until_shown("Starting")
        until(lambda: not camera.is_on)
        assert resident.pipeline.status().camera_fps == 0
    assert len(camera.opened) == 3
    assert all(source.closed == 1 for source in camera.opened)


def test_who_cannot_tell_has_the_camera_always_on(start: Start) -> None:
    resident = start(FakeCamera(), watching=None)
    assert resident.until(State.OFF).watchers is None


def test_on_demand_can_be_switched_off(start: Start) -> None:
    resident = start(FakeCamera(), watching=0, always_on=True)
    assert resident.until(State.OFF).watchers == 0


def test_a_pause_releases_the_camera_whoever_watches(start: Start) -> None:
    camera = FakeCamera()
    resident = start(camera, watching=1)
    resident.until(State.OFF)
    resident.pipeline.pause()
    resident.until(State.PAUSED)
    until(lambda: not camera.is_on)
    resident.until_shown("Paused")
    resident.watch(0)
    resident.watch(3)
    until(lambda: resident.pipeline.status().watchers == 3)
    assert resident.state is State.PAUSED
    resident.pipeline.resume()
    resident.until(State.OFF)
    assert len(camera.opened) == 2


def test_a_pause_while_nobody_watches_is_shown_to_the_next_who_does(start: Start) -> None:
    camera = FakeCamera()
    resident = start(camera)
    resident.until(State.STANDBY)
    resident.pipeline.pause()
    resident.until(State.PAUSED)
    resident.watch(1)
    resident.until_shown("Paused")
    assert camera.opened == []
    resident.watch(0)
    resident.pipeline.resume()
    resident.until(State.STANDBY)


def test_a_camera_that_is_not_there_is_waited_for_and_its_absence_is_shown(start: Start) -> None:
    camera = FakeCamera()
    camera.refuses = SharpCamError("camera unplugged: Acme", "plug it in")
    resident = start(camera, watching=1)
    status = resident.until(State.NO_CAMERA)
    assert (status.reason, status.hint) == ("camera unplugged: Acme", "plug it in")
    resident.until_shown("Camera unplugged: Acme")
    camera.refuses = None
    resident.until(State.OFF)


def test_an_unplugged_camera_leaves_its_last_picture_for_a_moment_and_then_the_reason(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = FakeCamera()
    resident = start(camera, watching=1)
    resident.until(State.OFF)
    camera.refuses = SharpCamError("camera unplugged: Acme", "plug it in")
    camera.unplugged.set()
    resident.until(State.NO_CAMERA)
    frames = resident.sink.frames
    until(lambda: not camera.is_on)  # nothing comes after this one, which may be on its way
    kept = picture(camera.opened[0].reads - 1, SIZE)
    until(lambda: np.array_equal(frames[-1].i420, kept))
    count = len(frames)
    until(lambda: len(frames) > count + 5)
    np.testing.assert_array_equal(frames[-1].i420, kept)
    resident.until(State.NO_CAMERA)
    monkeypatch.setattr(output, "HOLD_SECONDS", 0.0)
    resident.until_shown("Camera unplugged: Acme")
    assert resident.pipeline.status().camera_fps == 0
    camera.refuses = None
    camera.unplugged.clear()
    resident.until(State.OFF)


@pytest.mark.parametrize("away", [State.STANDBY, State.PAUSED])
def test_a_camera_that_is_unplugged_while_it_is_off_is_missed_when_it_is_needed(
    start: Start, away: State
) -> None:
    camera = FakeCamera()
    resident = start(camera, watching=1)
    resident.until(State.OFF)
    if away is State.PAUSED:
        resident.pipeline.pause()
    else:
        resident.watch(0)
    resident.until(away)
    camera.refuses = SharpCamError("camera unplugged: Acme", "plug it in")
    resident.pipeline.resume()
    resident.watch(1)
    resident.until_shown("Camera unplugged: Acme")
    camera.refuses = None
    resident.until(State.OFF)


@pytest.mark.parametrize("away", [State.STANDBY, State.PAUSED])
def test_a_missing_camera_is_not_looked_for_while_it_is_not_needed(
    start: Start, away: State
) -> None:
    camera = FakeCamera()
    camera.refuses = SharpCamError("camera unplugged: Acme", "plug it in")
    resident = start(camera, watching=1)
    resident.until(State.NO_CAMERA)
    if away is State.PAUSED:
        resident.pipeline.pause()
    else:
        resident.watch(0)
    resident.until(away)
    until(lambda: capture_threads() == [])
    camera.refuses = None
    count = len(resident.sink.frames)
    until(lambda: len(resident.sink.frames) > count + 10)
    assert camera.opened == []


def test_another_camera_takes_over_and_the_virtual_camera_stays(start: Start) -> None:
    first, second = FakeCamera("Acme"), FakeCamera("Logi", size=(32, 16))
    order: list[str] = []

    def open_second() -> FakeSource:
        order.append("first is on" if first.is_on else "first is off")
        return second()

    resident = start(first, watching=1)
    resident.until(State.OFF)
    resident.pipeline.set_source(open_second, "Logi")
    until(lambda: resident.pipeline.status().source == "Logi" and second.is_on)
    resident.until(State.OFF)
    assert order == ["first is off"]
    assert {frame.i420.shape for frame in resident.sink.frames} == {(72, 64)}


@pytest.mark.parametrize("away", [State.STANDBY, State.PAUSED])
def test_a_camera_chosen_while_it_is_off_is_opened_when_it_is_needed(
    start: Start, away: State
) -> None:
    first, second = FakeCamera("Acme"), FakeCamera("Logi")
    resident = start(first, watching=0 if away is State.STANDBY else 1)
    if away is State.PAUSED:
        resident.pipeline.pause()
    resident.until(away)
    resident.pipeline.set_source(second, "Logi")
    until(lambda: resident.pipeline.status().source == "Logi")
    assert second.opened == []
    resident.pipeline.resume()
    resident.watch(1)
    resident.until(State.OFF)
    assert second.is_on
    assert not first.is_on


def test_another_camera_replaces_one_that_is_missing(start: Start) -> None:
    first, second = FakeCamera("Acme"), FakeCamera("Logi")
    first.refuses = SharpCamError("camera unplugged: Acme", "plug it in")
    resident = start(first, watching=1)
    resident.until(State.NO_CAMERA)
    resident.pipeline.set_source(second, "Logi")
    assert resident.until(State.OFF).source == "Logi"


def test_a_camera_of_another_size_is_fitted_into_what_apps_were_told(start: Start) -> None:
    resident = start(FakeCamera(size=(32, 16)), watching=1)
    resident.until(State.OFF)
    until(lambda: resident.pipeline.status().frames > 3)
    after = resident.sink.frames[-1]
    assert (after.width, after.height) == SIZE
    assert set(after.y[0]) == {16}  # a black bar above the wide picture


def test_a_slow_camera_leaves_no_gaps_to_those_who_watch(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = FakeCamera()
    slow = Gate()
    resident = start(camera, watching=1)
    resident.until(State.OFF)
    camera.hangs = slow
    frames = resident.sink.frames
    until(lambda: len(frames) > 9 and len({frame.i420.tobytes() for frame in frames[-5:]}) == 1)
    assert resident.state is State.OFF
    monkeypatch.setattr(output, "HOLD_SECONDS", 0.0)
    resident.until_shown("Acme sends no picture")
    monkeypatch.setattr(output, "HOLD_SECONDS", 1000.0)
    slow.open()
    resident.until(State.OFF)
    assert len(camera.opened) == 1  # it only was slow


def capture_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "capture"]


def test_a_driver_that_hangs_is_left_behind_and_the_camera_opened_anew(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "READ_SECONDS", 0.05)
    monkeypatch.setattr(capture, "PREDECESSOR_SECONDS", 0.01)
    hanging, sources = Gate(), []

    def open_source() -> FakeSource:
        first = not sources
        if not first:
            monkeypatch.setattr(capture, "READ_SECONDS", 1000.0)
        before = (lambda index: hanging.wait()) if first else (lambda index: time.sleep(0.005))
        sources.append(FakeSource(10**9, live=True, size=SIZE, before=before))
        return sources[-1]

    resident = start(open_source, watching=1)
    until(lambda: any(tick.reason == "fake camera does not answer" for tick in resident.ticks))
    resident.until(State.OFF)
    assert len(sources) == 2
    assert sources[0].closed == 0  # nobody may release it while a thread is inside of it
    frames = resident.sink.frames
    until(lambda: frames[-1].sequence > 0)  # the new one's first picture has that number, too
    before = len(frames)
    hanging.open()
    until(lambda: sources[0].closed == 1)
    count = len(frames)
    until(lambda: len(frames) > count + 5)
    sequences = [frame.sequence for frame in frames[before:]]
    assert 0 not in sequences  # what came too late went nowhere


def test_a_driver_that_hangs_for_ever_costs_few_threads_and_stops_neither_picture_nor_end(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("READ_SECONDS", "OPEN_SECONDS", "PREDECESSOR_SECONDS"):
        monkeypatch.setattr(capture, name, 0.01)
    monkeypatch.setattr(supply, "JOIN_SECONDS", 0.05)
    hanging, opened = Gate(), []

    def open_source() -> FakeSource:
        opened.append(None)
        hanging.wait()
        raise SharpCamError("at last", "")

    resident = start(open_source, watching=1)
    until(lambda: resident.shows("Acme does not answer") and len(opened) == supply.MOST_LEFT)
    count = len(resident.sink.frames)
    until(lambda: len(resident.sink.frames) > count + 20)
    assert len(opened) == len(capture_threads()) == supply.MOST_LEFT
    assert resident.end().state is State.STOPPED
    hanging.open()
    until(lambda: capture_threads() == [])


def test_a_driver_that_lets_go_at_last_is_used_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("READ_SECONDS", "OPEN_SECONDS", "PREDECESSOR_SECONDS"):
        monkeypatch.setattr(capture, name, 0.02)
    hanging, opened, camera = Gate(), [], FakeCamera()

    def open_source() -> FakeSource:
        opened.append(None)
        if len(opened) <= supply.MOST_LEFT:
            hanging.wait()
            raise SharpCamError("at last", "")
        return camera()

    resident = start(open_source, watching=1)
    until(lambda: len(opened) == supply.MOST_LEFT)
    for name in ("READ_SECONDS", "OPEN_SECONDS", "PREDECESSOR_SECONDS"):
        monkeypatch.setattr(capture, name, 1000.0)
    hanging.open()
    resident.until(State.OFF)


def test_another_camera_is_taken_though_the_first_ones_driver_hangs_for_ever(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPEN_SECONDS", "PREDECESSOR_SECONDS"):
        monkeypatch.setattr(capture, name, 0.01)
    monkeypatch.setattr(supply, "JOIN_SECONDS", 0.05)
    # Only changes are told: in between, the new name may stand beside the old reason.
    monkeypatch.setattr(pipeline, "TICK_SECONDS", 1000.0)
    hanging, second = Gate(), FakeCamera("Logi")

    def open_first() -> FakeSource:
        hanging.wait()
        raise SharpCamError("at last", "")

    resident = start(open_first, watching=1)
    resident.until_shown("Acme does not answer")
    until(lambda: len(capture_threads()) == supply.MOST_LEFT)
    monkeypatch.setattr(capture, "OPEN_SECONDS", 1000.0)
    resident.pipeline.set_source(second, "Logi")
    assert resident.until(State.OFF).source == "Logi"
    after = resident.ticks[[tick.source for tick in resident.ticks].index("Logi") :]
    assert not any("Acme" in tick.reason for tick in after)
    resident.end()
    hanging.open()
    until(lambda: capture_threads() == [])


@pytest.mark.parametrize("state", [State.STANDBY, State.PAUSED, State.NO_CAMERA, State.OFF])
def test_it_can_be_ended_in_every_state(start: Start, state: State) -> None:
    camera = FakeCamera()
    if state is State.NO_CAMERA:
        camera.refuses = SharpCamError("camera unplugged: Acme", "plug it in")
    resident = start(camera, watching=0 if state is State.STANDBY else 1)
    if state is State.PAUSED:
        resident.pipeline.pause()
    resident.until(state)
    assert resident.end().state is State.STOPPED
    assert not camera.is_on
    assert capture_threads() == []
    assert resident.error is None


def test_what_apps_keep_at_the_end_is_no_face_that_stands_still(start: Start) -> None:
    resident = start(FakeCamera(), watching=1)
    resident.until(State.OFF)
    resident.end()
    assert resident.shows("")
    assert resident.sink.left == 1


def test_a_virtual_camera_that_breaks_gets_no_last_picture(start: Start) -> None:
    resident = start(FakeCamera(), watching=1)
    resident.until(State.OFF)
    tries = []

    def broken(index: int) -> None:
        tries.append(index)
        raise SharpCamError("no such device", "start again")

    resident.sink._on_send = broken
    until(lambda: resident.error)
    assert len(tries) == resident.sink.left == 1


def test_a_virtual_camera_that_refuses_the_last_picture_is_closed_all_the_same(
    start: Start,
) -> None:
    resident = start(FakeCamera(), watching=1)
    resident.until(State.OFF)

    def send(after: Frame, before: Frame) -> None:
        if np.array_equal(after.i420, standby_picture(SIZE, "")):
            raise SharpCamError("no such device", "start again")

    resident.sink.send = send
    assert resident.end().state is State.STOPPED
    assert (resident.error, resident.sink.left) == (None, 1)


def test_a_virtual_camera_that_is_missing_ends_the_run_before_the_camera_is_touched() -> None:
    camera = FakeCamera()
    pipeline = Pipeline(camera, FakeSinks(fails=True), FakeEnhancer(), stream=STREAM)
    with pytest.raises(SharpCamError, match="no virtual camera"):
        pipeline.run()
    status = pipeline.status()
    assert (status.state, status.reason, status.hint) == (
        State.FAILED,
        "no virtual camera",
        "install one",
    )
    assert camera.opened == []


def test_a_bug_in_a_source_shows_itself(start: Start) -> None:
    def open_source() -> FakeSource:
        raise ZeroDivisionError

    resident = start(open_source, watching=1)
    until(lambda: resident.error is not None)
    assert isinstance(resident.error, ZeroDivisionError)


def test_a_clip_that_ends_ends_the_run(start: Start) -> None:
    resident = start(lambda: FakeSource(5, size=SIZE), watching=1)
    status = resident.until(State.STOPPED)
    assert status.frames == 5
    sent = [frame.i420 for frame in resident.sink.frames]
    for index in range(5):
        assert any(np.array_equal(i420, picture(index, SIZE)) for i420 in sent)


def test_the_status_is_told_of_every_change_and_while_nothing_happens(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "TICK_SECONDS", 0.001)
    resident = start(FakeCamera())
    until(lambda: len(resident.ticks) > 5)
    assert {tick.state for tick in resident.ticks[-3:]} == {State.STANDBY}
    resident.watch(1)
    resident.until(State.OFF)
    states = [tick.state for tick in resident.ticks]
    assert State.STARTING in states[states.index(State.STANDBY) :]
