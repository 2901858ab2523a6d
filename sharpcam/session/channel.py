"""The control channel between the commands and the program that runs, on this system."""

from __future__ import annotations

import sys

from sharpcam.session.lines import Connection, Listener, NobodyError, TakenError, TooLongError

if sys.platform == "win32":
    from sharpcam.session import channel_windows as _host
else:
    from sharpcam.session import channel_unix as _host


def listen() -> Listener:
    """Become the one that listens, which makes this the only instance of this user.

    Raises:
        TakenError: another process of this user listens.
        SharpCamError: there is no place to listen at.
    """
    return _host.listen()


def connect() -> Connection:
    """Connect to the process of this user that listens.

    Raises:
        NobodyError: there is none.
    """
    return _host.connect()


__all__ = [
    "Connection",
    "Listener",
    "NobodyError",
    "TakenError",
    "TooLongError",
    "connect",
    "listen",
]
