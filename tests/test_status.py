"""Status: figures in milliseconds, states in words."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from sharpcam.status import Spread, State, Status


def test_a_spread_is_in_milliseconds() -> None:
    spread = Spread.of([0.002])
    assert (spread.median, spread.p95) == pytest.approx((2.0, 2.0))


def test_one_bad_time_in_a_hundred_moves_neither_the_middle_nor_the_bad_end() -> None:
    spread = Spread.of([0.01] * 99 + [5.0])
    assert (spread.median, spread.p95) == pytest.approx((10.0, 10.0))


def test_a_tenth_of_bad_times_shows_at_the_bad_end_only() -> None:
    spread = Spread.of([0.01] * 90 + [0.05] * 10)
    assert (spread.median, spread.p95) == pytest.approx((10.0, 50.0))


def test_the_order_of_times_does_not_count() -> None:
    times = np.random.default_rng(1).random(50).tolist()
    assert Spread.of(times) == Spread.of(sorted(times))
    assert Spread.of(times).median <= Spread.of(times).p95


def test_every_state_has_words_of_its_own() -> None:
    words = [state.value for state in State]
    assert len(set(words)) == len(list(State.__members__)) == 9
    assert all(word and word == word.strip().lower() for word in words)


def test_before_the_first_frame_there_are_no_figures() -> None:
    status = Status()
    assert status.state is State.STARTING
    assert (status.frames, status.dropped, status.seconds, status.fps) == (0, 0, 0.0, 0.0)
    assert (status.camera_fps, status.watchers, status.hint) == (0.0, None, "")
    assert (status.size, status.delay, status.stages, status.sinks) == (None, None, {}, ())


def test_two_statuses_share_no_stages() -> None:
    assert Status().stages is not Status().stages


def test_a_status_cannot_be_changed() -> None:
    status = Status()
    with pytest.raises(FrozenInstanceError):
        status.frames = 1  # type: ignore[misc]
