"""Linux desktops. AppIndicator and GTK need Debian's python3-gi, which a plain virtual environment
does not see; Xorg's tray protocol always works where there is an X server, without a menu.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from sharpcam.session import tray_host_linux

TRAY_BACKENDS = ("appindicator", "gtk", "xorg")
TRAY_ON_MAIN_THREAD = False
MENU_ANY_TIME = True
TRAY_HINT = (
    "on GNOME: sudo apt install gnome-shell-extension-appindicator, log in again, and switch it on "
    "with gnome-extensions enable ubuntu-appindicators@ubuntu.com"
)

shows_tray_icons = tray_host_linux.shows_tray_icons


def on_ui_thread(act: Callable[[], None]) -> None:
    act()  # pystray hands it on itself


def open_file(path: Path) -> None:
    quiet = subprocess.DEVNULL
    # Not waited for: some desktops' xdg-open stays as long as what it opened.
    subprocess.Popen(
        ["xdg-open", str(path)], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
