"""The tray icon in real trays: X11's own in trayer, GTK's there, AppIndicator's in Xfce's panel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip
from fakes import PATIENCE, until
from home_of import Home
from mortal import mortal
from PIL import Image, ImageColor
from screen import QUIET, Screen, needs_screen, screen

from sharpcam.icon import AMBER, BLUE, GREY
from sharpcam.window import TITLE

pytestmark = needs_screen

TRAYER = "trayer --edge bottom --align right --widthtype request --height 32 --transparent false"
CHOICE_SECONDS = 20.0
"""After which what was chosen in a menu would have happened."""
CORNER = 1350, 860, 1400, 900
"""Where its only icon is."""
DEBIAN_GI = Path("/usr/lib/python3/dist-packages/gi")
PANEL = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=8;x=1380;y=880"/>
      <property name="length" type="uint" value="20"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
    </property>
  </property>
</channel>
"""
"""One panel at the lower left with nothing in it but the tray."""


@pytest.fixture(scope="module")
def desktop() -> Iterator[Screen]:
    with screen() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, desktop: Screen) -> Home:
    write_clip(tmp_path / "one.mkv", frames=25, size=(320, 240))
    home = Home(tmp_path, camera=str(tmp_path / "one.mkv"), size="320x240")
    home.environment["DISPLAY"] = desktop.display
    home.environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
    return home


@contextmanager
def running(home: Home, backend: str) -> Iterator[subprocess.Popen[str]]:
    """The program with this backend of pystray; ends in an orderly way."""
    home.environment["PYSTRAY_BACKEND"] = backend
    with home.start("-v") as program:
        try:
            home.until(source="one.mkv")
            yield program
            if program.poll() is None:
                home.ask("quit")
            said, _ = program.communicate(timeout=PATIENCE)
            assert program.returncode == 0, said
            assert "Traceback" not in said
        finally:
            program.kill()


@contextmanager
def tray_host(desktop: Screen) -> Iterator[subprocess.Popen[bytes]]:
    if not shutil.which("trayer"):
        pytest.skip("needs a tray: sudo apt install trayer")
    with subprocess.Popen(mortal(*TRAYER.split()), env=desktop.environment, **QUIET) as host:
        try:
            yield host
        finally:
            host.kill()


def shows(desktop: Screen, colour: str, box: tuple[int, int, int, int] | None = None) -> bool:
    """Whether there are some pixels of about this colour, by default in the icon."""
    box = box or desktop.icon()
    if box is None:
        return False
    far = np.abs(np.asarray(desktop.picture(box), int) - ImageColor.getrgb(colour)).max(axis=2)
    return int(np.sum(far < 40)) >= 8


def test_on_x11_a_click_toggles_and_the_icon_shows_it(home: Home, desktop: Screen) -> None:
    with tray_host(desktop), running(home, "xorg"):
        until(lambda: shows(desktop, BLUE), desktop.tree)
        desktop.click_icon()
        home.until(enabled=False)
        until(lambda: shows(desktop, GREY) and not shows(desktop, BLUE), desktop.tree)
        desktop.click_icon()
        home.until(enabled=True)
        home.ask("pause")
        until(lambda: shows(desktop, AMBER), desktop.tree)


def test_on_x11_a_right_click_opens_the_preview(home: Home, desktop: Screen) -> None:
    with tray_host(desktop), running(home, "xorg"):
        until(lambda: shows(desktop, BLUE), desktop.tree)
        desktop.click_icon(button=3)
        until(lambda: desktop.windows(TITLE))
        home.ask("quit")
        until(lambda: not desktop.windows(TITLE))


def test_a_tray_that_dies_and_returns_has_the_icon_again(home: Home, desktop: Screen) -> None:
    with running(home, "xorg") as program:
        with tray_host(desktop):
            until(lambda: shows(desktop, BLUE), desktop.tree)
        sent = home.sent
        until(lambda: home.sent > sent + 5)
        until(lambda: "without a tray icon" in home.log)
        with tray_host(desktop):
            until(lambda: shows(desktop, BLUE), desktop.tree)
            desktop.click_icon()
            home.until(enabled=False)
        assert program.poll() is None


