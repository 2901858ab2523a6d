"""Sleep and wake on Linux: logind's signal PrepareForSleep on the system's D-Bus.

https://www.freedesktop.org/software/systemd/man/org.freedesktop.login1.html. While we hold a
"delay" inhibitor, logind waits for us to let go of it, five seconds at most.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Any

log = logging.getLogger(__name__)

NAME, PATH = "org.freedesktop.login1", "/org/freedesktop/login1"
INTERFACE = "org.freedesktop.login1.Manager"
REPLY_SECONDS = 5.0
RETRY_SECONDS = 30.0
"""Between tries to reach the bus, which an update may restart."""


class LogindWatch:
    """Listens in its own thread, and connects again when the bus was lost."""

    def __init__(self, on_sleep: Callable[[], None], on_wake: Callable[[], None]) -> None:
        self._on_sleep, self._on_wake = on_sleep, on_wake
        self._asleep = False
        self._stopping = Event()
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._thread = Thread(target=self._run, name="sleep", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._lock:
            self._stopping.set()
            if self._socket:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._thread.join(REPLY_SECONDS)

    def _run(self) -> None:
        from jeepney import DBusErrorResponse
        from jeepney.io.blocking import open_dbus_connection

        said = ""
        while not self._stopping.is_set():
            try:
                with open_dbus_connection("SYSTEM", enable_fds=True) as connection:
                    with self._lock:
                        if self._stopping.is_set():
                            return
                        self._socket = connection.sock
                    said = ""
                    self._listen(connection)
            except (OSError, RuntimeError, ValueError, DBusErrorResponse) as error:
                if not self._stopping.is_set() and said != (said := str(error)):
                    log.info("sleep is not noticed: %s", error)
            finally:
                with self._lock:
                    self._socket = None
            self._stopping.wait(RETRY_SECONDS)

    def _listen(self, connection: Any) -> None:
        from jeepney import MatchRule, message_bus
        from jeepney.wrappers import unwrap_msg

        signal = {"interface": INTERFACE, "member": "PrepareForSleep", "path": PATH}
        rule = MatchRule(type="signal", sender=NAME, **signal)
        add = message_bus.AddMatch(rule)
        unwrap_msg(connection.send_and_get_reply(add, timeout=REPLY_SECONDS))
        self._wake()  # from a sleep in which the bus was lost
        # The bus knows who has NAME; what it delivers carries a number instead.
        with connection.filter(MatchRule(type="signal", **signal), queue=deque()) as signals:
            inhibitor = _inhibit(connection)
            try:
                while True:
                    sleeps = connection.recv_until_filtered(signals).body[0]
                    if sleeps and not self._asleep:
                        self._asleep = True
                        self._on_sleep()
                        _let_go(inhibitor)
                    elif not sleeps:
                        self._wake()
                        _let_go(inhibitor)
                        inhibitor = _inhibit(connection)
            finally:
                _let_go(inhibitor)

    def _wake(self) -> None:
        if self._asleep:
            self._asleep = False
            self._on_wake()


def watch(on_sleep: Callable[[], None], on_wake: Callable[[], None]) -> LogindWatch:
    """See `sleep.sleep_watch`."""
    return LogindWatch(on_sleep, on_wake)


def _inhibit(connection: Any) -> Any:
    """A file descriptor that delays sleep while it is open; None where logind gives none."""
    from jeepney import DBusAddress, DBusErrorResponse, new_method_call
    from jeepney.wrappers import unwrap_msg

    manager = DBusAddress(PATH, bus_name=NAME, interface=INTERFACE)
    words = "sleep", "SharpCam", "lets go of the camera", "delay"
    call = new_method_call(manager, "Inhibit", "ssss", words)
    try:
        return unwrap_msg(connection.send_and_get_reply(call, timeout=REPLY_SECONDS))[0]
    except (TimeoutError, DBusErrorResponse) as error:
        log.info("sleep does not wait for us: %s", error)
        return None


def _let_go(inhibitor: Any) -> None:
    if inhibitor is not None:
        inhibitor.close()
