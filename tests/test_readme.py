"""README.md: every command in its blocks is run as it stands there, in a folder with such files.

A command that cannot run in a test is listed in NOT_RUN with the reason; its options are looked up
in its own help all the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import write_clip
from fakes import until
from home_of import Home
from PIL import Image
from screen import needs_screen, screen

ROOT = Path(__file__).parents[1]
NOT_COMMANDS = {"The tree"}
"""Headings of blocks that show something else."""
NOT_RUN = {
    ".venv/bin/python -m training.distill --preset gpu --data ~/photographs --install": (
        "trains for hours; tests/training trains a few steps"
    ),
    ".venv/bin/python -m training.evaluate --sheet sheet.png": (
        "minutes of both cores; tests/training measures two pictures"
    ),
    "sharpcam preview": "stays until its window is closed; tests/test_preview.py does that",
    "sudo apt install ./dist/sharpcam_0.1.0_amd64.deb": (
        "changes the machine; tests/installer/test_deb.py does it in a Debian of its own"
    ),
}
MADE = {
    "make": "make --dry-run",  # most would install, or run the tests in which this is one
    "sharpcam run": "sharpcam run --seconds 2",  # a camera has no end
    'sharpcam run --source "C920"': "sharpcam run --seconds 2 --source demo",
    "sharpcam bench": "sharpcam bench --seconds 0.1",
}
"""Beginnings of commands, and what is run in their place."""
TALKS = ("on", "off", "toggle", "pause", "resume", "status", "quit", "learn")
"""Commands to a SharpCam that runs."""
FINDS_FAULTS = "sharpcam doctor"
"""Ends with 1 on a machine without a camera."""


def commands() -> Iterator[str]:
    """Each command of each block, its comment cut off; `a|b` is two commands."""
    heading, fenced = "", False
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("```"):
            fenced = not fenced
        elif (line.startswith("    ") or fenced) and heading not in NOT_COMMANDS:
            command = re.split(r"\s+#\s", line.strip())[0]
            first, _, choice = command.rpartition(" ")
            if "|" in choice:
                yield from (f"{first} {word}" for word in choice.split("|"))
            elif command:
                yield command


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A person's folder, in which the README's files are."""
    folder = tmp_path_factory.mktemp("home")
    home = Home(folder, camera=str(folder / "talk.mp4"), size="320x240")
    write_clip(folder / "talk.mp4", frames=12, size=(320, 240))
    (folder / "holiday").mkdir()
    for name in ("photo.jpg", "holiday/beach.jpg"):
        Image.linear_gradient("L").convert("RGB").save(folder / name)
    binaries = Path(sys.executable).parent
    home.environment["PATH"] = f"{binaries}{os.pathsep}{home.environment['PATH']}"
    yield home
    if home.status():
        home.ask("quit")


def run(home: Home, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    made = next((it for it in sorted(MADE, reverse=True) if command.startswith(it)), "")
    script = MADE.get(made, "") + command.removeprefix(made) if made else command
    script = script.replace(".venv/bin/python", sys.executable)
    return subprocess.run(
        ["bash", "-ec", script],
        cwd=ROOT if "make" in script or "training" in script else home.folder,
        env={**home.environment, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.parametrize("command", [it for it in commands() if it not in NOT_RUN])
def test_a_command_does_what_it_says(command: str, home: Home) -> None:
    words = command.split()
    if "window" in words:
        if needs_screen.args[0]:
            pytest.skip(needs_screen.kwargs["reason"])
        with screen() as shown:
            done = run(home, command, DISPLAY=shown.display)
    else:
        if words[0] == "sharpcam" and words[1] in TALKS and not home.status():
            home.start("--no-tray")
            until(home.status)
        done = run(home, command)
    allowed = (0, 1) if command == FINDS_FAULTS else (0,)
    assert done.returncode in allowed, (command, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [it for it in commands() if it in NOT_RUN])
def test_what_is_not_run_is_known_to_the_program(command: str, home: Home) -> None:
    if command.startswith("sudo"):
        return
    program = re.split(r"\s--", command)[0]
    told = run(home, f"{program} --help")
    assert told.returncode == 0, told.stderr
    for option in re.findall(r"--[\w-]+", command):
        assert option in told.stdout


def test_files_that_it_links_to_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target
