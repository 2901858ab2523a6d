"""pystray's classes mended, on stand-ins with the parts of pystray's interface that they use."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from threading import Thread, current_thread
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import FakeClock

from sharpcam.loop_calls import LoopCalls
from sharpcam.session import desktop
from sharpcam.tray_backend import (
    ASK_SECONDS,
    LOST_SECONDS,
    WM_RBUTTONUP,
    Dock,
    _mended_darwin,
    _mended_win32,
    _mended_xorg,
    icon_classes,
    let_go,
    to_pystray,
)
from sharpcam.tray_menu import SEPARATOR, Item


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYSTRAY_BACKEND", "dummy")
    list(icon_classes())  # loads pystray without a screen


def test_a_menu_becomes_pystrays_with_marks_and_submenus() -> None:
    chosen: list[Item] = []
    items = (
        Item("Going on", enabled=False),
        SEPARATOR,
        Item("Sharpen", "toggle", checked=True, default=True),
        Item("Strength", items=(Item("50%", "strength", "0.5", False, radio=True),)),
    )
    line, separator, sharpen, strength = to_pystray(items, chosen.append)
    assert (line.text, line.enabled, line.checked) == ("Going on", False, None)
    assert separator.text == "- - - -"
    assert (sharpen.checked, sharpen.default) == (True, True)
    sharpen(None)
    (half,) = strength.submenu
    assert (half.checked, half.radio) == (False, True)
    half(None)
    assert [(item.do, item.with_text) for item in chosen] == [("toggle", ""), ("strength", "0.5")]


def test_where_no_tray_can_be_had_there_is_no_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYSTRAY_BACKEND", "no_such_tray")
    assert list(icon_classes()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the order of Linux")
def test_a_tray_without_its_screen_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYSTRAY_BACKEND")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delitem(sys.modules, "pystray._xorg", raising=False)
    monkeypatch.setitem(sys.modules, "gi", None)  # not to be had
    assert list(icon_classes()) == []


class Win32Base:
    """The parts of pystray's that matter; its windows hand messages to these handlers."""

    def __init__(self, happened: list[str]) -> None:
        self.happened = happened
        self._message_handlers: dict[int, Callable[[int, int], int | None]] = {}

    def update_menu(self) -> None:
        self.happened.append("made")

    def _on_notify(self, wparam: int, lparam: int) -> None:
        self.happened.append(f"notified {lparam:#x}")


def test_windows_may_log_off_and_the_program_ends_before_it() -> None:
    happened: list[str] = []
    icon: Any = _mended_win32(Win32Base)(happened)
    icon.on_session_end = lambda: happened.append("ended")
    asked, ends = icon._message_handlers[0x0011], icon._message_handlers[0x0016]
    assert asked(0, 0) == 1  # as DefWindowProc does; 0 would refuse it
    assert ends(0, 0) == 0  # another program has refused
    assert happened == []
    assert ends(1, 0) == 0
    assert happened == ["ended"]


def test_on_macos_the_loop_leaves_signals_to_us_and_removes_the_icon() -> None:
    happened: list[str] = []

    class Base:
        _app = SimpleNamespace(run=lambda: happened.append("runs"))
        _status_bar = SimpleNamespace(removeStatusItem_=happened.append)
        _status_item = "removed"

        def _mark_ready(self) -> None:
            happened.append("ready")

        def _run(self) -> None:
            raise AssertionError("pystray's own would take Ctrl-C")

    icon: Any = _mended_darwin(Base)()
    icon._run()
    assert happened == ["ready", "runs", "removed"]


def test_windows_menu_is_made_new_just_before_it_opens() -> None:
    happened: list[str] = []

    icon: Any = _mended_win32(Win32Base)(happened)
    icon._on_notify(0, WM_RBUTTONUP)
    icon._on_notify(0, 0x0202)
    assert happened == ["made", "notified 0x205", "notified 0x202"]


class Window:
    """An X window that asks for something already."""

    def __init__(self) -> None:
        self.id = 7
        self.mask = 1 << 15
        self.name = ""

    def get_attributes(self) -> Any:
        return SimpleNamespace(your_event_mask=self.mask)

    def change_attributes(self, event_mask: int) -> None:
        self.mask = event_mask

    def set_wm_name(self, name: str) -> None:
        name.encode("latin-1")
        self.name = name


