"""Tray: the icon and its menu; a view of the Resident, and a caller of its methods.

pystray's loop has a thread ("tray"; on macOS the main one), which never does work of ours. All
that changes the icon and all that the menu asks for goes through one dispatcher in pystray's setup
thread. A tray that goes away is waited for; the program needs none.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

from sharpcam import autostart, system
from sharpcam.errors import SharpCamError
from sharpcam.icon import Sign, drawn
from sharpcam.resident import Resident
from sharpcam.session import desktop
from sharpcam.tray_backend import Dock, icon_classes, let_go, living_menu
from sharpcam.tray_menu import Item, View, line, menu, sign, title

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""Between two looks at a tray that may be there again, and at what nobody tells of."""
RETRY_SECONDS = (2.0, 10.0, 60.0)
"""Before an icon that came to its end is made again."""
LIST_SECONDS = 5.0
"""Between two lists of cameras."""
LINE_SECONDS = 10.0
"""Figures in the menu are renewed this often: some desktops close a menu that is replaced."""
WARN_SECONDS = 600.0
"""Between two messages of problems."""
END_SECONDS = 5.0
LONGEST_TITLE = 127
"""Characters; Windows takes no more."""
GONE = "SharpCam goes on without a tray icon: `sharpcam toggle`, `sharpcam status`, `sharpcam quit`"


