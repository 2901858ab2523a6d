"""The control channel's transport: real sockets between real processes; Windows' adapter on the
same library's other kind of socket."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing import connection as pipes
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from own_home import move_in

from sharpcam import paths
from sharpcam.errors import SharpCamError
from sharpcam.session import channel_unix, channel_windows
from sharpcam.session.channel_unix import UnixConnection, UnixListener, is_private, make_private
from sharpcam.session.channel_windows import PipeConnection, PipeListener
from sharpcam.session.lines import LARGEST_BYTES, NobodyError, TakenError, TooLongError

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX") or sys.platform == "win32", reason="no Unix sockets here"
)
DAEMON = [sys.executable, str(Path(__file__).with_name("fake_daemon.py"))]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    move_in(monkeypatch, tmp_path)
    return tmp_path


def pair() -> tuple[UnixConnection, socket.socket]:
    ours, theirs = socket.socketpair()
    return UnixConnection(ours), theirs


# Lines


def test_lines_come_one_by_one_however_they_were_cut() -> None:
    connection, other = pair()
    for piece in (b"on", b"e\ntw", b"o\n\nfour\n"):
        other.sendall(piece)
    assert [connection.read_line(60) for _ in range(4)] == [b"one", b"two", b"", b"four"]


def test_half_a_line_at_the_end_is_no_line() -> None:
    connection, other = pair()
    other.sendall(b"whole\nhal")
    other.close()
    assert connection.read_line(60) == b"whole"
    assert connection.read_line(60) is None


def test_a_line_may_be_as_long_as_agreed_and_no_longer() -> None:
    connection, other = pair()
    line = b"x" * LARGEST_BYTES
    Thread(target=other.sendall, args=(line + b"\n" + line + b"x\n",), daemon=True).start()
    assert connection.read_line(60) == line
    with pytest.raises(TooLongError):
        connection.read_line(60)


def test_a_line_without_an_end_is_not_collected_for_ever() -> None:
    connection, other = pair()

    def flood() -> None:
        with suppress(OSError):  # hung up on
            other.sendall(b"x" * LARGEST_BYTES * 64)

    Thread(target=flood, daemon=True).start()
    with pytest.raises(TooLongError):
        connection.read_line(60)
    assert len(connection._buffer) <= LARGEST_BYTES + 8192
    connection.close()


def test_a_byte_now_and_then_does_not_prolong_the_time_for_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection, other = pair()
    moments = iter([0.0, 1.0, 8.0, 12.0])
    # Its own alone: threads of other tests may ask for the time, too.
    clock = SimpleNamespace(monotonic=lambda: next(moments))
    monkeypatch.setattr(channel_unix, "time", clock)
    other.sendall(b"a")
    monkeypatch.setattr(connection, "_socket", _Dripping(other))
    with pytest.raises(TimeoutError):
        connection.read_line(10)
    assert connection._buffer == b"aa"


class _Dripping:
    """A socket on which a byte comes with every read."""

    def __init__(self, held: socket.socket) -> None:
        self.held = held

    def settimeout(self, seconds: float) -> None:
        assert 0 < seconds <= 10

    def recv(self, size: int) -> bytes:
        return b"a"


def test_who_does_not_read_does_not_hold_up_the_writer() -> None:
    connection, _other = pair()
    line = b"x" * LARGEST_BYTES * 64  # more than the system keeps for a reader
    with pytest.raises(TimeoutError):
        connection.write_line(line, 0.05)


def test_closing_wakes_the_reader() -> None:
    connection, _other = pair()
    ended: list[Any] = []

    def read() -> None:
        try:
            ended.append(connection.read_line(60))
        except OSError as error:
            ended.append(error)

    reader = Thread(target=read)
    reader.start()
    connection.close()
    reader.join(60)
    assert ended


# The lock


def test_the_socket_is_for_this_user_only(home: Path) -> None:
    listener = channel_unix.listen()
    folder = home / "run" / "sharpcam"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "control").stat().st_mode) == 0o600
    listener.close()
    assert not (folder / "control").exists()


def test_only_one_may_listen_and_the_next_one_after_it_may() -> None:
    first = channel_unix.listen()
    for _ in range(3):
        with pytest.raises(TakenError):
            channel_unix.listen()
    first.close()
    channel_unix.listen().close()


def test_one_with_another_idea_of_the_place_is_the_second_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    places = paths.runtime_folders()
    monkeypatch.setattr(channel_unix, "runtime_folders", lambda: places[-1:])
    listener = channel_unix.listen()
    monkeypatch.setattr(channel_unix, "runtime_folders", lambda: places[-2:])
    with pytest.raises(TakenError):
        channel_unix.listen()
    channel_unix.connect().close()
    listener.close()


def test_a_killed_owner_leaves_the_place_free(home: Path) -> None:
    with subprocess.Popen(DAEMON, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "ready\n"
        with pytest.raises(TakenError):
            channel_unix.listen()
        owner.send_signal(signal.SIGKILL)
    assert (home / "run" / "sharpcam" / "control").exists()
    with pytest.raises(NobodyError):
        channel_unix.connect()
    listener = channel_unix.listen()
    channel_unix.connect().close()
    listener.close()


def test_of_many_that_start_at_once_after_a_crash_one_wins(home: Path) -> None:
    with subprocess.Popen(DAEMON, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        owner.stdout.readline()
        owner.kill()
    starters = [subprocess.Popen(DAEMON, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = [starter.stdout.readline() for starter in starters if starter.stdout]
    assert sorted(said) == ["SharpCam is running already\n"] * 5 + ["ready\n"]
    connection = channel_unix.connect()
    connection.write_line(b'{"v":1,"do":"quit"}', 60)
    assert connection.read_line(60)
    for starter in starters:
        starter.communicate(timeout=60)
    assert sorted(starter.returncode for starter in starters) == [0, 1, 1, 1, 1, 1]


def test_a_lock_file_that_was_cleaned_away_gives_nobody_the_place(home: Path) -> None:
    first = channel_unix.listen()
    (home / "run" / "sharpcam" / "lock").unlink()
    with pytest.raises(TakenError):
        UnixListener(home / "run" / "sharpcam")
    channel_unix.connect().close()
    first.close()


def test_closing_wakes_the_one_that_accepts() -> None:
    listener = channel_unix.listen()
    accepted: list[Any] = []
    waiting = Thread(target=lambda: accepted.append(listener.accept()))
    waiting.start()
    listener.close()
    listener.close()
    waiting.join(60)
    assert accepted == [None]


# Who may


def test_another_users_process_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = channel_unix.listen()
    users = iter([os.getuid(), os.getuid() + 1, os.getuid(), os.getuid()])
    monkeypatch.setattr(channel_unix, "peer_uid", lambda _: next(users))
    stranger = channel_unix.connect()
    accepted: list[Any] = []
    waiting = Thread(target=lambda: accepted.append(listener.accept()))
    waiting.start()
    assert stranger.read_line(60) is None  # hung up on
    friend = channel_unix.connect()
    waiting.join(60)
    assert len(accepted) == 1
    accepted[0].write_line(b"hello", 60)
    assert friend.read_line(60) == b"hello"
    listener.close()


@pytest.mark.skipif(getattr(os, "getuid", int)() != 0, reason="only root can become another user")
def test_another_user_who_got_as_far_as_the_socket_is_not_heard() -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # where that user can go
    listener = UnixListener(folder)
    folder.chmod(0o755)
    (folder / "control").chmod(0o666)
    child = os.fork()
    if not child:  # whatever happens, only _exit leaves from here
        heard = 1
        try:
            os.setuid(65534)
            stranger = socket.socket(socket.AF_UNIX)
            stranger.settimeout(60)
            stranger.connect(str(folder / "control"))
            heard = 42 if stranger.recv(1) == b"" else 2
        finally:
            os._exit(heard)
    accepted: list[Any] = []
    waiting = Thread(target=lambda: accepted.append(listener.accept()))
    waiting.start()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    listener.close()
    waiting.join(60)
    assert accepted == [None]
    shutil.rmtree(folder)


def test_the_kernel_tells_whose_process_is_at_the_other_end() -> None:
    ours, _theirs = socket.socketpair()
    assert channel_unix.peer_uid(ours) == os.getuid()


def test_a_folder_that_others_may_enter_is_made_private(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    assert not is_private(folder)
    make_private(folder)
    assert is_private(folder)


def test_a_folder_that_others_may_replace_is_not_private(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(PermissionError, match="not private"):
        make_private(shared / "mine")
    shared.chmod(0o1777)  # like /tmp: only the owner removes
    make_private(shared / "mine")


def test_a_link_is_no_private_folder(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(PermissionError):
        make_private(tmp_path / "link")


@pytest.mark.skipif(getattr(os, "getuid", int)() != 0, reason="only root can give a folder away")
def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    os.chown(folder, 1234, 1234)
    with pytest.raises(PermissionError):
        make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_without_a_runtime_folder_another_private_place_is_found(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "nowhere" / ("x" * 100)))
    listener = channel_unix.listen()
    channel_unix.connect().close()
    listener.close()


def test_where_no_place_will_do_it_is_said_with_a_hint(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    long = home / ("x" * 100) / "sharpcam"
    places = [home / "file" / "sharpcam", long]
    monkeypatch.setattr(channel_unix, "runtime_folders", lambda: places)
    with pytest.raises(SharpCamError, match="no place for the control socket") as caught:
        channel_unix.listen()
    assert "XDG_RUNTIME_DIR" in caught.value.hint
    with pytest.raises(NobodyError):
        channel_unix.connect()


# Windows' named pipes: the same library's sockets have the same interface.


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setattr(channel_windows, "FAMILY", "AF_UNIX")
    address = str(tmp_path / "pipe")
    monkeypatch.setattr(channel_windows, "_address", lambda: address)
    return address


def test_windows_lines_go_both_ways(address: str) -> None:
    listener = channel_windows.listen()
    ours = channel_windows.connect()
    theirs = listener.accept()
    assert theirs
    ours.write_line(b"toggle", 60)
    assert theirs.read_line(60) == b"toggle"
    theirs.write_line(b"done", 60)
    assert ours.read_line(60) == b"done"
    ours.close()
    assert theirs.read_line(60) is None
    theirs.close()
    listener.close()


def test_windows_too_long_a_line_and_silence_are_told(address: str) -> None:
    ours, theirs = (PipeConnection(end) for end in pipes.Pipe())
    with pytest.raises(TimeoutError):
        ours.read_line(0.01)
    theirs.write_line(b"x" * (LARGEST_BYTES + 1), 60)
    with pytest.raises(TooLongError):
        ours.read_line(60)


def test_windows_a_writer_is_not_held_up_for_ever() -> None:
    class Stuck:
        """A pipe whose other side does not read, until it is closed here."""

        def __init__(self) -> None:
            self.closed = 0

        def send_bytes(self, line: bytes) -> None:
            end = time.monotonic() + 60
            while not self.closed:
                assert time.monotonic() < end
                time.sleep(0.001)
            raise OSError("handle is closed")

        def close(self) -> None:
            self.closed += 1

    stuck = Stuck()
    with pytest.raises(OSError, match="closed"):
        PipeConnection(stuck).write_line(b"x", 0.01)
    assert stuck.closed == 1


def test_windows_only_one_may_have_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(address: str, family: str) -> None:
        assert (address, family) == (r"\\.\pipe\sharpcam-jane-doe", "AF_PIPE")
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(channel_windows.getpass, "getuser", lambda: "jane doe")
    monkeypatch.setattr(channel_windows.pipes, "Listener", refused)
    with pytest.raises(TakenError):
        channel_windows.listen()


def test_windows_without_a_pipe_nobody_listens(address: str) -> None:
    with pytest.raises(NobodyError):
        channel_windows.connect()


def test_windows_closing_wakes_the_one_that_accepts(address: str) -> None:
    listener = PipeListener(address)
    accepted: list[Any] = []
    waiting = Thread(target=lambda: accepted.append(listener.accept()))
    waiting.start()
    listener.close()
    waiting.join(60)
    assert accepted == [None]
