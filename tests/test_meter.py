"""Meter: recent figures, from times that the test makes up."""

from __future__ import annotations

from threading import Thread

import pytest

from sharpcam.meter import RECENT, REMEMBERED, Meter, Rate


def sent_at(*moments: float) -> Meter:
    meter = Meter()
    for moment in moments:
        meter.sent(moment)
    return meter


def test_a_new_meter_shows_nothing() -> None:
    meter = Meter()
    assert (meter.frames, meter.fps, meter.seconds, meter.spreads()) == (0, 0.0, 0.0, {})


def test_one_frame_has_no_rate_yet() -> None:
    meter = sent_at(100.0)
    assert (meter.frames, meter.fps, meter.seconds) == (1, 0.0, 0.0)


def test_the_rate_counts_the_steps_between_frames() -> None:
    meter = sent_at(5.0, 5.25, 5.5)
    assert meter.fps == pytest.approx(4.0)
    assert meter.seconds == pytest.approx(0.5)
    assert meter.frames == 3


def test_a_clock_that_starts_at_0_or_below_is_as_good() -> None:
    assert sent_at(0.0, 2.0).seconds == 2.0
    assert sent_at(-3.0, -1.0).seconds == 2.0


def test_frames_at_the_same_moment_have_no_rate() -> None:
    assert sent_at(1.0, 1.0).fps == 0.0


def test_the_rate_forgets_what_was_long_ago() -> None:
    slow = [float(index) for index in range(10)]
    fast = [100 + index / 30 for index in range(RECENT)]
    meter = sent_at(*slow, *fast)
    assert meter.fps == pytest.approx(30.0)
    assert meter.frames == len(slow) + RECENT
    assert meter.seconds == pytest.approx(fast[-1])


def test_stages_are_shown_apart_and_in_the_order_they_first_came() -> None:
    meter = Meter()
    for _ in range(3):
        meter.add("decode", 0.001)
        meter.add("enhance", 0.020)
        meter.add("a last one", 0.002)
    spreads = meter.spreads()
    assert list(spreads) == ["decode", "enhance", "a last one"]
    assert spreads["enhance"].median == pytest.approx(20.0)
    assert spreads["a last one"].p95 == pytest.approx(2.0)


def test_times_of_long_ago_are_forgotten() -> None:
    meter = Meter()
    for seconds in [1.0] * 1000 + [0.001] * REMEMBERED:
        meter.add("send", seconds)
    assert meter.spreads()["send"].p95 == pytest.approx(1.0)  # in ms


def test_times_of_stages_are_no_frames() -> None:
    meter = Meter()
    meter.add("decode", 0.001)
    assert meter.frames == 0


def test_several_threads_may_write_while_one_reads() -> None:
    meter = Meter()

    def work(stage: str) -> None:
        for index in range(500):
            meter.add(stage, 0.001)
            meter.sent(float(index))

    threads = [Thread(target=work, args=(name,), daemon=True) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert all(spread.median == pytest.approx(1.0) for spread in meter.spreads().values())
        assert meter.fps >= 0
        threads[0].join(0.001)
    assert meter.frames == 1500
    assert sorted(meter.spreads()) == ["a", "b", "c"]


def test_a_rest_counts_neither_as_time_nor_as_slowness() -> None:
    meter = sent_at(0.0, 0.5)
    meter.rest()
    assert meter.fps == 0.0
    for moment in (100.0, 100.25, 100.5):
        meter.sent(moment)
    assert (meter.frames, meter.seconds, meter.fps) == (5, 1.0, 4.0)


def test_a_rate_of_its_own_counts_moments_and_rests() -> None:
    rate = Rate()
    assert rate.fps == 0.0
    for moment in (1.0, 1.1, 1.2):
        rate.note(moment)
    assert rate.fps == pytest.approx(10.0)
    rate.rest()
    assert rate.fps == 0.0
