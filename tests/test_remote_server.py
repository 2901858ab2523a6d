"""The control server over real sockets: it answers, and nobody who connects can harm it."""

from __future__ import annotations

import json
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from fake_daemon import FakeDaemon
from fakes import Gate
from own_home import move_in

from sharpcam import remote_server
from sharpcam.errors import SharpCamError
from sharpcam.remote import Request, decode
from sharpcam.remote_server import ControlServer, only_instance
from sharpcam.session.lines import LARGEST_BYTES

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX") or sys.platform == "win32", reason="no Unix sockets here"
)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    move_in(monkeypatch, tmp_path)
    for name in ("LINE_SECONDS", "JOIN_SECONDS"):
        monkeypatch.setattr(remote_server, name, 60.0)  # however slow the machine is
    return tmp_path


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
def server(daemon: FakeDaemon, home: Path) -> Iterator[Path]:
    """A server that runs; the name of its socket."""
    with ControlServer(daemon, only_instance()):
        yield home / "run" / "sharpcam" / "control"


class Caller:
    """Somebody who connects, well-behaved or not."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        with suppress(OSError):  # the server may have hung up, or we did
            self.socket.sendall(data)

    def receive(self) -> dict[str, Any] | None:
        """The next reply; None when the server hung up."""
        try:
            line = self.lines.readline()
        except ConnectionResetError:
            return None
        return decode(line) if line else None

    def ask(self, do: str, **texts: str) -> dict[str, Any]:
        self.send(Request(do, texts).encode() + b"\n")
        reply = self.receive()
        assert reply is not None
        return reply

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


def test_every_request_is_done_and_answered_with_the_status_afterwards(
    daemon: FakeDaemon, server: Path
) -> None:
    caller = Caller(server)
    off = {"state": "off", "source": "Acme", "size": [1280, 720], "fps": None}
    assert caller.ask("off") == {"v": 1, "ok": True, "status": off}
    assert caller.ask("on")["status"]["state"] == "sharpening"
    for do in ("toggle", "pause", "resume", "learn_again", "status"):
        assert caller.ask(do) == {"v": 1, "ok": True, "status": off}
    assert caller.ask("set", key="strength", value="0.5")["ok"]
    assert daemon.settings.strength == 0.5
    assert daemon.calls == [
        *("off", "on", "toggle", "pause", "resume", "learn_again", "set strength=0.5")
    ]


def test_what_the_daemon_refuses_is_answered_with_its_hint(server: Path) -> None:
    caller = Caller(server)
    refused = {"v": 1, "ok": False, "error": "there is no screen", "hint": "start it on a desktop"}
    assert caller.ask("preview") == refused
    assert "did you mean" in caller.ask("set", key="strenght", value="1")["hint"]
    assert caller.ask("status")["ok"]


def test_a_bug_in_the_daemon_is_answered_and_logged_and_ends_nothing(
    daemon: FakeDaemon, server: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def bug() -> None:
        raise KeyError("oops")

    daemon.work = bug
    caller = Caller(server)
    assert caller.ask("toggle")["error"] == "it failed: KeyError: 'oops'"
    assert "Traceback" in caplog.text
    assert caller.ask("status")["ok"]


def test_quit_is_answered_before_it_is_done(daemon: FakeDaemon, home: Path) -> None:
    with ControlServer(daemon, only_instance()):
        caller = Caller(home / "run" / "sharpcam" / "control")
        reply = caller.ask("quit")
        assert daemon.ended.wait(60)
    assert reply["ok"]
    assert caller.receive() is None
    assert not (home / "run" / "sharpcam" / "control").exists()


def test_quit_is_done_even_when_its_sender_does_not_wait_for_an_answer(
    daemon: FakeDaemon, server: Path
) -> None:
    caller = Caller(server)
    caller.send(Request("quit").encode() + b"\n")
    caller.close()
    assert daemon.ended.wait(60)


def test_a_subscriber_is_told_again_and_again(
    daemon: FakeDaemon, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_server, "STATUS_SECONDS", 0.01)
    subscriber, other = Caller(server), Caller(server)
    assert subscriber.ask("subscribe")["status"]["state"] == "sharpening"
    other.ask("off")
    while (told := subscriber.receive()) and told["status"]["state"] != "off":
        pass
    assert told


def test_a_second_instance_is_told_so(server: Path) -> None:
    with pytest.raises(SharpCamError, match="running already") as caught:
        only_instance()
    assert "sharpcam quit" in caught.value.hint


# Those who mean harm


@pytest.mark.parametrize(
    "garbage",
    [b"\n", b"\0\0\0\n", b"GET / HTTP/1.1\n", b"[" * 9000 + b"\n", b"\x80\x04K\x01.\n", b"{}\n"],
)
def test_garbage_is_refused_and_the_next_request_is_answered(server: Path, garbage: bytes) -> None:
    caller = Caller(server)
    caller.send(garbage)
    reply = caller.receive()
    assert reply
    assert reply["ok"] is False
    assert caller.ask("status")["ok"]


def test_a_message_too_large_is_hung_up_on(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Caller(server)
    sender = Thread(target=caller.send, args=(b"x" * LARGEST_BYTES * 64,), daemon=True)
    sender.start()
    while caller.receive() is not None:
        pass
    sender.join(60)
    assert not sender.is_alive()
    assert Caller(server).ask("status")["ok"]


def test_half_a_message_is_not_done(daemon: FakeDaemon, server: Path) -> None:
    caller = Caller(server)
    caller.send(Request("toggle").encode())
    caller.close()
    assert Caller(server).ask("status")["ok"]
    assert daemon.calls == []


def test_a_silent_client_is_let_go(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_server, "LINE_SECONDS", 0.05)
    caller = Caller(server)
    caller.send(b'{"v":1')
    assert caller.receive() is None


def test_while_others_are_silent_requests_are_answered(server: Path) -> None:
    silent = [Caller(server) for _ in range(remote_server.MOST_CLIENTS - 1)]
    for caller in silent:
        caller.send(b'{"v"')
    assert Caller(server).ask("status")["ok"]


def test_one_too_many_is_told_and_has_room_when_another_has_gone(server: Path) -> None:
    callers = [Caller(server) for _ in range(remote_server.MOST_CLIENTS)]
    for caller in callers:
        assert caller.ask("status")["ok"]
    refused = Caller(server).receive()
    assert refused
    assert refused["error"] == "too many connections"
    callers.pop().close()
    while True:  # until the server has noticed
        late = Caller(server)
        late.send(Request("status").encode() + b"\n")
        reply = late.receive()
        if reply and reply["ok"]:
            break


def test_subscribers_leave_room_for_commands(server: Path) -> None:
    subscribers = [Caller(server) for _ in range(remote_server.MOST_SUBSCRIBERS)]
    for subscriber in subscribers:  # kept: one that has gone makes room a second later
        assert subscriber.ask("subscribe")["ok"]
    assert Caller(server).ask("subscribe")["error"] == "too many connections"
    assert Caller(server).ask("status")["ok"]


def test_a_subscriber_that_does_not_read_is_let_go(
    server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_server, "STATUS_SECONDS", 0.0)
    monkeypatch.setattr(remote_server, "WRITE_SECONDS", 0.02)
    ended = Event()
    monkeypatch.setattr(remote_server.log, "debug", lambda *_: ended.set())
    caller = Caller(server)
    caller.send(Request("subscribe").encode() + b"\n")
    assert ended.wait(60)
    assert Caller(server).ask("status")["ok"]


def test_a_flood_of_requests_takes_turns_with_the_others(daemon: FakeDaemon, server: Path) -> None:
    flooder, caller = Caller(server), Caller(server)
    flood = Thread(target=flooder.send, args=((Request("toggle").encode() + b"\n") * 20_000,))
    flood.daemon = True
    flood.start()
    for _ in range(3):
        assert caller.ask("status")["ok"]
    assert len(daemon.calls) < 20_000
    flooder.close()


def test_requests_reach_the_daemon_one_at_a_time(daemon: FakeDaemon, server: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        Event().wait(0.002)
        inside -= 1

    daemon.work = work
    threads = [Thread(target=lambda: Caller(server).ask("toggle")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(daemon.calls) == 8
    assert most == 1


def test_the_end_waits_for_nobody(daemon: FakeDaemon, home: Path) -> None:
    path = home / "run" / "sharpcam" / "control"
    with ControlServer(daemon, only_instance()) as server:
        callers = [Caller(path) for _ in range(3)]
        callers[0].ask("subscribe")
        callers[1].send(b'{"v')
    for caller in callers:
        while caller.receive() is not None:
            pass
    assert not server._thread.is_alive()
    assert server._clients == {}


def test_a_failed_accept_is_weather(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remote_server, "STATUS_SECONDS", 0.0)
    tried, failing = Gate(), [OSError(24, "Too many open files")] * 2

    class FakeListener:
        def accept(self) -> None:
            if failing:
                raise failing.pop()
            tried.open()

        def close(self) -> None:
            pass

    caplog.set_level(logging.WARNING)
    with ControlServer(daemon, FakeListener()):
        tried.wait()
    assert caplog.messages == ["control channel: [Errno 24] Too many open files"] * 2


def test_replies_are_json_that_any_program_reads(server: Path) -> None:
    caller = Caller(server)
    caller.send(b'{ "do" : "status", "v" : 1 }\r\n')
    assert json.loads(caller.lines.readline())["status"]["fps"] is None
