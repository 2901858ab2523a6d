"""A virtual screen with a window manager, and a person before it: Xvfb, openbox and xdotool."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fakes import until
from mortal import mortal, x_server
from PIL import Image, ImageGrab

TOOLS = ("Xvfb", "openbox", "xdotool", "xwininfo")
needs_screen = pytest.mark.skipif(
    not all(map(shutil.which, TOOLS)),
    reason="needs a screen: sudo apt install xvfb openbox xdotool x11-utils",
)
PRESS_SECONDS = 2.0
"""After which a key may have got lost; twice as long every time: on a slow machine it was not."""
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Screen:
    """What a person sees and does."""

    def __init__(self, display: str) -> None:
        self.display = display
        self.environment = os.environ | {"DISPLAY": display}

    def _say(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, errors="replace"
        )
        return done.stdout

    def picture(self, box: tuple[int, int, int, int] | None = None) -> Image.Image:
        """What is on the screen, RGB; `box` is left, top, right, bottom."""
        return ImageGrab.grab(box, xdisplay=self.display)

    def windows(self, name: str) -> list[str]:
        """The ids of the visible windows of exactly this name."""
        return self._say("xdotool", "search", "--onlyvisible", "--name", f"^{name}$").split()

    def tree(self) -> str:
        """Every window, as xwininfo tells of it."""
        return self._say("xwininfo", "-root", "-tree")

    def icon(self) -> tuple[int, int, int, int] | None:
        """Where the tray shows our icon: left, top, right, bottom."""
        for row in self.tree().splitlines():
            found = re.search(r"sharpcam.* (\d+)x(\d+)\+\d+\+\d+ +\+(\d+)\+(\d+)", row)
            if found:
                width, height, left, top = map(int, found.groups())
                if width >= 16 and left > 0:
                    return left, top, left + width, top + height
        return None

    def click(self, x: int, y: int, button: int = 1) -> None:
        self._say("xdotool", "mousemove", str(x), str(y), "sleep", "0.2", "click", str(button))

    def click_icon(self, button: int = 1) -> None:
        until(self.icon)
        left, top, right, bottom = self.icon() or (0, 0, 0, 0)
        self.click((left + right) // 2, (top + bottom) // 2, button)

    def press(self, *keys: str, window: str = "") -> None:
        """Keys for the window of this name, or for whatever has the focus."""
        found = self.windows(window) if window else []
        focus = ["windowfocus", "--sync", found[-1]] if found else []
        self._say("xdotool", *focus, "key", *keys)

    def press_until(self, done: Callable[[], object], key: str, window: str = "") -> None:
        """Press it again where it got lost: a window that was just shown takes no keys yet."""
        self._until(done, lambda: self.press(key, window=window))

    def click_until(self, done: Callable[[], object], x: int, y: int) -> None:
        """Click again where it got lost: an icon that was just shown has no menu yet."""
        self._until(done, lambda: self.click(x, y))

    @staticmethod
    def _until(done: Callable[[], object], act: Callable[[], None]) -> None:
        again_at, wait = 0.0, PRESS_SECONDS

        def acted() -> bool:
            nonlocal again_at, wait
            if done():
                return True
            if time.monotonic() >= again_at:
                act()
                again_at, wait = time.monotonic() + wait, 2 * wait
            return False

        until(acted)


@contextmanager
def screen(size: str = "1400x900") -> Iterator[Screen]:
    """A screen of its own."""
    with x_server(size) as display:
        made = Screen(display)
        with subprocess.Popen(mortal("openbox"), env=made.environment, **QUIET) as manager:
            try:
                yield made
            finally:
                manager.kill()
