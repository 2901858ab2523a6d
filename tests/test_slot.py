"""Slot: the newest wins and is counted, or nothing is lost; nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from sharpcam.slot import Slot

PATIENCE = 60.0
"""Seconds after which a thread counts as stuck; nothing here waits for it to pass."""


@contextmanager
def thread(work: Callable[[], object]) -> Iterator[None]:
    """Run `work` beside the block and wait for it; one that is stuck fails the test."""
    worker = Thread(target=work, daemon=True)
    worker.start()
    yield
    worker.join(PATIENCE)
    assert not worker.is_alive(), "a thread waits for ever"


def test_what_was_put_is_taken_once() -> None:
    slot: Slot[str] = Slot()
    slot.put("a")
    assert slot.take(0) == "a"
    assert slot.take(0) is None
    assert slot.dropped == 0


def test_the_newest_wins_and_what_it_replaced_is_counted() -> None:
    slot: Slot[int] = Slot()
    for item in range(5):
        slot.put(item)
    assert slot.take(0) == 4
    assert slot.dropped == 4
    slot.put(5)
    assert slot.take(0) == 5
    assert slot.dropped == 4


def test_an_item_that_counts_as_false_is_an_item() -> None:
    slot: Slot[int] = Slot()
    slot.put(0)
    slot.put(0)
    assert slot.take(0) == 0
    assert slot.dropped == 1


def test_nothing_is_lost_between_two_threads_when_putting_waits_for_room() -> None:
    slot: Slot[int] = Slot()
    taken: list[int] = []

    def put_all() -> None:
        for item in range(1000):
            assert slot.put_when_empty(item)
        slot.close()

    with thread(put_all):
        while (item := slot.take(PATIENCE)) is not None:
            taken.append(item)
    assert taken == list(range(1000))
    assert slot.dropped == 0


def test_what_is_not_taken_is_dropped_when_putting_does_not_wait() -> None:
    slot: Slot[int] = Slot()
    taken: list[int] = []

    def put_all() -> None:
        for item in range(1000):
            slot.put(item)
        slot.close()

    with thread(put_all):
        while (item := slot.take(PATIENCE)) is not None:
            taken.append(item)
    assert taken == sorted(taken)
    assert taken[-1] == 999
    assert len(taken) + slot.dropped == 1000


def test_taking_waits_for_an_item() -> None:
    slot: Slot[str] = Slot()
    taken: list[str | None] = []
    with thread(lambda: taken.append(slot.take())):
        slot.put("late")
    assert taken == ["late"]


def test_taking_gives_up_after_its_time() -> None:
    slot: Slot[str] = Slot()
    taken: list[str | None] = []
    with thread(lambda: taken.append(slot.take(0.001))):
        pass
    assert taken == [None]
    assert not slot.closed


def test_taking_without_patience_does_not_wait() -> None:
    taken: list[str | None] = []
    slot: Slot[str] = Slot()
    with thread(lambda: taken.append(slot.take(0))):
        pass
    assert taken == [None]


def test_closing_wakes_who_waits_for_an_item() -> None:
    slot: Slot[str] = Slot()
    taken: list[str | None] = []
    with thread(lambda: taken.append(slot.take())):
        slot.close()
    assert taken == [None]


def test_closing_wakes_who_waits_for_room() -> None:
    slot: Slot[str] = Slot()
    slot.put("first")
    done: list[bool] = []
    with thread(lambda: done.append(slot.put_when_empty("second"))):
        slot.close()
    assert done == [False]
    assert slot.take(0) == "first"
    assert slot.take(0) is None


def test_what_was_put_before_closing_is_still_taken() -> None:
    slot: Slot[str] = Slot()
    slot.put("last")
    slot.close()
    assert slot.take() == "last"
    assert slot.take() is None


def test_what_comes_after_closing_is_ignored() -> None:
    slot: Slot[str] = Slot()
    slot.put("last")
    slot.close()
    slot.put("too late")
    assert not slot.put_when_empty("too late")
    assert slot.dropped == 0
    assert slot.take() == "last"
    assert not slot.put_when_empty("there is room, but it is closed")
    assert slot.take() is None


def test_closing_twice_is_closing_once() -> None:
    slot: Slot[str] = Slot()
    assert not slot.closed
    slot.close()
    slot.close()
    assert slot.closed
