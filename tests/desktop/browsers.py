"""Chromium and Firefox without a window, on a page that shows the camera to the test.

The page posts pictures to a small server in the test's process, which answers "more" until the
test has enough.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import parse_qsl, urlparse

import numpy as np
from numpy.typing import NDArray
from session import PATIENCE, Session

PAGE = Path(__file__).with_name("page.html")
CHROMIUM, FIREFOX = "chromium", "firefox-esr"
OWN_FAULT = "!race_checker"
"""Chromium says so before its process for cameras dies of a race between its own threads, as on a
busy machine; its page waits for ever, or is told that the camera cannot be read."""
TRIES = 3
FIREFOX_PREFERENCES = {
    "media.webrtc.camera.allow-pipewire": True,  # the default of Fedora and Ubuntu
    "media.navigator.permission.disabled": True,  # nobody is here to answer
    "media.autoplay.default": 0,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "termsofuse.bypassNotification": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "app.normandy.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture, as the page posted it."""

    luma: NDArray[np.uint8]
    """uint8 [H, W] in a call, else the upper rows only, from the screen's green."""
    size: tuple[int, int]
    shown_at: float
    """The page's clock, in seconds since 1970; 0 in a call."""


@dataclass(slots=True)
class Meeting:
    """What the page has told so far."""

    enough: Callable[[list[Shown]], bool]
    names: list[str] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    problem: str = ""
    over: Event = field(default_factory=Event)

    def take(self, path: str, body: bytes) -> str:
        url = urlparse(path)
        told = dict(parse_qsl(url.query))
        if url.path == "/names":
            self.names = json.loads(body)
        elif url.path == "/failed":
            self.problem = body.decode()
            self.over.set()
        else:
            width, height = int(told["width"]), int(told["height"])
            if url.path == "/luma":
                assert told["format"] in ("I420", "NV12"), told
                luma = np.frombuffer(body, np.uint8).reshape(height, int(told["stride"]))
                self.shown.append(Shown(luma[:, :width], (width, height), 0.0))
            else:
                strip = np.frombuffer(body, np.uint8).reshape(-1, width, 4)[:, :, 1]
                self.shown.append(Shown(strip, (width, height), float(told["at"]) / 1000))
            if self.enough(self.shown):
                self.over.set()
        return "enough" if self.over.is_set() else "more"


def meet(
    session: Session,
    browser: str,
    size: tuple[int, int],
    enough: Callable[[list[Shown]], bool],
    call: bool = False,
) -> Meeting:
    """Open the camera in a browser until the test has enough."""
    for _ in range(TRIES):
        meeting = Meeting(enough)
        with _served(meeting) as address:
            url = f"{address}/?width={size[0]}&height={size[1]}{'&call' if call else ''}"
            profile = session.home / f"{browser}-{time.monotonic_ns()}"
            profile.mkdir()
            start = _firefox if browser == FIREFOX else _chromium
            session.start(*start(profile, url))
            over = _is_over(meeting, lambda: OWN_FAULT in session.said(browser))
            session.stop(browser)
        if (over and not meeting.problem) or OWN_FAULT not in session.said(browser):
            break
    assert over, f"{len(meeting.shown)} pictures; {meeting}; {session.said(browser)}"
    assert not meeting.problem, f"{meeting.problem}; {session.said(browser)}"
    return meeting


def _is_over(meeting: Meeting, has_died: Callable[[], bool]) -> bool:
    """Wait until it is, or the browser's capture has died."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not has_died():
        if meeting.over.wait(0.5):
            return True
    return meeting.over.is_set()


def _chromium(profile: Path, url: str) -> Iterator[str]:
    yield CHROMIUM
    yield "--headless=new"
    yield f"--user-data-dir={profile}"
    yield "--enable-features=WebRtcPipeWireCamera"
    yield "--use-fake-ui-for-media-stream"  # nobody is here to answer
    yield "--autoplay-policy=no-user-gesture-required"
    # Both ends of the call are on this machine, and no name server is.
    yield "--allow-loopback-in-peer-connection"
    yield "--disable-features=WebRtcHideLocalIpsWithMdns"
    yield from ("--no-first-run", "--disable-background-networking", "--disable-component-update")
    yield from ("--disable-sync", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio")
    if os.geteuid() == 0:
        yield "--no-sandbox"
    yield url


def _firefox(profile: Path, url: str) -> Iterator[str]:
    preferences = FIREFOX_PREFERENCES.items()
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in preferences]
    (profile / "user.js").write_text("\n".join(lines))
    yield from (FIREFOX, "--headless", "--no-remote", "--profile", str(profile), url)


@contextmanager
def _served(meeting: Meeting) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(PAGE.read_bytes() if self.path.startswith("/?") else b"", "text/html")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(meeting.take(self.path, body).encode(), "text/plain")

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
