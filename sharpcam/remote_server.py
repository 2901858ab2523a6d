"""ControlServer: lets the commands talk to the running program.

One thread accepts connections, and each connection has its own, so that a slow or hostile one
bothers nobody: their number, the length of a line and the time for one are bounded. The daemon's
methods are called from these threads, one at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any

from sharpcam.errors import SharpCamError
from sharpcam.remote import VERSION, Daemon, Request, RunningError, encode
from sharpcam.session.channel import Connection, Listener, TakenError, TooLongError, listen

log = logging.getLogger(__name__)

MOST_CLIENTS = 16
MOST_SUBSCRIBERS = 8
"""Fewer, so that a command always finds room."""
LINE_SECONDS = 10.0
"""For a request to arrive as a whole; who is silent for longer must connect again."""
WRITE_SECONDS = 2.0
"""For a reply to be taken."""
PAUSE_SECONDS = 0.005
"""Between two requests on one connection: a flood of them takes no more than its share."""
STATUS_SECONDS = 1.0
"""Between two lines to a subscriber."""
WATCH_SECONDS = 0.25
"""The same to a preview, which shows figures, and which is missed after so long when it died."""
JOIN_SECONDS = 1.0


class ControlServer:
    """Answers requests while its context is entered."""

    def __init__(self, daemon: Daemon, listener: Listener) -> None:
        """`listener` is closed at the end."""
        self._daemon, self._listener = daemon, listener
        self._turn = Lock()
        self._lock = Lock()
        self._clients: dict[Connection, Thread] = {}
        self._subscribers = 0
        self._stopping = Event()
        self._thread = Thread(target=self._accept, name="control", daemon=True)

    def __enter__(self) -> ControlServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._listener.close()
        self._thread.join(JOIN_SECONDS)
        with self._lock:
            clients = dict(self._clients)
        for connection in clients:
            connection.close()
        for thread in clients.values():
            thread.join(JOIN_SECONDS)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection = self._listener.accept()
            except OSError as error:  # out of file descriptors, for example: weather
                log.warning("control channel: %s", error)
                self._stopping.wait(STATUS_SECONDS)
                continue
            if connection is None:
                return
            thread = Thread(target=self._serve, args=(connection,), name="client", daemon=True)
            with self._lock:
                room = len(self._clients) < MOST_CLIENTS
                if room:
                    self._clients[connection] = thread
                    thread.start()
            if not room:
                self._refuse(connection)

    def _refuse(self, connection: Connection) -> None:
        try:
            connection.write_line(_refusal("too many connections", "try again in a moment"), 0.1)
        except OSError:
            pass
        finally:
            connection.close()

    def _serve(self, connection: Connection) -> None:
        try:
            self._talk(connection)
        except TooLongError:
            log.debug("control channel: an endless line")
            self._refuse(connection)
        except OSError as error:  # silent for too long, or gone
            log.debug("control channel: %r", error)
        finally:
            connection.close()
            with self._lock:
                del self._clients[connection]

    def _talk(self, connection: Connection) -> None:
        while (line := connection.read_line(LINE_SECONDS)) is not None:
            try:
                request = Request.decode(line)
            except SharpCamError as error:
                connection.write_line(_refusal(error.message, error.hint), WRITE_SECONDS)
            else:
                if request.do == "subscribe":
                    self._stream(connection, STATUS_SECONDS)
                    return
                if request.do == "watch":
                    with self._daemon.watched():  # until the preview is gone, however it ends
                        self._stream(connection, WATCH_SECONDS)
                    return
                if request.do == "quit":
                    self._quit(connection)
                    return
                reply = self._reply(self._action(request))
                connection.write_line(reply, WRITE_SECONDS)
            if self._stopping.wait(PAUSE_SECONDS):
                return

    def _quit(self, connection: Connection) -> None:
        try:  # answered first: afterwards nobody may be left to do it
            connection.write_line(self._reply(_nothing), WRITE_SECONDS)
        finally:
            with self._turn:
                self._daemon.quit()

    def _stream(self, connection: Connection, seconds: float) -> None:
        with self._lock:
            room = self._subscribers < MOST_SUBSCRIBERS
            self._subscribers += room
        if not room:
            self._refuse(connection)
            return
        try:
            while True:
                connection.write_line(self._reply(_nothing), WRITE_SECONDS)
                if self._stopping.wait(seconds):
                    return
        finally:
            with self._lock:
                self._subscribers -= 1

    def _action(self, request: Request) -> Callable[[], None]:
        daemon = self._daemon
        if request.do == "set":
            return lambda: daemon.set(request.texts["key"], request.texts["value"])
        actions: dict[str, Callable[[], None]] = {
            "status": _nothing,
            "on": daemon.on,
            "off": daemon.off,
            "toggle": daemon.toggle,
            "pause": daemon.pause,
            "resume": daemon.resume,
            "preview": daemon.preview,
            "learn_again": daemon.learn_again,
        }
        return actions[request.do]

    def _reply(self, action: Callable[[], None]) -> bytes:
        """Do it, and say how things are then, or what went wrong."""
        try:
            with self._turn:
                action()
                status: Any = self._daemon.status()
            return encode({"v": VERSION, "ok": True, "status": status})
        except SharpCamError as error:
            return _refusal(error.message, error.hint)
        except Exception as error:
            log.exception("a request failed")
            return _refusal(f"it failed: {type(error).__name__}: {error}", "the log says more")


def only_instance() -> Listener:
    """The channel's listening end, which only one process of this user has.

    Raises:
        RunningError: another one has it.
        SharpCamError: there is no place for it.
    """
    try:
        return listen()
    except TakenError:
        raise RunningError from None


def _nothing() -> None:
    """To be told the status alone."""


def _refusal(error: str, hint: str) -> bytes:
    return encode({"v": VERSION, "ok": False, "error": error[:1000], "hint": hint[:1000]})
