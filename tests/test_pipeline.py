from __future__ import annotations

import logging
import threading
import time

import cv2
import numpy as np
import pytest
from fakes import FakeEnhancer, FakeSink, FakeSinks, FakeSource, Gate, lost, picture

from sharpcam import capture, guard, output, supply
from sharpcam import pipeline as pipeline_module
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.pipeline import Pipeline
from sharpcam.settings import Settings
from sharpcam.sink import StreamFormat
from sharpcam.status import State, Status


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "RETRY_SECONDS", (0.0,))
    for host, name in ((capture, "READ_SECONDS"), (supply, "JOIN_SECONDS")):
        monkeypatch.setattr(host, name, 1000.0)  # however slow the machine is
    for host, name in ((guard, "BYPASS_SECONDS"), (pipeline_module, "TICK_SECONDS")):
        monkeypatch.setattr(host, name, 1000.0)  # nothing comes again by itself
    for name in ("STILL_SECONDS", "WATCHED_SECONDS", "POLL_SECONDS"):
        monkeypatch.setattr(output, name, 0.01)


def capture_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "capture"]


def test_every_frame_of_a_file_comes_through_in_order_and_enhanced() -> None:
    source, sink = FakeSource(40), FakeSink()
    settings = Settings(denoise=False)
    status = Pipeline(lambda: source, FakeSinks(sink), FakeEnhancer(), settings).run()
    assert [frame.sequence for frame in sink.frames] == list(range(40))
    for index, frame in enumerate(sink.frames):
        original = picture(index)
        np.testing.assert_array_equal(frame.y, FakeEnhancer.expected(original[:16], 1.0))
        np.testing.assert_array_equal(frame.i420[16:], original[16:])  # chroma untouched
        np.testing.assert_array_equal(sink.befores[index], original)
    assert (status.state, status.frames, status.dropped) == (State.STOPPED, 40, 0)
    assert status.size == (32, 16)
    assert set(status.stages) == {"decode", "enhance", "send"}
    assert status.watchers is None


def test_a_last_frame_that_comes_just_after_the_waiting_ended_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting, ended = Gate(), Gate()

    class LateSlot(capture.Slot[Frame]):
        """The first `take` is over the moment before the only frame comes, and the end."""

        late = True

        def take(self, timeout: float | None = None) -> Frame | None:
            if self.late:
                self.late = False
                waiting.open()
                ended.wait()
                return None
            return super().take(timeout)

        def close(self) -> None:
            super().close()
            ended.open()

    monkeypatch.setattr(capture, "Slot", LateSlot)
    sink = FakeSink()
    source = FakeSource(1, before=lambda index: waiting.wait())
    Pipeline(lambda: source, FakeSinks(sink), FakeEnhancer()).run()
    assert len(sink.frames) == 1


@pytest.mark.parametrize("settings", [Settings(enabled=False), Settings(strength=0.0)])
def test_switched_off_frames_are_bit_exact_and_the_enhancer_is_not_asked(
    settings: Settings,
) -> None:
    sink, enhancer = FakeSink(), FakeEnhancer()
    Pipeline(lambda: FakeSource(10), FakeSinks(sink), enhancer, settings).run()
    for index, frame in enumerate(sink.frames):
        np.testing.assert_array_equal(frame.i420, picture(index))
    assert enhancer.calls == []


def test_newest_wins_under_a_slow_enhancer() -> None:
    """The camera delivers its other nine pictures while the first one is being enhanced."""
    all_delivered, first_taken = Gate(), Gate()

    def before(index: int) -> None:
        if index == 1:
            first_taken.wait()

    def work() -> None:
        first_taken.open()
        all_delivered.wait()

    source = FakeSource(10, live=True, before=before, then=all_delivered.open)
    sink = FakeSink()
    status = Pipeline(lambda: source, FakeSinks(sink), FakeEnhancer(work)).run()
    assert [frame.sequence for frame in sink.frames] == [0, 9]
    assert status.dropped == 8


def test_toggling_opens_and_closes_nothing() -> None:
    source, enhancer = FakeSource(30), FakeEnhancer()
    opened = []

    def open_source() -> FakeSource:
        opened.append(source)
        return source

    def on_send(index: int) -> None:
        if index in (9, 19):
            assert source.closed == sink.left == 0
            pipeline.apply(pipeline.settings.toggled())

    sink = FakeSink(on_send=on_send)
    sinks = FakeSinks(sink)
    pipeline = Pipeline(open_source, sinks, enhancer)
    pipeline.run()
    same = [
        np.array_equal(frame.i420, before)
        for frame, before in zip(sink.frames, sink.befores, strict=True)
    ]
    assert same == [False] * 10 + [True] * 10 + [False] * 10
    assert len(opened) == len(sinks.asked) == source.closed == sink.left == 1