class Display:
    """A connection on which events come in."""

    def __init__(self) -> None:
        self._ours, self._servers = socket.socketpair()
        self._events: list[str] = []

    def screen(self) -> Any:
        return SimpleNamespace(root=SimpleNamespace(id=1))

    def flush(self) -> None:
        pass

    def fileno(self) -> int:
        return self._ours.fileno()

    def happens(self, event: str) -> None:
        self._events.append(event)
        self._servers.send(b"e")

    def pending_events(self) -> int:
        return len(self._events)

    def next_event(self) -> str:
        self._ours.recv(1)
        return self._events.pop(0)

    def close(self) -> None:
        self._ours.close()
        self._servers.close()


class XorgBase:
    def __init__(self) -> None:
        self._window, self._display = Window(), Display()
        self._message_handlers: dict[int, Any] = {}
        self.clicks: list[int] = []
        self.title = "SharpCam: 日本 camera…"

    def _on_button_press(self, event: Any) -> None:
        self.clicks.append(event.detail)


def test_x11_is_asked_for_clicks_besides_what_pystray_asks_for() -> None:
    icon: Any = _mended_xorg(XorgBase)()
    assert icon._window.mask == 1 << 15 | 1 << 2


def test_x_is_talked_to_in_the_loops_thread_only() -> None:
    icon: Any = _mended_xorg(XorgBase)()
    seen: list[Thread] = []

    def _show() -> None:
        seen.append(current_thread())

    icon._rewrite_implementation(_show)
    events = icon._events()

    def loop() -> None:
        icon._thread = current_thread()
        icon._show()
        assert next(events) == "pressed"

    thread = Thread(target=loop)
    thread.start()
    icon._show()
    icon._display.happens("pressed")
    thread.join(60)
    assert seen == [thread, thread]
    icon._display.close()
    icon.calls.close()


def test_on_x11_a_right_click_has_a_meaning_and_any_title_can_be_set() -> None:
    icon: Any = _mended_xorg(XorgBase)()
    others: list[str] = []
    icon.on_other_click = lambda: others.append("other")
    icon._on_button_press(SimpleNamespace(detail=1))
    icon._on_button_press(SimpleNamespace(detail=3))
    assert others == ["other"]
    icon._update_title()
    assert icon._window.name.startswith("SharpCam: ?? camera")


def test_x11s_icon_knows_whether_a_tray_has_taken_it_in() -> None:
    icon: Any = _mended_xorg(XorgBase)()
    seen = [icon.embedded]
    for window, parent in ((7, 40), (8, 1), (7, 1)):
        event = SimpleNamespace(
            window=SimpleNamespace(id=window), parent=SimpleNamespace(id=parent)
        )
        icon._message_handlers[21](event)
        seen.append(icon.embedded)
    assert seen == [False, True, True, False]


def test_x11s_icon_knows_whether_there_is_a_tray() -> None:
    assert Dock().has(SimpleNamespace(_systray_manager="window"))
    assert not Dock().has(SimpleNamespace(_systray_manager=None))


def test_a_tray_that_dropped_the_request_is_asked_again() -> None:
    clock = FakeClock()
    dock, icon = Dock(clock), SimpleNamespace(embedded=False)
    assert not dock.lost(icon)
    clock.now += LOST_SECONDS / 2
    assert not dock.lost(icon)
    clock.now += LOST_SECONDS / 2
    assert [dock.lost(icon), dock.lost(icon)] == [True, False]
    clock.now += LOST_SECONDS
    assert dock.lost(icon)
    icon.embedded = True
    clock.now += LOST_SECONDS
    assert not dock.lost(icon)
    icon.embedded = False  # the tray has let go of it
    assert not dock.lost(icon)
    assert not dock.lost(SimpleNamespace())


def test_for_other_icons_the_desktop_is_asked_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool | None] = [None, False, True]
    monkeypatch.setattr(desktop, "shows_tray_icons", lambda: told.pop(0))
    clock = FakeClock()
    dock, icon = Dock(clock), SimpleNamespace()
    seen = []
    while told:
        seen += [dock.has(icon), dock.has(icon)]
        clock.now += ASK_SECONDS
    assert seen == [True, True, False, False, True, True]


def test_who_waits_for_an_ended_icon_waits_no_more() -> None:
    icon = SimpleNamespace(calls=LoopCalls(), _running=True)
    waiting = Thread(target=icon.calls.ask, args=[lambda: pytest.fail("nobody is left")])
    waiting.start()
    let_go(icon)
    waiting.join(60)
    assert not waiting.is_alive()
    assert not icon._running
    let_go(SimpleNamespace())
