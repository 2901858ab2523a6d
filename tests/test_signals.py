"""Signals that end a program."""

from __future__ import annotations

import ctypes
import os
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes to wait for")
def test_a_main_thread_that_is_not_in_python_is_no_obstacle() -> None:
    """As on macOS, where it is in the desktop's event loop."""
    reading, writing = os.pipe()
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_signals(lambda: os.write(writing, b"x")):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # nothing shall wake us up
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            wait = Poll(reading, events=1)
            assert ctypes.CDLL(None).poll(ctypes.byref(wait), 1, 60_000) == 1
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    assert signal.getsignal(signal.SIGTERM) is before
    os.close(reading)
    os.close(writing)


class Poll(ctypes.Structure):
    """struct pollfd"""

    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("seen", ctypes.c_short))


def test_without_a_signal_nothing_is_stopped_and_nothing_is_left() -> None:
    def threads() -> list[str]:
        """Ours: those of other tests may just be ending."""
        return [it.name for it in threading.enumerate() if it.name == "signals"]

    stopped: list[str] = []
    with stopped_by_signals(lambda: stopped.append("stopped")):
        assert threads() == ["signals"]
    assert stopped == []
    assert threads() == []
    assert signal.set_wakeup_fd(-1) == -1
