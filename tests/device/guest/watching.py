"""Who reads the virtual camera: does our writer know, and does the module serve them?"""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

from devices import OTHER, OURS, loopback
from feeding import Feed, opened
from readers import Reader

LOOKS = 20


def _held() -> tuple[int, int]:
    """Descriptors and threads of this process, without those that it opens for a moment: who
    watches is looked up in files."""
    looks = []
    for _ in range(LOOKS):
        looks.append((len(list(Path("/proc/self/fd").iterdir())), threading.active_count()))
        sleep(0.01)
    return min(files for files, _ in looks), min(threads for _, threads in looks)


def cycles(version: str, count: int) -> dict[str, Any]:
    """Readers come and go, one after the other."""
    with loopback(version):
        before = _held()
        with Feed() as feed:
            feed.is_watched_by(0)
            during = None
            for _ in range(count):
                reader = Reader("v4l2-ctl", OURS)
                reader.picture()
                feed.is_watched_by(1)
                reader.stop()
                feed.is_watched_by(0)
                during = during or _held()
            after = _held()
    return {
        "watched": feed.watched,
        "grown": [b - a for a, b in zip(during or before, after, strict=True)],
        "left": [b - a for a, b in zip(before, _held(), strict=True)],
    }


def looked_at(version: str) -> dict[str, Any]:
    """A program only lists what the camera can do, as meeting apps do with all of them."""
    with loopback(version), Feed() as feed:
        feed.is_watched_by(0)
        for _ in range(3):
            subprocess.run(["v4l2-ctl", "-d", OURS, "--all"], check=True, capture_output=True)
        feed.is_watched_by(0)
    return {"watched": feed.watched}


def the_other_camera(version: str) -> dict[str, Any]:
    """Somebody feeds and reads another device of the same module."""
    with loopback(version), Feed() as ours, Feed(OTHER) as other:
        reader = Reader("v4l2-ctl", OTHER)
        reader.picture()
        other.is_watched_by(1)
        ours.is_watched_by(0)
        mine = Reader("v4l2-ctl", OURS)
        mine.picture()
        ours.is_watched_by(1)
        reader.stop()
        other.is_watched_by(0)
        ours.is_watched_by(1)
        mine.stop()
        ours.is_watched_by(0)
        # Here, because closing the other camera can be taken for a reader's doing, for a moment.
        return {"ours": ours.watched.copy(), "other": other.watched.copy()}


def two_readers(version: str) -> dict[str, Any]:
    """A second app opens the camera while the first one shows it."""
    with loopback(version), Feed() as feed:
        first = Reader("ffmpeg", OURS)
        first.picture()  # lapped while it starts, see PER_SECOND, it meets a later one
        numbers = first.numbers(5)
        second = Reader("ffmpeg", OURS)
        try:
            second.picture()  # likewise
            seconds: list[int | None] = second.numbers(10)
            said = ""
        except EOFError as error:
            seconds, said = [], str(error)
        numbers += first.numbers(20)
        watched = feed.watched[-1]
        second.stop()
        first.stop()
    return {"first": numbers, "second": seconds, "said": said, "watched": watched}


def cost(version: str) -> dict[str, Any]:
    """Microseconds of one call of `watchers()`: nobody there, one reader."""
    with loopback(version):
        camera = opened()
        camera.send(bytes(320 * 240 * 3 // 2))
        alone = _microseconds(camera)
        with subprocess.Popen(["v4l2-ctl", "-d", OURS, "--stream-mmap"]) as reader:
            while camera.watchers() != 1:
                camera.send(bytes(320 * 240 * 3 // 2))
            watched = _microseconds(camera)
            reader.kill()
        camera.close()
    return {"alone": alone, "watched": watched}


def _microseconds(camera: Any) -> float:
    times = []
    for _ in range(200):
        start = perf_counter()
        camera.watchers()
        times.append(perf_counter() - start)
    return round(median(times) * 1e6, 1)