def test_a_setting_counts_from_the_next_frame_on() -> None:
    enhancer = FakeEnhancer()

    def on_send(index: int) -> None:
        pipeline.apply(pipeline.settings.stronger(-1))

    pipeline = Pipeline(lambda: FakeSource(4), FakeSinks(FakeSink(on_send=on_send)), enhancer)
    pipeline.run()
    assert enhancer.calls == [1.0, 0.9, 0.8, 0.7]


def test_an_enhancer_that_fails_lets_frames_pass_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "BYPASS_SECONDS", 0.0)
    enhancer = FakeEnhancer()
    states: list[Status] = []

    def on_send(index: int) -> None:
        states.append(pipeline.status())
        enhancer.failing = 3 <= index + 1 < 6

    sink = FakeSink(on_send=on_send)
    pipeline = Pipeline(lambda: FakeSource(8), FakeSinks(sink), enhancer)
    with caplog.at_level(logging.WARNING):
        pipeline.run()
    bypassed = [status.state is State.BYPASSED for status in states]
    assert bypassed == [3 <= index < 6 for index in range(8)]
    assert states[4].reason == "RuntimeError: no memory"
    for index in range(3, 6):
        np.testing.assert_array_equal(sink.frames[index].i420, picture(index))
    assert len(caplog.messages) == 1  # said once, not per frame


def test_a_failed_enhancer_is_left_alone_for_a_while() -> None:
    enhancer = FakeEnhancer()
    enhancer.failing = True
    sink = FakeSink()
    Pipeline(lambda: FakeSource(20), FakeSinks(sink), enhancer).run()
    assert len(sink.frames) == 20
    assert len(enhancer.calls) == 1


def test_a_lost_camera_is_opened_again_while_its_last_picture_stays() -> None:
    sent, back = Gate(), Gate()

    def unplugged() -> None:
        sent.wait()  # else the second picture may be repeated before the third is taken
        lost()

    first = FakeSource(3, live=False, then=unplugged)
    second = FakeSource(2)
    sources = [first, second]
    tries: list[int] = []

    def open_source() -> FakeSource:
        if first.closed and len(tries) < 3:
            tries.append(len(tries))
            raise SharpCamError("it is not there", "plug it in")
        if first.closed:
            back.wait()
        return sources.pop(0)

    states: list[Status] = []

    def on_send(index: int) -> None:
        states.append(pipeline.status())
        if index == 2:
            sent.open()
        if index == 5:  # after three frames and the third repetition
            back.open()

    sink = FakeSink(on_send=on_send)
    sinks = FakeSinks(sink)
    pipeline = Pipeline(open_source, sinks, FakeEnhancer())
    status = pipeline.run()
    assert len(tries) == 3
    assert (first.closed, second.closed) == (1, 1)
    assert states[4].state is State.NO_CAMERA
    assert states[4].reason in {
        "fake camera: it was unplugged",
        "it is not there",
    }
    for frame in sink.frames[3:6]:
        np.testing.assert_array_equal(frame.i420, sink.frames[2].i420)
    assert [frame.sequence for frame in sink.frames[-2:]] == [0, 1]
    assert status.frames == 5  # repetitions are not counted
    assert len(sinks.asked) == 1


def test_a_camera_that_returns_with_another_size_is_fitted_into_the_old_one() -> None:
    sources = [FakeSource(2, then=lost), FakeSource(2, size=(64, 64))]
    sink = FakeSink()
    sinks = FakeSinks(sink)
    Pipeline(lambda: sources.pop(0), sinks, FakeEnhancer()).run()
    assert {frame.i420.shape for frame in sink.frames} == {(24, 32)}
    assert sinks.asked == [StreamFormat(32, 16, 25.0, FakeSource.tags)]
    assert sink.befores[-1][8, 0] == 16  # a black bar beside the square picture


def test_a_source_that_cannot_be_opened_ends_the_run_with_its_error() -> None:
    def open_source() -> FakeSource:
        raise SharpCamError("no such camera", "plug it in")

    sinks = FakeSinks(FakeSink())
    pipeline = Pipeline(open_source, sinks, FakeEnhancer())
    with pytest.raises(SharpCamError, match="no such camera"):
        pipeline.run()
    assert sinks.asked == []
    assert pipeline.status().state is State.FAILED
    assert capture_threads() == []


def test_a_sink_that_fails_releases_the_camera_and_the_other_sinks() -> None:
    def on_send(index: int) -> None:
        if index == 2:
            raise SharpCamError("the device is gone", "start again")

    source = FakeSource(1000, live=True, before=lambda index: time.sleep(0.001))
    good, bad = FakeSink("good"), FakeSink("bad", on_send)
    pipeline = Pipeline(lambda: source, FakeSinks(good, bad), FakeEnhancer())
    with pytest.raises(SharpCamError, match="the device is gone"):
        pipeline.run()
    assert source.closed == good.left == bad.left == 1
    assert isinstance(good.error, SharpCamError)
    assert (pipeline.status().state, pipeline.status().reason) == (
        State.FAILED,
        "the device is gone",
    )


