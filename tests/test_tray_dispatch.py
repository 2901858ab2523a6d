"""The tray's dispatcher with a made-up icon: what is chosen is done, what changes is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread, current_thread
from typing import Any

import pytest
from fakes import PATIENCE, until

from sharpcam import autostart, tray
from sharpcam.errors import SharpCamError
from sharpcam.governor import Tier
from sharpcam.session import desktop
from sharpcam.settings import Settings
from sharpcam.status import State, Status
from sharpcam.tray import Tray
from sharpcam.tray_menu import Item


class FakeIcon:
    """Has a loop like pystray's: `run` blocks until `stop`, and calls setup in another thread."""

    HAS_MENU = HAS_NOTIFICATION = True
    made: list[FakeIcon] = []  # noqa: RUF012 - reset by the fixture

    def __init__(self, name: str, icon: Any, title: str, menu: Any) -> None:
        self.name, self.icon, self.title, self.menu = name, icon, title, menu
        self.visible = False
        self.menus = 0
        self.said: SimpleQueue[str] = SimpleQueue()
        self.ran_in = ""
        self._end = Event()
        FakeIcon.made.append(self)

    def run(self, setup: Callable[[Any], None]) -> None:
        self.ran_in = current_thread().name
        thread = Thread(target=setup, args=(self,), daemon=True)
        thread.start()
        assert self._end.wait(PATIENCE)
        thread.join(10)

    def stop(self) -> None:
        self._end.set()

    def update_menu(self) -> None:
        self.menus += 1

    def notify(self, words: str, title: str) -> None:
        self.said.put(words)


class FakeResident:
    """Records what is asked; `status` is what it says of itself."""

    def __init__(self) -> None:
        self.status = Status(State.SHARPENING, watchers=1, fps=30.0)
        self.settings = Settings()
        self.profile = None
        self.enhancer = self.controller = self
        self.available, self.tier = {Tier.STANDARD}, Tier.STANDARD
        self.paused = False
        self.calls: list[str] = []
        self.listeners: list[Callable[[], None]] = []

    def listen(self, callback: Callable[[], None]) -> None:
        self.listeners.append(callback)

    def now(self) -> Status:
        return self.status

    def set(self, key: str, value: str) -> None:
        self.calls.append(f"{key}={value}")
        self.settings = self.settings.with_text(key, value)

    def toggle(self) -> None:
        self.calls.append("toggle")
        self.settings = self.settings.toggled()

    def preview(self) -> None:
        raise SharpCamError("there is no screen", "use a desktop")

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: self.calls.append(name)


class Desk:
    def __init__(self) -> None:
        self.resident = FakeResident()
        self.tray = Tray(self.resident, Path("sharpcam.log"))

    @property
    def icon(self) -> FakeIcon:
        until(lambda: FakeIcon.made and FakeIcon.made[-1].visible)
        return FakeIcon.made[-1]

    def choose(self, do: str, text: str = "") -> None:
        self.tray._chosen(Item("", do, text))

    def change(self, status: Status) -> None:
        self.resident.status = status
        for listener in self.resident.listeners:
            listener()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    FakeIcon.made = []
    monkeypatch.setattr(tray, "icon_classes", lambda: iter([FakeIcon]))
    monkeypatch.setattr(tray, "living_menu", lambda items, act: items)
    monkeypatch.setattr(tray, "RETRY_SECONDS", (0.001,))
    for name in ("END_SECONDS", "LINE_SECONDS"):
        monkeypatch.setattr(tray, name, 60.0)  # however slow the machine is
    monkeypatch.setattr(tray.system, "cameras", list)
    monkeypatch.setattr(autostart, "is_on", lambda: False)
    monkeypatch.setattr(desktop, "shows_tray_icons", lambda: True)
    desk = Desk()
    yield desk
    desk.tray.close()
    assert not desk.tray._thread.is_alive()


def test_what_is_chosen_is_done_and_shown(desk: Desk) -> None:
    desk.tray.start()
    until(lambda: desk.icon.title.startswith("SharpCam on"))  # it is drawn before that
    before = desk.icon.icon
    for do, text in (("strength", "0.5"), ("pause", ""), ("learn_again", ""), ("quit", "")):
        desk.choose(do, text)
    desk.choose("toggle")
    until(lambda: desk.icon.title.startswith("SharpCam off"))
    assert desk.resident.calls == ["strength=0.5", "pause", "learn_again", "quit", "toggle"]
    assert desk.icon.icon is not before
    assert desk.icon.ran_in == "tray"


