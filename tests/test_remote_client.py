"""The commands against the real channel: what they print, and what they say when nobody answers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from fake_daemon import FakeDaemon
from fakes import Gate, until
from own_home import move_in

from sharpcam import remote_client, remote_server
from sharpcam.cli import main
from sharpcam.errors import SharpCamError
from sharpcam.remote import NotRunningError
from sharpcam.remote_client import ask, follow, words
from sharpcam.remote_server import ControlServer, only_instance
from sharpcam.session.channel import Connection
from sharpcam.settings import ENTRIES, Settings
from sharpcam.settings_file import SettingsFile, settings_path

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX") or sys.platform == "win32", reason="no Unix sockets here"
)
DAEMON = [sys.executable, str(Path(__file__).with_name("fake_daemon.py"))]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    move_in(monkeypatch, tmp_path)
    monkeypatch.setattr(remote_client, "ANSWER_SECONDS", 60.0)  # however slow the machine is
    return tmp_path


@pytest.fixture
def daemon() -> Iterator[FakeDaemon]:
    fake = FakeDaemon()
    with ControlServer(fake, only_instance()):
        yield fake


@pytest.mark.parametrize("command", ["on", "off", "toggle", "pause", "resume", "quit"])
def test_a_command_is_done_and_tells_how_things_are(
    command: str, daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command]) == 0
    state = "off" if command in ("off", "toggle") else "sharpening"
    assert capsys.readouterr().out == f"{state}, Acme, 1280x720\n"
    if command == "quit":
        assert daemon.ended.wait(60)
    assert daemon.calls == [command]


def test_who_is_refused_before_asking_is_told_why(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_server, "MOST_CLIENTS", 0)
    connect = remote_client.connect

    def connect_slowly() -> Connection:
        connection = connect()
        until(lambda: "refused" in refused)
        return connection

    refused: list[str] = []
    refuse = ControlServer._refuse

    def note(server: ControlServer, connection: Connection) -> None:
        refuse(server, connection)
        refused.append("refused")

    monkeypatch.setattr(ControlServer, "_refuse", note)
    monkeypatch.setattr(remote_client, "connect", connect_slowly)
    with pytest.raises(SharpCamError, match="too many connections"):
        ask("status")


@pytest.mark.parametrize("command", ["on", "off", "toggle", "pause", "resume", "quit", "status"])
def test_without_a_running_sharpcam_it_is_said_with_a_hint(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command]) == 1
    said = capsys.readouterr().err
    assert said == "sharpcam: SharpCam is not running\n  hint: start it with `sharpcam`\n"


def test_status_as_json_is_one_object(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "sharpening"


def test_following_tells_the_status_again_and_again(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_server, "STATUS_SECONDS", 0.01)
    states = []
    for status in follow():
        states.append(status["state"])
        if len(states) == 2:
            ask("off")
        if states[-1] == "off":
            break
    assert states[:2] == ["sharpening", "sharpening"]


def test_a_status_reads_well() -> None:
    status = {
        "state": "bypassed",
        "reason": "no memory",
        "source": "Acme",
        "sinks": ["SharpCam"],
        "size": [640, 480],
        "fps": 29.97,
        "delay": {"median": 21.4, "p95": 30},
    }
    assert words(status) == (
        "bypassed (no memory), Acme -> SharpCam, 640x480, 30.0 FPS, added delay 21 ms"
    )
    assert words({}) == "running"


def test_set_reaches_the_running_program(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["set", "strength=0.5"]) == 0
    assert daemon.settings.strength == 0.5
    assert capsys.readouterr().out == "strength = 0.5 in the running SharpCam\n"
    path = settings_path()
    assert path
    assert not path.exists()  # keeping it is the running program's business


def test_set_without_a_running_program_edits_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["set", "cpu-budget-percent=50"]) == 0
    assert main(["set", "size = 640x480"]) == 0
    path = settings_path()
    assert SettingsFile(path).load() == Settings(cpu_budget_percent=50.0, size=(640, 480))
    assert f'size = "640x480" in {path}\n' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("strength", "not KEY=VALUE"),
        ("strenght=1", "did you mean 'strength'?"),
        ("strength=9", "expected 0 to 1.5"),
        ("=", "no setting ''"),
    ],
)
def test_what_cannot_be_set_is_said_and_nothing_is_written(
    assignment: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["set", assignment]) == 1
    assert said in capsys.readouterr().err
    path = settings_path()
    assert path
    assert not path.exists()


def test_set_alone_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    main(["set", "strength=0.5"])
    capsys.readouterr()
    assert main(["set"]) == 0
    shown = capsys.readouterr().out
    assert "strength = 0.5\n    how much to sharpen" in shown
    for key in ENTRIES:
        assert f"{key} = " in shown


def test_a_program_that_does_not_answer_is_said(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_client, "ANSWER_SECONDS", 0.05)
    gate = Gate()
    daemon.work = gate.wait
    with pytest.raises(SharpCamError, match="does not answer"):
        ask("toggle")
    gate.open()


def test_a_program_that_ends_instead_of_answering_is_said(home: Path) -> None:
    listener = only_instance()

    def hang_up() -> None:
        connection = listener.accept()
        assert connection
        connection.read_line(60)
        connection.close()

    other = Thread(target=hang_up)
    other.start()
    with pytest.raises(SharpCamError, match="ended without an answer"):
        ask("toggle")
    other.join(60)
    listener.close()
    with pytest.raises(NotRunningError):
        ask("toggle")


def test_a_command_talks_to_another_process_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from sharpcam import cli; assert cli.main(['toggle']) == 0\n"
        "print([m for m in ('cv2', 'numpy', 'onnxruntime', 'av', 'rich', 'tomlkit', 'PIL',"
        " 'Xlib') if m in sys.modules])"
    )
    with subprocess.Popen(DAEMON, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "ready\n"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert main(["quit"]) == 0
        assert owner.wait(60) == 0
    assert done.stdout == "off, Acme, 1280x720\n[]\n"
