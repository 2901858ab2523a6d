"""Signals that end a program in an orderly way."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C, termination and a closed terminal call `stop`; a second Ctrl-C interrupts in the
    usual way."""
    before = {}
    hangup = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has none
    if signal.getsignal(hangup) is signal.SIG_IGN:  # under nohup
        hangup = signal.SIGTERM

    def handle(number: int, _: object) -> None:
        signal.signal(number, signal.default_int_handler)
        # Not here: the main thread may hold the very lock that `stop` needs.
        Thread(target=stop, daemon=True).start()

    for number in {signal.SIGINT, signal.SIGTERM, hangup}:
        before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