def test_what_cannot_be_done_is_told(desk: Desk) -> None:
    desk.tray.start()
    desk.icon  # noqa: B018 - waits for it
    desk.choose("preview")
    assert desk.icon.said.get(timeout=60) == "there is no screen: use a desktop"
    desk.choose("toggle")
    until(lambda: desk.resident.calls)


def test_a_problem_is_told_once_and_shown_as_long_as_it_is(desk: Desk) -> None:
    desk.tray.start()
    desk.icon  # noqa: B018 - waits for it
    lost = Status(State.NO_CAMERA, "camera unplugged", "plug it in")
    for status in (lost, Status(State.SHARPENING), lost):
        desk.change(status)
        shown = "Camera unplugged" if status is lost else "SharpCam on"
        until(lambda shown=shown: shown in desk.icon.title, lambda: desk.icon.title)
    assert desk.icon.said.get(timeout=60) == "Camera unplugged: plug it in"
    assert desk.icon.said.empty()


def test_figures_alone_do_not_make_the_menu_new(desk: Desk) -> None:
    desk.tray.start()
    until(lambda: desk.icon.menus)
    menus = desk.icon.menus
    desk.change(Status(State.SHARPENING, watchers=1, fps=29.0))
    until(lambda: "29 fps" in desk.icon.title)
    assert desk.icon.menus == menus
    desk.choose("strength", "0.5")
    until(lambda: desk.icon.menus == menus + 1)


def test_where_a_menu_may_be_open_it_is_left_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desktop, "MENU_ANY_TIME", False)
    desk.tray.start()
    desk.icon  # noqa: B018 - waits for it
    desk.choose("strength", "0.5")
    until(lambda: desk.resident.settings.strength == 0.5)
    until(lambda: any(it.text == "50%" and it.checked for it in strengths(desk)))
    assert desk.icon.menus == 0


def strengths(desk: Desk) -> tuple[Item, ...]:
    """What the menu would be made of now."""
    (item,) = (item for item in desk.tray._items() if item.text == "Strength")
    return item.items


def test_an_icon_that_ends_by_itself_is_made_again(desk: Desk) -> None:
    desk.tray.start()
    desk.icon.stop()
    until(lambda: len(FakeIcon.made) == 2)
    desk.choose("toggle")
    until(lambda: desk.resident.calls)


def test_all_that_is_seen_is_changed_where_the_system_wants_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS: the tray has the thread that runs it, and changes are handed to that one."""
    handed: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def hand_over(act: Callable[[], None]) -> None:
        handed.put(act)
        act()

    monkeypatch.setattr(desktop, "on_ui_thread", hand_over)
    quitting = Event()
    main = Thread(target=desk.tray.run, args=(quitting,), name="main thread")
    main.start()
    assert desk.icon.ran_in == "main thread"
    desk.choose("toggle")
    until(lambda: desk.icon.title.startswith("SharpCam off"))
    assert handed.qsize() >= 4  # visible, icon, title, menu
    quitting.set()
    main.join(60)
    assert not main.is_alive()
    desk.tray.start()  # so that the fixture has something to close


def test_without_a_tray_it_is_said_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tray, "icon_classes", lambda: iter([]))
    desk.tray.start()
    desk.tray._thread.join(60)
    desk.change(Status(State.OFF))
    assert caplog.text.count("without a tray icon") == 1


def test_a_desktop_that_shows_no_icons_is_told_of_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(desktop, "shows_tray_icons", lambda: False)
    monkeypatch.setattr(desktop, "TRAY_HINT", "install the extension")
    desk.tray.start()
    desk.choose("toggle")
    until(lambda: desk.icon.title.startswith("SharpCam off"))
    desk.choose("toggle")
    until(lambda: desk.icon.title.startswith("SharpCam on"))
    assert caplog.text.count("shows no tray icons (install the extension). SharpCam goes on") == 1
