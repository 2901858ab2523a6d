"""pystray's icons, with what they lack put right. The only module that knows pystray.

pystray is loaded on the first call only: its modules look for a screen when they are imported.
"""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from select import select
from threading import Thread, current_thread
from typing import Any

from PIL import Image

from sharpcam.icon import GROUND
from sharpcam.loop_calls import LoopCalls
from sharpcam.session import desktop
from sharpcam.tray_menu import SEPARATOR, Item

log = logging.getLogger(__name__)

CHOICE = "PYSTRAY_BACKEND"
WM_QUERYENDSESSION, WM_ENDSESSION, WM_RBUTTONUP = 0x0011, 0x0016, 0x0205
BUTTON_PRESS_MASK, REPARENT_NOTIFY = 1 << 2, 21
"""X11's; OTHER_BUTTON is the right one there."""
OTHER_BUTTON = 3
ASK_SECONDS = 10.0
"""Between two questions to the desktop whether it shows icons."""
LOST_SECONDS = 1.5
"""After which a tray that has been asked to show the icon would have done so."""


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
    for name in [chosen] if chosen else desktop.TRAY_BACKENDS:
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


class Dock:
    """Whether anything shows an icon. The dispatcher's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked_at = float("-inf")
        self._shows = True
        self._homeless_since: float | None = None

    def has(self, icon: Any) -> bool:
        """True where that cannot be told. The desktop is asked now and then."""
        if hasattr(icon, "_systray_manager"):  # Xorg's knows it
            return icon._systray_manager is not None
        if self._clock() - self._asked_at >= ASK_SECONDS:
            self._asked_at = self._clock()
            self._shows = desktop.shows_tray_icons() is not False
        return self._shows

    def lost(self, icon: Any) -> bool:
        """Whether there is a tray that has not taken the icon for a while, so that it should be
        asked again: one that is only just starting drops what it is asked for. X11's only."""
        now = self._clock()
        if getattr(icon, "embedded", True):
            self._homeless_since = None
            return False
        if self._homeless_since is None:
            self._homeless_since = now
        if now - self._homeless_since < LOST_SECONDS:
            return False
        self._homeless_since = now
        return True


def let_go(icon: Any) -> None:
    """The icon's loop has ended: whoever waits for it to do something waits no more."""
    if calls := getattr(icon, "calls", None):
        calls.close()
    icon._running = False  # else its __del__ wants to stop it


def _mended_xorg(base: Any) -> type:
    class Icon(base):  # type: ignore[misc]
        """X11's tray protocol. It has no menu: a right click shows the preview, which has keys."""

        on_other_click: Callable[[], None] = staticmethod(lambda: None)
        wants_flat = True
        embedded = False
        """Whether a tray has taken the window in."""

        def __init__(self, *args: Any, **options: Any) -> None:
            self.calls = LoopCalls()
            self._thread: Thread | None = None
            super().__init__(*args, **options)
            self._message_handlers[REPARENT_NOTIFY] = self._on_reparent
            # pystray 0.19.5 never asks X for clicks (moses-palmer/pystray, _xorg.py).
            asked = self._window.get_attributes().your_event_mask
            self._window.change_attributes(event_mask=asked | BUTTON_PRESS_MASK)
            self._display.flush()

        def _rewrite_implementation(self, *methods: Callable[[], None]) -> None:
            """All that talks to X is done in the loop's thread: where two read from one connection,
            python-xlib 0.33 now and then leaves the loop asleep over what the other has read."""
            for method in methods:
                setattr(self, method.__name__, partial(self._in_loop, method))

        def _in_loop(self, method: Callable[[], None]) -> None:
            if current_thread() is self._thread:
                method()
            else:
                self.calls.ask(method)

        def _events(self) -> Iterator[Any]:
            while True:
                self.calls.answer()
                while self._display.pending_events():
                    yield self._display.next_event()
                select([self._display, self.calls], [], [])

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

        def _on_reparent(self, event: Any) -> None:
            if event.window.id == self._window.id:
                self.embedded = event.parent.id != self._display.screen().root.id

        def _on_button_press(self, event: Any) -> None:
            if event.detail == OTHER_BUTTON:
                self.on_other_click()
            super()._on_button_press(event)

    return Icon


def _mended_win32(base: Any) -> type:
    class Icon(base):  # type: ignore[misc]
        """Windows' tray. The menu is made just before it opens: replacing it later closes it."""

        on_session_end: Callable[[], None] = staticmethod(lambda: None)

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            # pystray 0.19.5 answers 0 to what it does not know: that would refuse the logoff.
            self._message_handlers[WM_QUERYENDSESSION] = lambda wparam, lparam: 1
            self._message_handlers[WM_ENDSESSION] = self._on_end_session

        def _on_end_session(self, ends: int, lparam: int) -> int:
            if ends:  # else somebody has cancelled it
                self.on_session_end()
            return 0

        def _on_notify(self, wparam: int, lparam: int) -> None:
            if lparam == WM_RBUTTONUP:
                self.update_menu()
            super()._on_notify(wparam, lparam)

    return Icon


def _mended_darwin(base: Any) -> type:
    class Icon(base):  # type: ignore[misc]
        """macOS' tray. pystray's own loop answers Ctrl-C by exiting without a word to us."""

        def _run(self) -> None:
            self._mark_ready()
            try:
                self._app.run()
            finally:
                self._status_bar.removeStatusItem_(self._status_item)

    return Icon


_MENDS: dict[str, Callable[[Any], type]] = {
    "darwin": _mended_darwin,
    "win32": _mended_win32,
    "xorg": _mended_xorg,
}


def _is_news(record: logging.LogRecord) -> bool:
    return record.getMessage() != "Failed to dock icon"  # told by `tray.py`, once
