"""Windows' desktop. A menu that is replaced while it is open closes, and its choice is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

TRAY_BACKENDS = ("win32",)
TRAY_ON_MAIN_THREAD = False
MENU_ANY_TIME = False
TRAY_HINT = ""


def shows_tray_icons() -> bool | None:
    return True


def on_ui_thread(act: Callable[[], None]) -> None:
    act()  # icon and title may be set from any thread


def open_file(path: Path) -> None:
    os.startfile(path)  # type: ignore[attr-defined, unused-ignore]
