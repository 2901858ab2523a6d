"""pystray's icons, with what they lack put right. The only module that knows pystray.

pystray is loaded on the first call only: its modules look for a screen when they are imported.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

from sharpcam.icon import GROUND
from sharpcam.session.desktop import TRAY_BACKENDS
from sharpcam.tray_menu import SEPARATOR, Item

log = logging.getLogger(__name__)

CHOICE = "PYSTRAY_BACKEND"
WM_RBUTTONUP = 0x0205
BUTTON_PRESS_MASK = 1 << 2
"""X11's; OTHER_BUTTON is the right one there."""
OTHER_BUTTON = 3


def icon_classes() -> Iterator[type]:
    """pystray's Icon of every tray that might work here, the best one first."""
    chosen = os.environ.get(CHOICE)
    os.environ[CHOICE] = "dummy"  # else importing the package itself takes one, or fails
    try:
        importlib.import_module("pystray")
    finally:
        if chosen is None:
            del os.environ[CHOICE]
        else:
            os.environ[CHOICE] = chosen
    logging.getLogger("pystray._base").addFilter(_is_news)
    for name in [chosen] if chosen else TRAY_BACKENDS:
        try:
            icon: type = importlib.import_module(f"pystray._{name}").Icon
        except Exception as error:  # whatever a toolkit throws where it finds no screen
            log.info("no tray of the kind %s: %s", name, " ".join(str(error).split()))
        else:
            yield _MENDS[name](icon) if name in _MENDS else icon


def living_menu(items: Callable[[], tuple[Item, ...]], act: Callable[[Item], None]) -> Any:
    """A pystray.Menu whose items are asked for whenever it is made; `act` is called with what was
    chosen."""
    from pystray import Menu

    return Menu(lambda: to_pystray(items(), act).items)


def to_pystray(items: tuple[Item, ...], act: Callable[[Item], None]) -> Any:
    """A pystray.Menu of these."""
    from pystray import Menu, MenuItem

    def made(item: Item) -> Any:
        if item == SEPARATOR:
            return Menu.SEPARATOR
        return MenuItem(
            item.text,
            to_pystray(item.items, act) if item.items else lambda: act(item),
            checked=None if item.checked is None else lambda _: bool(item.checked),
            radio=item.radio,
            default=item.default,
            enabled=item.enabled,
        )

    return Menu(*map(made, items))


def is_docked(icon: Any) -> bool:
    """Whether a tray shows the icon, where that can be told; else True."""
    docked: bool = getattr(icon, "_systray_manager", True) is not None
    return docked


def let_go(icon: Any) -> None:
    """The icon's loop has ended: whoever waits for it to do something waits no more."""
    if waiting := getattr(icon, "_queue", None):
        waiting.put(True)
    icon._running = False  # else its __del__ wants to stop it


def _mended_xorg(base: Any) -> type:
    class Icon(base):  # type: ignore[misc]
        """X11's tray protocol. It has no menu: a right click shows the preview, which has keys."""

        on_other_click: Callable[[], None] = staticmethod(lambda: None)
        wants_flat = True

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            # pystray 0.19.5 never asks X for clicks (moses-palmer/pystray, _xorg.py).
            asked = self._window.get_attributes().your_event_mask
            self._window.change_attributes(event_mask=asked | BUTTON_PRESS_MASK)
            self._display.flush()

        def _update_title(self) -> None:
            known = self.title.encode("latin-1", "replace").decode("latin-1")  # as X has it
            self._window.set_wm_name(known)

        def _assert_icon_data(self, width: int, height: int) -> None:
            before: Any = self._icon_data
            if before and before.size == (width, height):
                return
            side = min(width, height)  # trays give windows that are no squares
            data: Any = Image.new("RGB", (width, height), GROUND)
            icon = self._icon.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
            data.paste(icon, ((width - side) // 2, (height - side) // 2))
            data.tostring = data.tobytes  # python-xlib knows the method by its old name
            self._icon_data: Any = data

        def _on_button_press(self, event: Any) -> None:
            if event.detail == OTHER_BUTTON:
                self.on_other_click()
            super()._on_button_press(event)

    return Icon


def _mended_win32(base: Any) -> type:
    class Icon(base):  # type: ignore[misc]
        """Windows' tray. The menu is made just before it opens: replacing it later closes it."""

        def _on_notify(self, wparam: int, lparam: int) -> None:
            if lparam == WM_RBUTTONUP:
                self.update_menu()
            super()._on_notify(wparam, lparam)

    return Icon


_MENDS: dict[str, Callable[[Any], type]] = {"xorg": _mended_xorg, "win32": _mended_win32}


def _is_news(record: logging.LogRecord) -> bool:
    return record.getMessage() != "Failed to dock icon"  # told by `tray.py`, once
