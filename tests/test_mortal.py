"""What the tests start ends with them, however they end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import until
from screen import needs_screen

RUN = """
import time
from mortal import x_server
with x_server("64x64") as display:
    print(display, flush=True)
    time.sleep(600)
"""


@needs_screen
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv of util-linux")
def test_a_killed_run_leaves_no_x_server() -> None:
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen(
        [sys.executable, "-c", RUN], env=here, text=True, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout
        socket = Path("/tmp/.X11-unix/X" + run.stdout.readline().strip().removeprefix(":"))
        assert socket.exists()
        run.kill()
    until(lambda: not socket.exists())
