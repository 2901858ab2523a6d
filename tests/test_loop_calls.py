"""Calls into a loop of another thread."""

from __future__ import annotations

from select import select
from threading import Event, Thread, current_thread

import pytest

from sharpcam.loop_calls import LoopCalls


@pytest.fixture
def calls() -> LoopCalls:
    return LoopCalls()


def loop(calls: LoopCalls, over: Event) -> Thread:
    def run() -> None:
        while not over.is_set():
            select([calls], [], [], 5)
            calls.answer()
        calls.close()

    thread = Thread(target=run)
    thread.start()
    return thread


def test_what_is_asked_for_is_done_there_and_waited_for(calls: LoopCalls) -> None:
    over = Event()
    thread = loop(calls, over)
    seen: list[Thread] = []
    askers = [
        Thread(target=lambda: [calls.ask(lambda: seen.append(current_thread())) for _ in range(50)])
        for _ in range(4)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(60)
    assert seen == [thread] * 200
    with pytest.raises(ZeroDivisionError):
        calls.ask(lambda: 1 / 0)
    calls.ask(over.set)
    thread.join(60)
    assert not thread.is_alive()


def test_who_asks_before_there_is_a_loop_waits_for_it(calls: LoopCalls) -> None:
    done, over = Event(), Event()
    asker = Thread(target=calls.ask, args=[done.set])
    asker.start()
    assert not done.wait(0.05)
    thread = loop(calls, over)
    assert done.wait(60)
    asker.join(60)
    calls.ask(over.set)
    thread.join(60)


def test_after_the_loop_nothing_is_done_and_nobody_waits(calls: LoopCalls) -> None:
    asker = Thread(target=calls.ask, args=[lambda: pytest.fail("nobody is left")])
    asker.start()
    while not calls._waiting:
        pass
    calls.close()
    asker.join(60)
    assert not asker.is_alive()
    calls.ask(lambda: pytest.fail("nobody is left"))
    calls.close()
