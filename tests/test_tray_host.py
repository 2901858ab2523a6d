"""Whether a Linux desktop shows tray icons: asked of a real bus and a real X server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from mortal import mortal
from screen import needs_screen, screen

from sharpcam.session import tray_host_linux
from sharpcam.session.tray_host_linux import WATCHER, shows_tray_icons

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's desktops")


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a service: neither a bus nor a screen."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(tray_host_linux, "REPLY_SECONDS", 60.0)  # however slow the machine is


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a session's bus, which has no watcher."""
    if not shutil.which("dbus-daemon"):
        pytest.skip("needs dbus-daemon: sudo apt install dbus-daemon")
    command = mortal("dbus-daemon", "--session", "--print-address=1", "--nofork", "--nopidfile")
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout
        address = daemon.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address
        daemon.terminate()


def test_where_nobody_can_be_asked_it_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shows_tray_icons() is None
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
    monkeypatch.setenv("DISPLAY", ":999")
    assert shows_tray_icons() is None


def test_gnome_without_its_extension_shows_none(bus: str) -> None:
    assert shows_tray_icons() is False


def test_a_desktop_with_a_watcher_shows_icons(bus: str) -> None:
    from jeepney import message_bus
    from jeepney.io.blocking import open_dbus_connection

    with open_dbus_connection(bus) as desktop:
        desktop.send_and_get_reply(message_bus.RequestName(WATCHER))
        assert shows_tray_icons() is True
    assert shows_tray_icons() is False


@needs_screen
def test_x11s_old_tray_shows_icons_too(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from Xlib.display import Display

    with screen() as made:
        monkeypatch.setenv("DISPLAY", made.display)
        assert shows_tray_icons() is False
        display = Display(made.display)
        window = display.screen().root.create_window(0, 0, 1, 1, 0, 0)
        window.set_selection_owner(display.intern_atom("_NET_SYSTEM_TRAY_S0"), 0)
        display.sync()
        assert shows_tray_icons() is True
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
        assert shows_tray_icons() is True
        display.close()
