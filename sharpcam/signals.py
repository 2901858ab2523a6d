"""Signals that end a program in an orderly way.

A thread of ours is told of them, because the main thread may be where Python's handlers do not
reach it: in the desktop's event loop (macOS), or waiting for an event (Windows).
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C, termination and a closed terminal call `stop`, in a thread of ours; a second Ctrl-C
    interrupts in the usual way. For the main thread."""
    before = {}
    hangup = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has none
    if signal.getsignal(hangup) is signal.SIG_IGN:  # under nohup
        hangup = signal.SIGTERM
    numbers = {signal.SIGINT, signal.SIGTERM, hangup}

    def handle(number: int, _: object) -> None:
        signal.signal(number, signal.default_int_handler)

    ours, theirs = socket.socketpair()  # Windows takes nothing else

    def listen() -> None:
        while told := ours.recv(1):
            if told[0] in numbers:
                stop()
                return

    thread = Thread(target=listen, name="signals", daemon=True)
    thread.start()
    theirs.setblocking(False)
    outside = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    for number in numbers:
        before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(outside)
        theirs.close()
        thread.join()
        ours.close()