class Tray:
    """For the thread that makes it; `notify` is for any."""

    def __init__(self, resident: Resident, log_path: Path | None) -> None:
        self._resident, self._log_path = resident, log_path
        self._queue: SimpleQueue[Item | str | None] = SimpleQueue()
        """What to do: an item that was chosen, words to notify of, or None for a look."""
        self._pending = Event()
        """A look is in the queue already."""
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="tray", daemon=True)
        self._view = View()
        self._listed_at = self._lined_at = self._warned_at = float("-inf")
        self._shown: tuple[Sign, str, tuple[Item, ...]] | None = None
        self._said = False
        resident.listen(self.look)

    def start(self) -> None:
        """Run in a thread of our own."""
        self._thread.start()

    def run(self, quitting: Event) -> None:
        """Run in this thread until `close`, or until there is no tray; `quitting` closes it."""

        def wait() -> None:
            quitting.wait()
            self._end()

        Thread(target=wait, name="quit", daemon=True).start()
        self._run()

    def close(self) -> None:
        """Take the icon away and wait for that."""
        self._end()
        self._thread.join(END_SECONDS)

    def notify(self, words: str) -> None:
        """Show a message, where the tray can."""
        self._queue.put(words)

    def look(self) -> None:
        """Something may have changed."""
        if not self._pending.is_set():
            self._pending.set()
            self._queue.put(None)

    def _end(self) -> None:
        self._stopping.set()
        self._queue.put(None)

    # --- pystray's thread

    def _run(self) -> None:
        try:
            classes = list(icon_classes())
        except Exception as error:
            log.info("no tray: %s", error)
            classes = []
        waits = chain(RETRY_SECONDS, repeat(RETRY_SECONDS[-1]))
        while not self._stopping.is_set() and classes:
            try:
                if self._shows(classes[0]):
                    self._say_gone("the tray has gone")
                    self._stopping.wait(next(waits))
                    continue
            except Exception as error:
                level = logging.DEBUG if self._stopping.is_set() else logging.INFO
                log.log(level, "the tray fails: %s", " ".join(str(error).split()))
            classes.pop(0)
        self._say_gone("there is no tray")

    def _shows(self, icon_class: Any) -> bool:
        """Show an icon until it ends; returns whether it was shown at all."""
        self._shown = None
        self._view = self._seen()
        icon = icon_class("sharpcam", self._image(icon_class), "SharpCam", self._menu())
        icon.on_other_click = partial(self._chosen, Item("", "preview"))
        icon.on_session_end = self._resident.end
        began = Event()
        ended = Event()

        def dispatch(icon: Any) -> None:
            began.set()
            try:
                self._dispatch(icon, ended)
            except Exception:
                if not ended.is_set():
                    log.warning("the tray icon fails", exc_info=True)
            finally:
                if not ended.is_set():
                    desktop.on_ui_thread(icon.stop)

        try:
            icon.run(dispatch)
        finally:
            ended.set()
            self._queue.put(None)
            let_go(icon)
        return began.is_set()

    def _chosen(self, item: Item) -> None:
        self._queue.put(item)

    # --- the dispatcher

    def _dispatch(self, icon: Any, ended: Event) -> None:
        dock = Dock()
        desktop.on_ui_thread(partial(setattr, icon, "visible", True))
        while not self._stopping.is_set() and not ended.is_set():
            self._show(icon)
            docked = dock.has(icon)
            if docked:
                self._said = False
            else:
                hint = f" ({desktop.TRAY_HINT})" if desktop.TRAY_HINT else ""
                self._say_gone(f"this desktop shows no tray icons{hint}")
            if not docked or dock.lost(icon):
                icon.icon = icon.icon  # asks the tray again
            try:
                do = self._queue.get(timeout=LOOK_SECONDS)
            except Empty:
                continue
            if do is None:
                self._pending.clear()
            elif isinstance(do, Item):
                self._act(icon, do)
            else:
                self._notify(icon, do)

    def _show(self, icon: Any) -> None:
        """Bring the icon up to date; what has not changed is left alone."""
        view = self._view = self._seen()
        items = self._kept_line(menu(view))
        now = sign(view), title(view)[:LONGEST_TITLE], items
        before, self._shown = self._shown, now
        if before is None or before[0] is not now[0]:
            self._warn(icon, view, now[0])
            desktop.on_ui_thread(partial(setattr, icon, "icon", self._image(type(icon))))
        if before is None or before[1] != now[1]:
            desktop.on_ui_thread(partial(setattr, icon, "title", now[1]))
        if desktop.MENU_ANY_TIME and icon.HAS_MENU and (before is None or before[2] != items):
            desktop.on_ui_thread(icon.update_menu)

    def _warn(self, icon: Any, view: View, shown: Sign) -> None:
        """A problem is told where it is not looked for, but not again and again."""
        now = time.monotonic()
        if shown is Sign.PROBLEM and now - self._warned_at >= WARN_SECONDS:
            self._warned_at = now
            self._notify(icon, line(view))

    def _kept_line(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """The items, with the figures that are shown already where nothing else has changed."""
        before = self._shown[2] if self._shown else ()
        now = time.monotonic()
        if before and before[1:] == items[1:] and now - self._lined_at < LINE_SECONDS:
            return before
        self._lined_at = now
        return items

    def _menu(self) -> Any:
        return living_menu(self._items, self._chosen)

    def _items(self) -> tuple[Item, ...]:
        return self._shown[2] if self._shown else menu(self._view)

    def _image(self, icon_class: Any) -> Any:
        return drawn(sign(self._view), flat=getattr(icon_class, "wants_flat", False))

    def _seen(self) -> View:
        resident, view = self._resident, self._view
        now = time.monotonic()
        if now - self._listed_at >= LIST_SECONDS:
            self._listed_at = now
            view = View(cameras=_cameras(), autostart=_starts_at_login())
        return View(
            status=resident.now(),
            settings=resident.settings,
            paused=resident.controller.paused,
            profile=resident.profile,
            cameras=view.cameras,
            tiers=frozenset(tier.word for tier in resident.enhancer.available),
            tier=resident.enhancer.tier.word,
            autostart=view.autostart,
            has_log=self._log_path is not None,
        )

    def _act(self, icon: Any, item: Item) -> None:
        """Do what was chosen; what goes wrong is told."""
        resident = self._resident
        actions: dict[str, Callable[[], None]] = {
            "toggle": resident.toggle,
            "strength": lambda: resident.set("strength", item.with_text),
            "camera": lambda: resident.set("camera", item.with_text),
            "tier": lambda: resident.set("tier", item.with_text),
            "learn_again": resident.learn_again,
            "preview": resident.preview,
            "pause": resident.pause,
            "resume": resident.resume,
            "autostart": autostart.switch_on if item.with_text == "on" else autostart.switch_off,
            "log": self._open_log,
            "quit": resident.quit,
        }
        try:
            actions[item.do]()
        except SharpCamError as error:
            log.warning("%s: %s", error.message, error.hint)
            self._notify(icon, f"{error.message}: {error.hint}")
        except Exception:
            log.exception("%s failed", item.do)
        self._listed_at = float("-inf")

    def _open_log(self) -> None:
        if self._log_path:
            try:
                desktop.open_file(self._log_path)
            except OSError as error:
                raise SharpCamError(
                    f"nothing here shows the log: {error.strerror or error}",
                    f"open {self._log_path}",
                ) from error

    def _notify(self, icon: Any, words: str) -> None:
        if icon.HAS_NOTIFICATION:
            desktop.on_ui_thread(partial(icon.notify, words, "SharpCam"))

    def _say_gone(self, why: str) -> None:
        if not self._said and not self._stopping.is_set():
            self._said = True
            log.warning("%s. %s", why, GONE)


def _cameras() -> tuple[tuple[str, str], ...]:
    """How cameras are shown, and what the setting has to be; two of one name by their paths."""
    cameras = system.cameras()
    names = [camera.name for camera in cameras]
    return tuple(
        (camera.name, camera.name)
        if names.count(camera.name) == 1 or not camera.path
        else (f"{camera.name} ({camera.path})", camera.path)
        for camera in cameras
    )


def _starts_at_login() -> bool:
    try:
        return autostart.is_on()
    except (SharpCamError, OSError):
        return False
