"""`sharpcam preview` beside the running program, on a real (virtual) screen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clips import SAMPLE
from fakes import PATIENCE, until
from home_of import Home
from screen import Screen, needs_screen, screen

from sharpcam.preview import request
from sharpcam.window import TITLE, Action

pytestmark = needs_screen


@pytest.fixture(scope="module")
def desktop() -> Iterator[Screen]:
    with screen() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, desktop: Screen) -> Home:
    home = Home(tmp_path, camera=str(SAMPLE), size="640x360", profile="1,1,0.3")
    home.environment["DISPLAY"] = desktop.display
    return home


@pytest.fixture
def program(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Running, and nobody watches."""
    home.watch(0)
    with home.start("--no-tray") as program:
        home.until(state="standby")
        try:
            yield program
            home.ask("quit")
            said, _ = program.communicate(timeout=PATIENCE)
            assert program.returncode == 0, said
        finally:
            program.kill()


@contextmanager
def preview(home: Home) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "sharpcam", "preview"],
        env=home.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shown:
        try:
            yield shown
        finally:
            shown.kill()


def memory(home: Home) -> list[Path]:
    return list((home.runtime / "sharpcam").glob("preview-*"))


def window(desktop: Screen, shown: subprocess.Popen[str] | None = None) -> None:
    """Wait for it."""

    def there() -> bool:
        assert shown is None or shown.poll() is None, shown.communicate()[0]
        return bool(desktop.windows(TITLE))

    until(there)


def test_it_shows_the_camera_and_its_keys_act_on_the_program(
    home: Home, program: subprocess.Popen[str], desktop: Screen
) -> None:
    with preview(home) as shown:
        window(desktop, shown)
        until(lambda: home.status()["state"] in ("sharpening", "bypassed"), home.status)
        assert home.status()["watchers"] == 0, "a preview is no app"
        until(lambda: len(desktop.picture().getcolors(10**7) or "") > 500)  # a real picture
        desktop.press_until(lambda: home.status()["state"] == "off", "space", TITLE)
        desktop.press_until(lambda: home.status()["strength"] < 1, "Left", TITLE)
        desktop.press_until(lambda: shown.poll() is not None, "q", TITLE)
        said, _ = shown.communicate(timeout=PATIENCE)
    assert shown.returncode == 0, said
    home.until(state="standby", preview=None)
    assert memory(home) == []


def test_it_may_come_and_go_again_and_again(
    home: Home, program: subprocess.Popen[str], desktop: Screen
) -> None:
    for _ in range(3):
        with preview(home) as shown:
            window(desktop, shown)
            until(lambda: memory(home))
            desktop.press_until(lambda shown=shown: shown.poll() is not None, "q", TITLE)
            assert shown.returncode == 0
        until(lambda: not desktop.windows(TITLE))
        home.until(state="standby", preview=None)
    assert (home.folder / "opened").read_text().count("\n") == 1


def test_a_killed_one_is_noticed_and_its_memory_given_back(
    home: Home, program: subprocess.Popen[str], desktop: Screen
) -> None:
    home.watch(1)
    with preview(home) as shown:
        window(desktop, shown)
        until(lambda: memory(home))
        shown.kill()
    until(lambda: not memory(home))
    sent = home.sent
    until(lambda: home.sent > sent + 3)


def test_while_the_camera_is_paused_the_window_says_so_and_lives(
    home: Home, program: subprocess.Popen[str], desktop: Screen
) -> None:
    with preview(home) as shown:
        window(desktop, shown)
        home.ask("pause")
        home.until(state="paused")
        desktop.press_until(lambda: not home.status()["enabled"], "space", TITLE)
        desktop.press_until(lambda: shown.poll() is not None, "q", TITLE)
        assert shown.returncode == 0


def test_when_the_program_ends_it_ends(
    home: Home, program: subprocess.Popen[str], desktop: Screen
) -> None:
    with preview(home) as shown:
        window(desktop, shown)
        home.ask("quit")
        said, _ = shown.communicate(timeout=PATIENCE)
    assert shown.returncode == 0
    assert "SharpCam has ended" in said


def test_a_second_start_opens_it_and_only_once(
    home: Home, program: subprocess.Popen[str], desktop: Screen
) -> None:
    for _ in range(2):
        second = home.start()
        assert second.communicate(timeout=PATIENCE)[0].startswith("SharpCam is running already")
        assert second.returncode == 0
    window(desktop)
    assert len(desktop.windows(TITLE)) == 1
    desktop.press_until(lambda: not desktop.windows(TITLE), "q", TITLE)


def test_without_the_program_it_shows_the_camera_itself(home: Home, desktop: Screen) -> None:
    with preview(home) as shown:
        window(desktop, shown)
        desktop.press_until(lambda: shown.poll() is not None, "q", TITLE)
        said, _ = shown.communicate(timeout=PATIENCE)
    assert shown.returncode == 0, said
    assert "to window" in said


def test_keys_ask_for_steps_within_the_bounds() -> None:
    assert request(Action.TOGGLE, {}) == ("toggle", {})
    asked = request(Action.STRONGER, {"strength": 1.45})
    assert asked == ("set", {"key": "strength", "value": "1.5"})
    asked = request(Action.WEAKER, {"strength": 0.05})
    assert asked == ("set", {"key": "strength", "value": "0.0"})
