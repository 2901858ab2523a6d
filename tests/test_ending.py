"""The end of the session, where that is no signal: stand-ins for Windows and macOS."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sharpcam.session import ending, ending_macos, ending_windows


class FakeKernel32:
    """Keeps the handlers as Windows does, and asks the newest one first."""

    def __init__(self, has_console: bool = True) -> None:
        self.has_console = has_console
        self.handlers: list[Any] = []

    def SetConsoleCtrlHandler(self, handler: Any, add: bool) -> int:  # noqa: N802
        if add and self.has_console:
            self.handlers.append(handler)
        elif not add and handler in self.handlers:
            self.handlers.remove(handler)
        return self.has_console

    def tell(self, event: int) -> list[int]:
        return [handler(event) for handler in reversed(self.handlers)]


@pytest.fixture
def kernel32(monkeypatch: pytest.MonkeyPatch) -> FakeKernel32:
    fake = FakeKernel32()
    monkeypatch.setattr(ending_windows, "_kernel32", lambda: fake)
    return fake


def test_windows_a_closed_console_and_a_logoff_end_the_program(
    kernel32: FakeKernel32, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    told: list[str] = []
    with ending.told_of_the_end(lambda: told.append("end")):
        assert kernel32.tell(0) == kernel32.tell(1) == [0]  # Ctrl-C, Ctrl-Break: somebody else's
        assert told == []
        for event in (2, 5, 6):
            assert kernel32.tell(event) == [1]
    assert told == ["end"] * 3
    assert kernel32.handlers == []


def test_windows_an_error_of_ours_does_not_fly_into_it(
    kernel32: FakeKernel32, caplog: pytest.LogCaptureFixture
) -> None:
    with ending_windows.ConsoleWatch(lambda: [][0]):
        assert kernel32.tell(2) == [1]
    assert "at the console's end" in caplog.text


def test_windows_without_a_console_there_is_nothing_to_be_told(kernel32: FakeKernel32) -> None:
    kernel32.has_console = False
    with ending_windows.ConsoleWatch(lambda: None):
        assert kernel32.handlers == []


class FakeCenter:
    """The default notification center, and AppKit around it."""

    NSApplicationWillTerminateNotification = "will terminate"

    def __init__(self) -> None:
        self.observers: list[Callable[[object], None]] = []
        self.NSNotificationCenter = SimpleNamespace(defaultCenter=lambda: self)

    def addObserverForName_object_queue_usingBlock_(  # noqa: N802
        self, name: str, sender: object, queue: object, block: Callable[[object], None]
    ) -> Callable[[object], None]:
        assert (name, sender, queue) == ("will terminate", None, None)
        self.observers.append(block)
        return block

    def removeObserver_(self, observer: Callable[[object], None]) -> None:  # noqa: N802
        self.observers.remove(observer)


def test_macos_an_application_that_will_terminate_ends_first(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    center = FakeCenter()
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ending_macos, "import_module", lambda name: center)
    told: list[str] = []

    def end() -> None:
        told.append("end")
        raise RuntimeError("a bug")

    with ending.told_of_the_end(end):
        center.observers[0]("notification")
    assert told == ["end"]
    assert "at the session's end" in caplog.text
    assert center.observers == []


def test_macos_without_pyobjc_it_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    def import_module(name: str) -> object:
        raise ImportError(f"no {name}")

    monkeypatch.setattr(ending_macos, "import_module", import_module)
    with ending_macos.TerminationWatch(lambda: None):
        pass
    assert "the session's end is not noticed: no AppKit" in caplog.text


def test_on_linux_it_is_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    with ending.told_of_the_end(lambda: pytest.fail("nobody ends")):
        pass