def test_a_screen_that_goes_away_costs_the_icon_only(home: Home) -> None:
    with screen() as other:
        home.environment["DISPLAY"] = other.display
        home.environment["PYSTRAY_BACKEND"] = "xorg"
        program = home.start("-v", stdout=subprocess.DEVNULL)
        home.until(source="one.mkv")
    sent = home.sent
    until(lambda: home.sent > sent + 5)
    until(lambda: "without a tray icon" in home.log)
    home.ask("quit")
    assert program.wait(PATIENCE) == 0


@pytest.fixture
def with_gi(home: Home) -> Home:
    """Debian's gi, where it fits this interpreter."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not list(DEBIAN_GI.glob(f"_gi.cpython-{version.replace('.', '')}-*.so")):
        pytest.skip(f"needs python3-gi for Python {version}")
    place = home.folder / "gi-only"
    place.mkdir()
    (place / "gi").symlink_to(DEBIAN_GI)
    home.environment["PYTHONPATH"] += os.pathsep + str(place)
    return home


@contextmanager
def session_bus(home: Home) -> Iterator[None]:
    """A D-Bus session of its own."""
    if not shutil.which("dbus-daemon"):
        pytest.skip("needs dbus-daemon: sudo apt install dbus-daemon")
    command = mortal("dbus-daemon", "--session", "--print-address=1", "--nofork", "--nopidfile")
    with subprocess.Popen(
        command, env=home.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as bus:
        assert bus.stdout
        home.environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
        try:
            yield
        finally:
            bus.terminate()


def test_with_gtk_a_click_toggles(with_gi: Home, desktop: Screen) -> None:
    with session_bus(with_gi), tray_host(desktop), running(with_gi, "gtk"):
        until(lambda: shows(desktop, BLUE, CORNER), desktop.tree)
        desktop.click(1384, 884)
        with_gi.until(enabled=False)
        until(lambda: shows(desktop, GREY, CORNER), desktop.tree)


def test_where_nothing_shows_icons_the_log_says_so_and_the_program_goes_on(
    with_gi: Home, desktop: Screen
) -> None:
    with session_bus(with_gi), running(with_gi, "gtk"):
        until(lambda: "this desktop shows no tray icons" in with_gi.log)
        assert "gnome-extensions enable" in with_gi.log
        sent = with_gi.sent
        until(lambda: with_gi.sent > sent + 5)
        with tray_host(desktop):
            until(lambda: shows(desktop, BLUE, CORNER), desktop.tree)


@pytest.fixture
def with_panel(with_gi: Home) -> Home:
    """Xfce's panel and AppIndicator are there, and the panel knows its place."""
    if not shutil.which("xfce4-panel"):
        pytest.skip("needs Xfce's panel: sudo apt install xfce4-panel")
    if not list(Path("/usr/lib").glob("*/girepository-1.0/AyatanaAppIndicator3*")):
        pytest.skip("needs gir1.2-ayatanaappindicator3-0.1")
    folder = with_gi.folder / "config" / "xfce4" / "xfconf" / "xfce-perchannel-xml"
    folder.mkdir(parents=True)
    (folder / "xfce4-panel.xml").write_text(PANEL)
    return with_gi


def test_with_appindicator_the_menu_toggles_and_a_new_panel_has_the_icon(
    with_panel: Home, desktop: Screen
) -> None:
    with_gi = with_panel
    corner = 0, 860, 60, 900
    with session_bus(with_gi), running(with_gi, "appindicator"):
        for enabled in (False, True):
            with panel(with_gi):
                shown = GREY if enabled else BLUE
                until(lambda shown=shown: shows(desktop, shown, corner))
                choose_sharpen(with_gi, desktop, enabled)


