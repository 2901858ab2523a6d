"""pystray's classes mended, on stand-ins with the parts of pystray's interface that they use."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from sharpcam.tray_backend import (
    WM_RBUTTONUP,
    _mended_win32,
    _mended_xorg,
    icon_classes,
    is_docked,
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


def test_windows_menu_is_made_new_just_before_it_opens() -> None:
    happened: list[str] = []

    class Base:
        def update_menu(self) -> None:
            happened.append("made")

        def _on_notify(self, wparam: int, lparam: int) -> None:
            happened.append(f"notified {lparam:#x}")

    icon: Any = _mended_win32(Base)()
    icon._on_notify(0, WM_RBUTTONUP)
    icon._on_notify(0, 0x0202)
    assert happened == ["made", "notified 0x205", "notified 0x202"]


class Window:
    """An X window that asks for something already."""

    def __init__(self) -> None:
        self.mask = 1 << 15
        self.name = ""

    def get_attributes(self) -> Any:
        return SimpleNamespace(your_event_mask=self.mask)

    def change_attributes(self, event_mask: int) -> None:
        self.mask = event_mask

    def set_wm_name(self, name: str) -> None:
        name.encode("latin-1")
        self.name = name


class XorgBase:
    def __init__(self) -> None:
        self._window, self._display = Window(), SimpleNamespace(flush=lambda: None)
        self.clicks: list[int] = []
        self.title = "SharpCam: 日本 camera…"

    def _on_button_press(self, event: Any) -> None:
        self.clicks.append(event.detail)


def test_x11_is_asked_for_clicks_besides_what_pystray_asks_for() -> None:
    icon: Any = _mended_xorg(XorgBase)()
    assert icon._window.mask == 1 << 15 | 1 << 2


def test_on_x11_a_right_click_has_a_meaning_and_any_title_can_be_set() -> None:
    icon: Any = _mended_xorg(XorgBase)()
    others: list[str] = []
    icon.on_other_click = lambda: others.append("other")
    icon._on_button_press(SimpleNamespace(detail=1))
    icon._on_button_press(SimpleNamespace(detail=3))
    assert others == ["other"]
    icon._update_title()
    assert icon._window.name.startswith("SharpCam: ?? camera")


def test_an_icon_is_docked_unless_it_knows_better() -> None:
    assert is_docked(SimpleNamespace())
    assert is_docked(SimpleNamespace(_systray_manager="window"))
    assert not is_docked(SimpleNamespace(_systray_manager=None))


def test_who_waits_for_an_ended_icon_waits_no_more() -> None:
    waiting: list[bool] = []
    icon = SimpleNamespace(_queue=SimpleNamespace(put=waiting.append), _running=True)
    let_go(icon)
    assert waiting == [True]
    assert not icon._running
    let_go(SimpleNamespace())
