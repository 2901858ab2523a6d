"""The control channel on Windows: a named pipe, each line one message.

multiprocessing.connection makes the pipe and moves bytes; its pickling calls are never used. The
first instance of the pipe's name is exclusive, which makes it the lock. With the default security
descriptor only this user, administrators and the system may write to it; others may at most open
it for reading, and then hear nothing, because only requests are answered.
"""

from __future__ import annotations

import getpass
from contextlib import suppress
from multiprocessing import connection as pipes
from threading import Event, Timer
from typing import Any

from sharpcam.session.lines import LARGEST_BYTES, NobodyError, TakenError, TooLongError

FAMILY = "AF_PIPE"


class PipeConnection:
    """See `lines.Connection`."""

    def __init__(self, pipe: Any) -> None:
        """`pipe` is a multiprocessing.connection.Connection."""
        self._pipe = pipe

    def read_line(self, timeout: float) -> bytes | None:
        try:
            if not self._pipe.poll(timeout):
                raise TimeoutError
            line: bytes = self._pipe.recv_bytes(LARGEST_BYTES)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return None
        except OSError as error:
            if str(error) == "bad message length":
                raise TooLongError from error
            raise
        return line

    def write_line(self, line: bytes, timeout: float) -> None:
        watchdog = Timer(timeout, self.close)  # a send has no time limit; closing ends it
        watchdog.daemon = True
        watchdog.start()
        try:
            self._pipe.send_bytes(line)
        finally:
            watchdog.cancel()

    def close(self) -> None:
        with suppress(OSError):
            self._pipe.close()


class PipeListener:
    """See `lines.Listener`."""

    def __init__(self, address: str) -> None:
        """Take the name.

        Raises:
            TakenError: another process has it.
        """
        self._address = address
        self._closed = Event()
        try:
            self._listener = pipes.Listener(address, FAMILY)
        except PermissionError as error:  # what Windows says of a second first instance
            raise TakenError from error

    def accept(self) -> PipeConnection | None:
        accepted = self._listener.accept()
        if self._closed.is_set():
            accepted.close()
            self._listener.close()
            return None
        return PipeConnection(accepted)

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        with suppress(OSError):
            pipes.Client(self._address, FAMILY).close()  # wakes `accept`


def listen() -> PipeListener:
    """Listen under this user's name.

    Raises:
        TakenError: another process of this user listens.
    """
    return PipeListener(_address())


def connect() -> PipeConnection:
    """Connect to the process that listens.

    Raises:
        NobodyError: there is none.
    """
    try:
        return PipeConnection(pipes.Client(_address(), FAMILY))
    except OSError as error:
        raise NobodyError from error


def _address() -> str:
    user = "".join(letter if letter.isalnum() else "-" for letter in getpass.getuser())
    return rf"\\.\pipe\sharpcam-{user}"