def test_when_a_sink_does_not_open_the_ones_before_it_are_released() -> None:
    source, sink = FakeSource(5), FakeSink()
    pipeline = Pipeline(lambda: source, FakeSinks(sink, fails=True), FakeEnhancer())
    with pytest.raises(SharpCamError, match="no virtual camera"):
        pipeline.run()
    assert source.closed == sink.left == 1


def test_a_source_that_breaks_on_the_way_is_no_clean_end_for_the_sinks() -> None:
    def broken() -> None:
        raise SharpCamError("the file was replaced", "start again")

    sink = FakeSink()
    pipeline = Pipeline(lambda: FakeSource(3, then=broken), FakeSinks(sink), FakeEnhancer())
    with pytest.raises(SharpCamError, match="the file was replaced"):
        pipeline.run()
    assert len(sink.frames) == 3
    assert isinstance(sink.error, SharpCamError)  # so that a file sink keeps no half file


def test_a_bug_in_a_source_shows_itself() -> None:
    def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Pipeline(lambda: FakeSource(1, then=bug), FakeSinks(FakeSink()), FakeEnhancer()).run()


def test_a_lost_camera_is_closed_once_even_when_a_bug_opens_no_other() -> None:
    first = FakeSource(1, then=lost)

    def open_source() -> FakeSource:
        if first.closed:
            raise IndexError("a bug")
        return first

    with pytest.raises(IndexError, match="a bug"):
        Pipeline(open_source, FakeSinks(FakeSink()), FakeEnhancer()).run()
    assert first.closed == 1


def test_stop_ends_an_endless_camera_and_releases_everything() -> None:
    source = FakeSource(10**9, live=True, before=lambda index: time.sleep(0.001))
    sink = FakeSink(on_send=lambda index: pipeline.stop() if index == 20 else None)
    pipeline = Pipeline(lambda: source, FakeSinks(sink), FakeEnhancer())
    assert pipeline.run().state is State.STOPPED
    assert source.closed == sink.left == 1
    assert sink.error is None
    assert capture_threads() == []


def test_stop_does_not_wait_for_a_driver_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supply, "JOIN_SECONDS", 0.05)
    reading, hanging = Gate(), Gate()
    source = FakeSource(1, live=True, then=lambda: (reading.open(), hanging.wait()))
    # Not before the driver hangs: a capture that is stopped earlier does not read again.
    sink = FakeSink(on_send=lambda index: (reading.wait(), pipeline.stop()))
    pipeline = Pipeline(lambda: source, FakeSinks(sink), FakeEnhancer())
    assert pipeline.run().state is State.STOPPED
    assert source.closed == 0  # nobody may release it while a thread is inside of it
    assert "left behind" in caplog.text
    hanging.open()
    for thread in capture_threads():
        thread.join(60)
    assert source.closed == 1


def test_stop_ends_the_waiting_for_a_lost_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "RETRY_SECONDS", (1000.0,))
    source = FakeSource(1, then=lost)
    sink = FakeSink(on_send=lambda index: pipeline.stop() if index == 3 else None)
    pipeline = Pipeline(lambda: source, FakeSinks(sink), FakeEnhancer())
    pipeline.run()
    assert capture_threads() == []


def test_every_luma_is_shown_before_it_is_enhanced() -> None:
    seen = []
    Pipeline(
        lambda: FakeSource(3),
        FakeSinks(FakeSink()),
        FakeEnhancer(),
        on_luma=lambda y, name: seen.append((y.copy(), name)),
    ).run()
    for index, (y, name) in enumerate(seen):
        assert name == "fake camera"
        np.testing.assert_array_equal(y, picture(index)[:16])
    assert len(seen) == 3


def test_ticks_tell_the_state_when_it_changes() -> None:
    ticks: list[Status] = []

    def on_send(index: int) -> None:
        pipeline.apply(Settings(enabled=index % 2 == 1))

    sink = FakeSink(on_send=on_send)
    pipeline = Pipeline(
        lambda: FakeSource(4), FakeSinks(sink), FakeEnhancer(), on_tick=ticks.append
    )
    pipeline.run()
    assert [tick.state for tick in ticks] == [
        State.SHARPENING,
        State.OFF,
        State.SHARPENING,
        State.OFF,
    ]
    assert ticks[0].sinks == ("fake sink",)
    assert ticks[0].source == "fake camera"


def test_opencv_keeps_to_one_core() -> None:
    cv2.setNumThreads(4)
    used: list[int] = []
    sink = FakeSink(on_send=lambda index: used.append(cv2.getNumThreads()))
    Pipeline(lambda: FakeSource(2), FakeSinks(sink), FakeEnhancer()).run()
    assert used == [1, 1]
