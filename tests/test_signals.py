"""Signals that end a program."""

from __future__ import annotations

import signal
import sys
import threading

import pytest
from fakes import until

from sharpcam.signals import stopped_by_signals


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_calls_stop_from_another_thread_and_handlers_come_back(name: str) -> None:
    number = getattr(signal, name)
    outside = signal.signal(number, signal.default_int_handler)  # under nohup, one is ignored
    before = signal.getsignal(number)
    stopped: list[threading.Thread] = []
    with stopped_by_signals(lambda: stopped.append(threading.current_thread())):
        signal.raise_signal(number)
        until(lambda: stopped)
        if name == "SIGINT":
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
    assert stopped[0] is not threading.main_thread()
    assert signal.getsignal(number) is before
    signal.signal(number, outside)
