"""Sessions for the tests on a real desktop's parts; where a part is missing they are skipped."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from session import LIBEXEC, Session, missing


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Bus, PipeWire and WirePlumber, with GStreamer at hand; our own process is in it as well."""
    if names := missing("dbus-daemon", "pipewire", "wireplumber", "pw-dump", "gst-launch-1.0"):
        pytest.skip(f"needs {names}: `make test` installs them")
    plugin = subprocess.run(["gst-inspect-1.0", "pipewiresrc"], check=False, capture_output=True)
    if plugin.returncode:
        pytest.skip("needs gstreamer1.0-pipewire")
    with Session() as session, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", session.environment["XDG_RUNTIME_DIR"])
        yield session


@pytest.fixture(scope="module")
def desktop() -> Iterator[Session]:
    """A session with a screen and the portal, which lets every program use cameras."""
    portal = (str(LIBEXEC / name) for name in ("xdg-desktop-portal", "xdg-permission-store"))
    needed = ("dbus-daemon", "pipewire", "wireplumber", "pw-dump", "gdbus", "Xvfb", *portal)
    if names := missing(*needed):
        pytest.skip(f"needs {names}: `make test` installs them")
    with Session(screen=True) as session:
        session.allow_cameras()
        yield session