def choose_sharpen(home: Home, desktop: Screen, enabled: bool) -> None:
    """In the panel's menu, until it is so: on a slow machine a second click may close the menu that
    the first one opened, and then the keys go nowhere."""
    end = time.monotonic() + PATIENCE
    while home.status().get("enabled") is not enabled:
        assert time.monotonic() < end, "the menu does not do it"
        desktop.click_until(lambda: menu_is_open(desktop), 17, 884)
        # The line of what goes on cannot be chosen: the first item that can is "Sharpen".
        desktop.press("Down", "Return")
        late = time.monotonic() + CHOICE_SECONDS
        while home.status().get("enabled") is not enabled and time.monotonic() < late:
            pass


def menu_is_open(desktop: Screen) -> bool:
    """The menu is white, above the panel."""
    above = desktop.picture((20, 700, 120, 860))
    return above.getpixel((50, 80)) != (0, 0, 0) and above != Image.new("RGB", above.size)


def test_the_menu_that_the_desktop_gets_has_every_entry_and_tells_of_a_camera_that_is_gone(
    with_panel: Home,
) -> None:
    """As the panel gets it, over D-Bus."""
    home = with_panel
    with session_bus(home), running(home, "appindicator"), panel(home):
        lines = "watched by 1 app", "Not sharpened"
        until(lambda: top(home).startswith(lines), lambda: menu(home))
        until(lambda: not missing(menu(home)), lambda: missing(menu(home)))
        (home.folder / "one.mkv").rename(home.folder / "unplugged.mkv")
        home.ask("pause")
        until(lambda: top(home) == "Camera paused", lambda: menu(home))
        home.ask("resume")
        until(lambda: top(home).startswith("The source"), lambda: menu(home))
        (home.folder / "unplugged.mkv").rename(home.folder / "one.mkv")
        until(lambda: top(home).startswith(lines), lambda: menu(home))


@contextmanager
def panel(home: Home) -> Iterator[None]:
    """Xfce's."""
    command = mortal("xfce4-panel", "--disable-wm-check")
    with subprocess.Popen(command, env=home.environment, **QUIET) as program:
        try:
            yield
        finally:
            program.kill()


ENTRIES = (
    *("Sharpen", "Strength", "Strength > 50%", "Strength > 100% (as trained)"),
    *("Camera profile", "Camera > The first one", "Quality > Automatic", "Quality > Lite"),
    *("Quality > Standard", "Quality > High", "Preview", "Pause camera", "Start at login"),
    *("Open log", "Quit"),
)


def missing(entries: list[str]) -> list[str]:
    """Which entries a menu has not got; one that is just being made anew has not got all."""
    return [entry for entry in ENTRIES if not any(it.startswith(entry) for it in entries)]


def top(home: Home) -> str:
    """The first line of our menu; empty while there is none, as when it is made anew."""
    return next(iter(menu(home)), "")


def menu(home: Home) -> list[str]:
    """What is written in our menu, submenus behind their titles; empty while there is none."""
    from jeepney import DBusAddress, DBusErrorResponse, Properties, new_method_call
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    watcher = "org.kde.StatusNotifierWatcher"
    with open_dbus_connection(home.environment["DBUS_SESSION_BUS_ADDRESS"]) as bus:

        def asked(call: object) -> tuple:
            return unwrap_msg(bus.send_and_get_reply(call, timeout=60))

        def value(path: str, name: str, kind: str, key: str) -> object:
            return asked(Properties(DBusAddress(path, name, kind)).get(key))[0][1]

        try:
            items = value(
                "/StatusNotifierWatcher", watcher, watcher, "RegisteredStatusNotifierItems"
            )
            name, _, path = items[0].partition("/")
            place = value(f"/{path}", name, "org.kde.StatusNotifierItem", "Menu")
            target = DBusAddress(place, name, "com.canonical.dbusmenu")
            call = new_method_call(target, "GetLayout", "iias", (0, -1, ["label"]))
            _, layout = asked(call)
        except (DBusErrorResponse, IndexError, KeyError):
            return []
    return [line for _, item in layout[2] for line in written(item, "")]


def written(item: tuple, before: str) -> Iterator[str]:
    """A layout of dbusmenu: number, properties, children."""
    _, properties, children = item
    title = properties.get("label", ("s", ""))[1].replace("_", "")
    if title:
        yield before + title
    for _, child in children:
        yield from written(child, f"{before}{title} > " if title else before)
