from __future__ import annotations

import pytest
from fakes import FakeClock

from sharpcam.demand import OFF_SECONDS, ON_SECONDS, Demand

POLL = 0.25


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def demand(clock: FakeClock) -> Demand:
    return Demand(clock)


def watch(demand: Demand, clock: FakeClock, watchers: int | None, seconds: float) -> list[bool]:
    """The answers while so many watch for so long, asked as the pipeline does."""
    answers = []
    end = clock.now + seconds
    while clock.now < end:
        answers.append(demand.wanted(watchers))
        clock.now += POLL
    return answers


def test_nobody_ever_watches(demand: Demand, clock: FakeClock) -> None:
    assert not any(watch(demand, clock, 0, 3600))


def test_within_a_second_of_the_first_reader_the_camera_is_wanted(
    demand: Demand, clock: FakeClock
) -> None:
    watch(demand, clock, 0, 5)
    answers = watch(demand, clock, 1, 5)
    assert answers.index(True) * POLL + POLL < 1  # it came just after it had been asked
    assert answers == sorted(answers)


def test_within_two_seconds_of_the_last_ones_leaving_it_is_not(
    demand: Demand, clock: FakeClock
) -> None:
    watch(demand, clock, 2, 5)
    assert all(watch(demand, clock, 1, 5))
    answers = watch(demand, clock, 0, 5)
    assert answers.index(False) * POLL + POLL < 2
    assert answers == sorted(answers, reverse=True)


def test_apps_that_list_cameras_do_not_switch_it_on(demand: Demand, clock: FakeClock) -> None:
    for _ in range(100):
        assert not any(watch(demand, clock, 1, ON_SECONDS - POLL / 2))
        assert not any(watch(demand, clock, 0, POLL))


def test_an_app_that_opens_the_device_anew_does_not_switch_it_off(
    demand: Demand, clock: FakeClock
) -> None:
    watch(demand, clock, 1, 5)
    for _ in range(100):
        assert all(watch(demand, clock, 0, OFF_SECONDS - POLL / 2))
        assert all(watch(demand, clock, 1, POLL))


def test_who_cannot_tell_has_the_camera_on_at_once_and_for_ever(
    demand: Demand, clock: FakeClock
) -> None:
    assert all(watch(demand, clock, None, 3600))


def test_counting_may_begin_and_end_at_any_time(demand: Demand, clock: FakeClock) -> None:
    assert demand.wanted(None)
    assert watch(demand, clock, 0, 5)[-1] is False
    assert demand.wanted(None)
