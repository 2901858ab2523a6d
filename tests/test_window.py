"""The real window on a real (virtual) screen: Xvfb, with xdotool as the person."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from clips import SAMPLE
from fakes import PATIENCE
from mortal import x_server

from sharpcam.errors import SharpCamError
from sharpcam.sink import StreamFormat
from sharpcam.window import KEYS, TITLE, Action, WindowSink

needs_screen = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")),
    reason="needs Xvfb and xdotool: sudo apt install xvfb xdotool",
)


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A screen of 1280 x 800 of its own."""
    with x_server("1280x800") as name:
        yield name


class Person:
    """Looks at the screen and presses keys."""

    def __init__(self, display: str, errors: Path, strength: str = "1") -> None:
        self._environment = os.environ | {"DISPLAY": display}
        self._errors = errors
        self.program = subprocess.Popen(
            [sys.executable, "-m", "sharpcam", "-v", "run", "--source", str(SAMPLE), "--loop"]
            + ["--sink", "window", "--profile", "1,1,0.3", "--strength", strength],
            env=self._environment,
            stderr=errors.open("w"),
        )
        self.window = self.wait_for(lambda: self.xdotool("search", "--name", f"^{TITLE}$"))

    def xdotool(self, *arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments], env=self._environment, capture_output=True, text=True
        )
        return done.stdout.strip().split("\n")[-1]

    def press(self, key: str, until: str, times: int = 1) -> None:
        """Press a key, again where it got lost, until the program has said `until` so often."""
        self.xdotool("windowfocus", "--sync", self.window)
        pressed_at = 0.0

        def done() -> bool:
            nonlocal pressed_at
            if time.monotonic() - pressed_at > 1:
                self.xdotool("key", key)
                pressed_at = time.monotonic()
            return self.said().count(until) >= times

        self.wait_for(done)

    def close_window(self) -> None:
        """What a window manager sends when its close button is pressed."""
        from Xlib import X, Xatom, display, protocol

        connection = display.Display(self._environment["DISPLAY"])
        window = connection.create_resource_object("window", int(self.window))
        protocols, delete = (
            connection.intern_atom(name) for name in ("WM_PROTOCOLS", "WM_DELETE_WINDOW")
        )
        assert delete in window.get_full_property(protocols, Xatom.ATOM).value
        data = 32, [delete, X.CurrentTime, 0, 0, 0]
        window.send_event(
            protocol.event.ClientMessage(window=window, client_type=protocols, data=data)
        )
        connection.sync()  # closed at once, the server may drop the message
        connection.close()

    def wait_for(self, what: Callable[[], object]) -> str:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := what():
                return str(found)
            assert self.program.poll() in (None, 0), self.said()
            time.sleep(0.05)
        pytest.fail(f"waited in vain; the program said:\n{self.said()}")

    def wait_for_words(self, words: str, times: int = 1) -> None:
        self.wait_for(lambda: self.said().count(words) >= times)

    def said(self) -> str:
        return self._errors.read_text()


@pytest.fixture
def person(display: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Person]:
    person = Person(display, tmp_path / "said", getattr(request, "param", "1"))
    yield person
    person.program.kill()
    person.program.wait()


@needs_screen
def test_space_toggles_and_q_ends(person: Person) -> None:
    person.wait_for_words("sharpcam: sharpening")
    person.press("space", until="sharpcam: off")
    person.press("space", until="sharpcam: sharpening", times=2)
    person.press("q", until="sharpcam: stopped")
    assert person.program.wait(PATIENCE) == 0
    assert "added delay" in person.said()


@needs_screen
def test_closing_the_window_ends_cleanly(person: Person) -> None:
    person.wait_for_words("sharpcam: sharpening")
    person.close_window()
    assert person.program.wait(PATIENCE) == 0
    assert "Traceback" not in person.said()


@needs_screen
@pytest.mark.parametrize("person", ["0.1"], indirect=True)
def test_arrows_change_the_strength_down_to_off(person: Person) -> None:
    person.wait_for_words("sharpcam: sharpening")
    person.press("Left", until="sharpcam: off")
    person.press("Right", until="sharpcam: sharpening", times=2)


def no_window(*_: object) -> None:
    raise cv2.error("The function is not implemented")


@pytest.mark.parametrize(
    ("has_screen", "named_window"), [(False, cv2.namedWindow), (True, no_window)]
)
def test_without_a_screen_there_is_a_clear_error(
    has_screen: bool, named_window: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharpcam.window.system.has_screen", lambda: has_screen)
    monkeypatch.setattr("sharpcam.window.cv2.namedWindow", named_window)
    with pytest.raises(SharpCamError, match="cannot open a window"):
        WindowSink(StreamFormat(64, 48, 25.0), caption=str, on_action=print)


def test_no_key_means_two_things() -> None:
    assert KEYS[ord(" ")] is Action.TOGGLE
    assert KEYS[ord("q")] is Action.QUIT
    assert set(KEYS.values()) == set(Action)
