"""What the systems' control channels have in common: lines of bytes between two processes of one
user."""

from __future__ import annotations

from typing import Protocol

LARGEST_BYTES = 64 * 1024
"""No line is longer; what sends more is not listened to."""


class TakenError(Exception):
    """Another process of this user listens already."""


class NobodyError(Exception):
    """No process of this user listens."""


class TooLongError(Exception):
    """The other side sent more than LARGEST_BYTES without an end of line."""


class Connection(Protocol):
    """One end of a connection; one thread uses it, any may close it."""

    def read_line(self, timeout: float) -> bytes | None:
        """The next line, without its end; None when the other side has gone.

        Raises:
            TimeoutError: no whole line came within so many seconds.
            TooLongError: it is longer than LARGEST_BYTES.
            OSError: the connection broke or was closed here.
        """
        ...

    def write_line(self, line: bytes, timeout: float) -> None:
        """Send a line.

        Raises:
            OSError: the other side has gone, or did not take it within so many seconds.
        """
        ...

    def close(self) -> None:
        """Let go; whoever waits in a call above is woken."""
        ...


class Listener(Protocol):
    """The listening end; having it is having the only instance of this user."""

    def accept(self) -> Connection | None:
        """Wait for the next connection from a process of the same user; None after `close`.

        Raises:
            OSError: this one failed; others may come.
        """
        ...

    def close(self) -> None:
        """Stop listening, for any thread; whoever waits in `accept` is woken."""
        ...
