"""A stand-in for the running program; as a command it serves the real control channel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Any

from sharpcam.errors import SharpCamError
from sharpcam.remote_server import ControlServer, only_instance
from sharpcam.settings import Settings


class FakeDaemon:
    """Keeps what it was asked for; fails when told to."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.settings = Settings()
        self.ended = Event()
        self.work: Callable[[], None] = lambda: None

    def status(self) -> Mapping[str, Any]:
        state = "sharpening" if self.settings.enabled else "off"
        return {"state": state, "source": "Acme", "size": (1280, 720), "fps": float("nan")}

    def _note(self, name: str) -> None:
        self.calls.append(name)
        self.work()

    def on(self) -> None:
        self._note("on")
        self.settings = Settings(enabled=True)

    def off(self) -> None:
        self._note("off")
        self.settings = Settings(enabled=False)

    def toggle(self) -> None:
        self._note("toggle")
        self.settings = self.settings.toggled()

    def pause(self) -> None:
        self._note("pause")

    def resume(self) -> None:
        self._note("resume")

    def set(self, key: str, value: str) -> None:
        self._note(f"set {key}={value}")
        self.settings = self.settings.with_text(key, value)

    def preview(self) -> None:
        self._note("preview")
        raise SharpCamError("there is no screen", "start it on a desktop")

    @contextmanager
    def watched(self) -> Iterator[None]:
        self._note("watched")
        try:
            yield
        finally:
            self._note("unwatched")

    def learn_again(self) -> None:
        self._note("learn_again")

    def quit(self) -> None:
        self._note("quit")
        self.ended.set()


def main() -> int:
    """Serve until somebody says quit; says "ready" when it listens."""
    daemon = FakeDaemon()
    try:
        listener = only_instance()
    except SharpCamError as error:
        print(error.message, flush=True)
        return 1
    with ControlServer(daemon, listener):
        print("ready", flush=True)
        daemon.ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
