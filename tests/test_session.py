"""`sharpcam` as a process of its own, from its start to its end, talked to by real commands."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from clips import write_clip
from fakes import PATIENCE, until
from home_of import Home
from mortal import skip_if_ignored

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the session's folders are set as on Linux"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    for name in ("one", "two"):
        write_clip(tmp_path / f"{name}.mkv", frames=25, size=(320, 240))
    return Home(tmp_path, camera=str(tmp_path / "one.mkv"), size="320x240")


@pytest.fixture
def program(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Running and sharpening, without a screen."""
    with home.start("-v") as program:
        try:
            home.until(source="one.mkv")
            yield program
        finally:
            program.kill()


def end(program: subprocess.Popen[str]) -> str:
    """Wait for an orderly end; returns all that was said."""
    said, _ = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0, said
    assert "left behind" not in said
    assert "Traceback" not in said
    return said


def test_a_session_from_start_to_quit(home: Home, program: subprocess.Popen[str]) -> None:
    assert home.ask("off").returncode == 0
    home.until(state="off")
    sent = home.sent
    until(lambda: home.sent > sent + 5)
    assert home.ask("set", "strength=0.5").stdout.startswith("strength = 0.5 in the running")
    assert home.ask("set", f"camera={home.folder / 'two.mkv'}").returncode == 0
    home.until(source="two.mkv", strength=0.5)
    assert home.ask("pause").stdout.startswith("paused")
    home.ask("resume")
    home.until(state="off", source="two.mkv")
    home.edit("enabled = false", "")
    home.until(enabled=True)
    assert (home.folder / "opened").read_text() == "320x240\n", "opened once"
    assert home.ask("quit").returncode == 0
    end(program)
    assert (home.folder / "closed").read_text() == "closed\n"
    assert not (home.runtime / "sharpcam" / "control").exists()
    assert home.ask("status").returncode == 1
    assert "ended" in home.log


def test_without_a_tray_it_says_so_once_and_goes_on(
    home: Home, program: subprocess.Popen[str]
) -> None:
    until(lambda: "without a tray icon" in home.log)
    sent = home.sent
    until(lambda: home.sent > sent)
    home.ask("quit")
    assert end(program).count("without a tray icon") == 1


def test_what_to_do_in_the_meeting_app_is_said_once_in_a_lifetime(
    home: Home, program: subprocess.Popen[str]
) -> None:
    words = 'In your meeting app, choose the camera "SharpCam". `sharpcam help camera` says where'
    until(lambda: words in home.log)  # a line of figures later than the camera
    home.ask("quit")
    assert words in end(program)
    with home.start("--no-tray") as again:
        until(lambda: home.log.count(words) == 2)
        home.ask("quit")
        assert words not in end(again)


def test_a_second_start_asks_the_first_one_for_its_preview(
    home: Home, program: subprocess.Popen[str]
) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "sharpcam"], env=home.environment, capture_output=True, text=True
    )
    assert second.returncode == 0
    assert second.stdout.startswith("SharpCam is running already")
    assert "there is no screen" in second.stdout
    assert home.status(), "the first one goes on"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_signals_end_it_in_an_orderly_way(
    home: Home, program: subprocess.Popen[str], name: str
) -> None:
    skip_if_ignored(name)
    program.send_signal(getattr(signal, name))
    end(program)
    assert (home.folder / "closed").exists()


def test_what_a_killed_one_left_is_no_obstacle(home: Home, program: subprocess.Popen[str]) -> None:
    program.kill()
    program.communicate()
    assert (home.runtime / "sharpcam" / "control").exists(), "the stale socket"
    (home.runtime / "sharpcam" / "preview-0123").write_bytes(b"private")
    with home.start("--no-tray") as again:
        home.until(source="one.mkv")
        assert not list((home.runtime / "sharpcam").glob("preview-*"))
        home.ask("quit")
        end(again)


def test_it_needs_neither_input_nor_output(home: Home) -> None:
    code = (
        "import os, runpy, sys\n"
        "for number in (0, 1, 2): os.close(number)\n"
        "sys.stdin = sys.stdout = sys.stderr = None\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    desk = Path(__file__).parent / "desk.py"
    command = [sys.executable, "-c", code, str(desk), str(home.folder), "--no-tray"]
    with subprocess.Popen(command, env=home.environment) as program:
        home.until(source="one.mkv")
        home.ask("quit")
        assert program.wait(PATIENCE) == 0
    assert "Traceback" not in home.log


def test_settings_that_cannot_be_written_are_said_once_and_hold(
    home: Home, program: subprocess.Popen[str]
) -> None:
    home.settings.unlink()
    home.settings.parent.rmdir()
    home.settings.parent.write_text("a file where the folder was")  # root may write anywhere else
    home.ask("off")
    home.ask("set", "strength=0.5")
    home.until(state="off", strength=0.5)
    home.ask("quit")
    assert end(program).count("the settings hold until the end") == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts file descriptors in /proc")
def test_use_again_and_again_leaves_no_thread_and_no_descriptor_behind(
    home: Home, program: subprocess.Popen[str]
) -> None:
    process = psutil.Process(program.pid)

    def use() -> tuple[int, int]:
        home.ask("set", f"camera={home.folder / 'two.mkv'}")
        home.until(source="two.mkv")
        home.ask("pause")
        home.ask("resume")
        home.ask("set", f"camera={home.folder / 'one.mkv'}")
        home.until(source="one.mkv")
        return process.num_fds(), process.num_threads()

    use()
    # The most of two: at one moment a decoder may just be between its threads.
    first = [max(pair) for pair in zip(use(), use(), strict=True)]
    for _ in range(3):
        use()

    def is_as_before() -> bool:
        """Decoders and networks that were replaced may take a moment to end their threads."""
        return process.num_fds() <= first[0] + 1 and process.num_threads() <= first[1] + 2

    until(is_as_before, lambda: (first, process.num_fds(), process.num_threads()))
