"""Programs that end with the test run, also when that is killed: what is left of one run, like an
icon that waits for a tray, would take part in the next one."""

from __future__ import annotations

import os
import random
import shutil
import signal as signals
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FIRST, LAST = 1000, 60000
"""Display numbers that no person's desktop has."""


def mortal(*command: str, signal: str = "KILL") -> list[str]:
    """The command, which gets this signal when whoever starts it ends; on Linux."""
    wrapper = ["setpriv", "--pdeathsig", signal] if shutil.which("setpriv") else []
    return [*wrapper, *command]


def skip_if_ignored(name: str) -> None:
    """Skip a test that sends this signal where programs ignore it from their start on."""
    if signals.getsignal(getattr(signals, name)) is signals.SIG_IGN:
        pytest.skip(f"{name} is ignored here, as under nohup, and so it is by what we start")


@contextmanager
def x_server(size: str) -> Iterator[str]:
    """An X server under a number that nobody has used before; the name of its display."""
    number = random.choice(
        [n for n in range(FIRST, LAST) if not Path(f"/tmp/.X11-unix/X{n}").exists()]
    )
    reading, writing = os.pipe()
    command = mortal("Xvfb", f":{number}", "-displayfd", str(writing), signal="TERM")
    options = ["-screen", "0", f"{size}x24", "-noreset", "-nolisten", "tcp"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen([*command, *options], pass_fds=[writing], stdout=quiet, stderr=quiet)
    try:
        os.close(writing)
        with os.fdopen(reading) as ready:
            assert ready.readline().strip() == str(number), "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()  # it removes its socket
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
