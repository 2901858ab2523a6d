"""`sharpcam preview`: before and after, live, in a window of its own process.

Frames come from the running program through shared memory, never from the virtual camera, which
some systems let one app read only. Without a running program the camera is shown directly, as
`sharpcam run --sink window` does. The main thread owns the window; another one listens.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sharpcam import run
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.preview_feed import FeedReader
from sharpcam.remote import NotRunningError
from sharpcam.remote_client import ask, follow
from sharpcam.settings import Settings
from sharpcam.signals import stopped_by_signals
from sharpcam.sink import StreamFormat
from sharpcam.standby import standby_picture
from sharpcam.window import Action, WindowSink

log = logging.getLogger(__name__)

POLL_SECONDS = 0.005
STILL_SECONDS = 0.1
"""Without a new frame the window is drawn this often, so that its keys work."""
SILENT_SECONDS = 1.0
"""After so long without a frame the window says why."""
FIRST_SIZE = (1280, 720)
"""Until it is known."""


def main(args: argparse.Namespace) -> int:
    """`sharpcam preview`; see `cli.py` for the arguments."""
    try:
        statuses = follow("watch")
        first = next(statuses)
    except NotRunningError:
        return run.main(args)
    ended = Event()
    watch = Watch(statuses, first, ended)
    with stopped_by_signals(ended.set):
        watch.start()
        show(watch, ended)
    if watch.lost:
        print("SharpCam has ended, and the preview with it.")
    return 0


class Watch:
    """The newest status, from a thread that listens to the program."""

    def __init__(
        self,
        statuses: Generator[Mapping[str, Any], None, None],
        first: Mapping[str, Any],
        ended: Event,
    ) -> None:
        self.status = first
        self.lost = False
        """Whether the program has ended."""
        self._statuses, self._ended = statuses, ended
        self._thread = Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        try:
            for status in self._statuses:
                self.status = status
        except SharpCamError as error:
            log.info("%s", error.message)
        self.lost = not self._ended.is_set()
        self._ended.set()

    @property
    def path(self) -> Path | None:
        """Where the frames are; None while there are none."""
        path = self.status.get("preview")
        return Path(path) if path else None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames that will come."""
        width, height = self.status.get("size") or FIRST_SIZE
        return width, height

    def caption(self) -> str:
        """The window's line of figures."""
        status = self.status
        delay = f", {status['delay']['median']:.0f} ms" if status.get("delay") else ""
        switched = f"strength {status['strength']:.1f}" if status["enabled"] else "off"
        return f"{status['state']}: {status['fps'] or 0:.1f} fps{delay}, {switched}"

    def words(self) -> str:
        """Why there is no frame."""
        words = str(self.status.get("reason") or self.status["state"])
        return words[:1].upper() + words[1:]


def show(watch: Watch, ended: Event) -> None:
    """Show frames until the window is closed or the program ends.

    Raises:
        SharpCamError: there is no screen.
    """

    def act(action: Action) -> None:
        if action is Action.QUIT:
            ended.set()
        else:
            # Not here: an answer that takes long must not stop the picture.
            Thread(target=_ask, args=(request(action, watch.status),), daemon=True).start()

    window: WindowSink | None = None
    reader: FeedReader | None = None
    pair = _standing_in(watch.size, "Starting")
    drawn_at = fresh_at = time.monotonic()
    try:
        while not ended.wait(POLL_SECONDS):
            reader = _followed(reader, watch.path)
            fresh = reader.read() if reader else None
            now = time.monotonic()
            if fresh:
                pair, fresh_at = fresh, now
            elif now - fresh_at > SILENT_SECONDS:
                pair = _standing_in((pair[0].width, pair[0].height), watch.words())
            if not fresh and now - drawn_at < STILL_SECONDS:
                continue
            size = pair[0].width, pair[0].height
            if window and window.size != size:
                window.__exit__(None, None, None)
                window = None
            if not window:
                stream = StreamFormat(*size, 30.0)
                window = WindowSink(stream, caption=watch.caption, on_action=act)
            window.send(*pair)
            drawn_at = now
    finally:
        if reader:
            reader.__exit__(None, None, None)
        if window:
            window.__exit__(None, None, None)


def request(action: Action, status: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """What a key asks of the program."""
    if action is Action.TOGGLE:
        return "toggle", {}
    settings = Settings(strength=float(status["strength"]))
    strength = settings.stronger(1 if action is Action.STRONGER else -1).strength
    return "set", {"key": "strength", "value": str(strength)}


def _ask(asked: tuple[str, dict[str, str]]) -> None:
    do, texts = asked
    try:
        ask(do, **texts)
    except SharpCamError as error:
        log.warning("%s", error.message)


def _followed(reader: FeedReader | None, path: Path | None) -> FeedReader | None:
    """The reader of what is written now: the size may change, and pauses have no memory."""
    if reader and not reader.ended and reader.path == path:
        return reader
    if reader:
        reader.__exit__(None, None, None)
    try:
        return FeedReader(path) if path else None
    except SharpCamError:
        return None  # replaced meanwhile; the next status names the new one


def _standing_in(size: tuple[int, int], words: str) -> tuple[Frame, Frame]:
    picture = Frame(standby_picture(size, words), 0, time.monotonic())
    return picture, picture
