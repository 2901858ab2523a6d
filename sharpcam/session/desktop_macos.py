"""macOS' desktop: AppKit belongs to the main thread."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

TRAY_BACKENDS = ("darwin",)
TRAY_ON_MAIN_THREAD = True
MENU_ANY_TIME = True
TRAY_HINT = ""


def shows_tray_icons() -> bool | None:
    return True


def on_ui_thread(act: Callable[[], None]) -> None:
    import_module("PyObjCTools.AppHelper").callAfter(act)


def open_file(path: Path) -> None:
    subprocess.run(["open", str(path)], check=False, timeout=10)
