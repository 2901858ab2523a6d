"""The control channel on Linux and macOS: a Unix socket in a folder that only this user may enter.

The socket's file stays behind when a process is killed, so the lock is not the file but a lock on
another file beside it, which the kernel gives back whatever ends the process.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import time
from contextlib import suppress
from pathlib import Path
from threading import Event

from sharpcam.errors import SharpCamError
from sharpcam.paths import runtime_folders
from sharpcam.session.lines import LARGEST_BYTES, NobodyError, TakenError, TooLongError

SOCKET, LOCK = "control", "lock"
LONGEST_PATH = 103
"""Bytes in the name of a socket: 108 on Linux, 104 on macOS, one of them the end."""
CONNECT_SECONDS = 2.0
BACKLOG = 16


class UnixConnection:
    """See `lines.Connection`."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._buffer = bytearray()

    def read_line(self, timeout: float) -> bytes | None:
        deadline = time.monotonic() + timeout
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > LARGEST_BYTES:
                raise TooLongError
            left = deadline - time.monotonic()
            if left <= 0:  # for the line as a whole: a byte now and then does not prolong it
                raise TimeoutError
            self._socket.settimeout(left)
            data = self._socket.recv(8192)
            if not data:
                return None
            self._buffer += data
        if end > LARGEST_BYTES:
            raise TooLongError
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def write_line(self, line: bytes, timeout: float) -> None:
        self._socket.settimeout(timeout)
        self._socket.sendall(line + b"\n")

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes whoever reads
        self._socket.close()


class UnixListener:
    """See `lines.Listener`."""

    def __init__(self, folder: Path) -> None:
        """Take the place in a private folder.

        Raises:
            TakenError: another process has it.
            OSError: the folder does not allow it.
        """
        self._closed = Event()
        self._path = folder / SOCKET
        self._lock = _locked(folder / LOCK)
        try:
            self._socket = _bound(self._path)
        except BaseException:
            os.close(self._lock)
            raise

    def accept(self) -> UnixConnection | None:
        while not self._closed.is_set():
            try:
                connected, _ = self._socket.accept()
            except OSError:
                if self._closed.is_set():
                    break
                raise
            if not self._closed.is_set() and peer_uid(connected) == os.getuid():
                return UnixConnection(connected)
            connected.close()
        return None

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        _answers(self._path)  # wakes `accept`, which closing alone does not
        self._socket.close()
        self._path.unlink(missing_ok=True)
        os.close(self._lock)  # last: whoever gets the lock next finds no file of ours


def listen() -> UnixListener:
    """Listen in the first place that is private.

    Raises:
        TakenError: another process of this user listens, here or in another of the places.
        SharpCamError: no place will do.
    """
    places = [folder for folder in runtime_folders() if _fits(folder)]
    if any(is_private(folder) and _answers(folder / SOCKET) for folder in places):
        raise TakenError
    problems = []
    for folder in places:
        try:
            make_private(folder)
            return UnixListener(folder)
        except OSError as error:
            problems.append(f"{folder}: {error.strerror or error}")
    raise SharpCamError(
        f"no place for the control socket ({'; '.join(problems) or 'all names are too long'})",
        "set XDG_RUNTIME_DIR to a folder that is yours alone",
    )


def connect() -> UnixConnection:
    """Connect to the process that listens.

    Raises:
        NobodyError: there is none.
    """
    for folder in runtime_folders():
        if not _fits(folder) or not is_private(folder):
            continue
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.settimeout(CONNECT_SECONDS)
            connected.connect(str(folder / SOCKET))
            if peer_uid(connected) == os.getuid():
                return UnixConnection(connected)
        except OSError:
            pass
        connected.close()
    raise NobodyError


def peer_uid(connected: socket.socket) -> int:
    """Whose process is at the other end, as the kernel tells."""
    if hasattr(socket, "SO_PEERCRED"):
        data = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
        return int(struct.unpack("iII", data)[1])  # process, user, group
    # macOS: LOCAL_PEERCRED (1) of SOL_LOCAL (0) gives a struct xucred: version, user, ...
    return int(struct.unpack_from("II", connected.getsockopt(0, 1, 128))[1])


def make_private(folder: Path) -> None:
    """Create the folder, or make it private where it is ours.

    Raises:
        OSError: it is somebody else's, or cannot be made.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and found.st_mode & 0o077:
        folder.chmod(0o700)
    if not is_private(folder):
        raise PermissionError(None, "not private", str(folder))


def is_private(folder: Path) -> bool:
    """Whether only we may enter the folder, and nobody else may put another in its place."""
    try:
        found, above = folder.lstat(), folder.parent.stat()
    except OSError:
        return False
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    replaceable = bool(above.st_mode & 0o002) and not above.st_mode & stat.S_ISVTX
    return (
        ours and not found.st_mode & 0o077 and above.st_uid in (os.getuid(), 0) and not replaceable
    )


def _locked(path: Path) -> int:
    """A file descriptor that holds the lock until it is closed."""
    import fcntl

    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException as error:
        os.close(lock)
        if isinstance(error, BlockingIOError):
            raise TakenError from None
        raise
    return lock


def _bound(path: Path) -> socket.socket:
    """A listening socket; the caller holds the lock."""
    if _answers(path):  # somebody removed the lock's file while its owner runs
        raise TakenError
    path.unlink(missing_ok=True)  # of a process that was killed
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(str(path))
        path.chmod(0o600)
        bound.listen(BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET)) <= LONGEST_PATH


def _answers(path: Path) -> bool:
    """Whether a process listens at a socket's file."""
    with socket.socket(socket.AF_UNIX) as trial:
        trial.setblocking(False)
        try:
            trial.connect(str(path))
        except BlockingIOError:  # listens, and has no room for more at the moment
            return True
        except OSError:
            return False
        return True
