"""`sharpcam bench --app`: what the program that stays costs; the last line is JSON.

The real program with the bundled clip as its camera and a virtual camera that goes nowhere: first
nobody watches it, then somebody does. The settings and the profiles of the user are not touched.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from sharpcam import __version__
from sharpcam.frame import Frame
from sharpcam.profiles import ProfileStore
from sharpcam.resident import Resident
from sharpcam.session.usage import age_seconds, memory_mb
from sharpcam.settings import Settings
from sharpcam.settings_file import SettingsFile
from sharpcam.sink import NullSink, Sink, StreamFormat
from sharpcam.status import State

SETTLE_SECONDS = 2.0
"""Between what is done and what is measured."""
PATIENCE_SECONDS = 60.0
TOGGLES, TOGGLE_SECONDS = 20, 0.1


class _VirtualCamera(NullSink):
    """Watched when told to."""

    name = "nowhere"

    def __init__(self, opened: Event) -> None:
        self.watching = False
        self.longest = 0.0
        """Seconds between two frames, since it was last set to 0."""
        self._opened, self._sent_at = opened, time.monotonic()

    def watchers(self) -> int | None:
        return int(self.watching)

    def send(self, after: Frame, before: Frame) -> None:
        self._opened.set()
        last, self._sent_at = self._sent_at, time.monotonic()
        self.longest = max(self.longest, self._sent_at - last)


def main(args: argparse.Namespace) -> int:
    """`sharpcam bench --app`; see `cli.py` for the arguments."""
    figures = measure(args.seconds)
    if not args.json:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):>28}  {value}")
    print(json.dumps({"version": __version__, "cores": os.cpu_count(), **figures}))
    return 0


def measure(seconds: float) -> dict[str, Any]:
    """Start, stand by, be watched; `seconds` for each of the two states."""
    opened = Event()
    camera = _VirtualCamera(opened)

    def open_virtual(stream: StreamFormat, kinds: tuple[str, ...]) -> Iterator[Sink]:
        yield camera

    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        file = SettingsFile(folder / "settings.toml")
        file.save(Settings(camera="demo"))
        resident = stack.enter_context(Resident(file, ProfileStore(None), open_virtual))
        opened.wait(PATIENCE_SECONDS)
        started = age_seconds()
        network = resident.enhancer
        _wait_for(lambda: network.name != "none" or network.reason)  # loading it is not idling
        time.sleep(SETTLE_SECONDS)
        idle = _cpu_percent(seconds)
        idle_mb = memory_mb()
        asked = time.monotonic()
        camera.watching = True
        _wait_for(lambda: resident.now().state in (State.SHARPENING, State.BYPASSED))
        first = time.monotonic() - asked
        time.sleep(SETTLE_SECONDS)
        busy = _cpu_percent(seconds)
        status, tier = resident.now(), resident.enhancer.tier.word
        busy_mb = memory_mb()
        camera.longest = 0.0
        for _ in range(TOGGLES):
            resident.toggle()
            time.sleep(TOGGLE_SECONDS)
        gap = camera.longest
    width, height = status.size or (0, 0)
    return {
        "start_to_virtual_camera_s": round(started, 2),
        "watched_to_first_frame_s": round(first, 2),
        "idle_cpu_percent": round(idle, 1),
        "idle_memory_mb": round(idle_mb),
        "watched_cpu_percent": round(busy, 1),
        "watched_memory_mb": round(busy_mb),
        "watched_fps": round(status.fps, 1),
        "longest_gap_toggled_ms": round(1000 * gap),
        "size": f"{width}x{height}",
        "network": tier,
    }


def _wait_for(done: Callable[[], object]) -> None:
    """Or give up after a long time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not done() and time.monotonic() < end:
        time.sleep(0.005)


def _cpu_percent(seconds: float) -> float:
    """Of one core, over so long."""
    wall, cpu = time.monotonic(), time.process_time()
    time.sleep(seconds)
    return 100 * (time.process_time() - cpu) / (time.monotonic() - wall)
