"""Sleep and wake: a real D-Bus with a stand-in for logind, stand-ins for the other systems."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sharpcam.session import power, sleep_linux, sleep_macos, sleep_windows
from sharpcam.session.sleep_linux import INTERFACE, NAME, PATH, LogindWatch

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/>
  </policy>
</busconfig>
"""
needs_jeepney = pytest.mark.skipif(
    not importlib.util.find_spec("jeepney"), reason="no jeepney: it is for Linux"
)
needs_bus = pytest.mark.skipif(
    not shutil.which("dbus-daemon") or not importlib.util.find_spec("jeepney"),
    reason="no dbus-daemon, or no jeepney",
)


class Told:
    """Keeps what was told; `wait` for the next word."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._news = Event()

    def __call__(self, word: str) -> None:
        self.words.append(word)
        self._news.set()

    def wait(self) -> None:
        assert self._news.wait(60), self.words
        self._news.clear()


class FakeLogind:
    """Has logind's name on a bus, hands out inhibitors and announces sleep."""

    def __init__(self) -> None:
        from jeepney import message_bus
        from jeepney.io.blocking import open_dbus_connection

        self.connection = open_dbus_connection("SYSTEM", enable_fds=True)
        self.connection.send_and_get_reply(message_bus.RequestName(NAME), timeout=60)

    def _call(self) -> Any:
        while True:
            message = self.connection.receive(timeout=60)
            if message.header.message_type.name == "method_call":
                return message

    def hand_out_inhibitor(self) -> int:
        """Answer the next call; returns the end of a pipe that is at its end when let go of."""
        from jeepney import new_method_return

        message = self._call()
        assert message.body == ("sleep", "SharpCam", "lets go of the camera", "delay")
        ours, theirs = os.pipe()
        self.connection.send(new_method_return(message, "h", (theirs,)))
        os.close(theirs)
        return ours

    def refuse_inhibitor(self) -> None:
        from jeepney import new_error

        self.connection.send(new_error(self._call(), "org.freedesktop.DBus.Error.AccessDenied"))

    def announce(self, sleeps: bool, path: str = PATH, member: str = "PrepareForSleep") -> None:
        from jeepney import DBusAddress, new_signal

        place = DBusAddress(path, interface=INTERFACE)
        self.connection.send(new_signal(place, member, "b", (sleeps,)))


@pytest.fixture
def start_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts a bus, again when asked again; whoever asks for the system's bus gets this one."""
    address = tmp_path / "bus"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={address}")
    monkeypatch.setattr(sleep_linux, "REPLY_SECONDS", 60.0)  # however slow the machine is
    config = tmp_path / "bus.conf"
    config.write_text(BUS.format(socket=address))
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        address.unlink(missing_ok=True)
        bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(bus)
        assert bus.stdout
        assert str(address) in bus.stdout.readline()
        return bus

    yield start
    for bus in started:
        bus.kill()
        bus.communicate()


def watched(told: Told) -> LogindWatch:
    return LogindWatch(lambda: told("sleep"), lambda: told("wake"))


@needs_bus
def test_linux_sleep_waits_until_it_was_told_and_wake_is_told(start_bus: Any) -> None:
    start_bus()
    logind, told, let_go_before = FakeLogind(), Told(), []
    ends: list[int] = []

    def on_sleep() -> None:
        os.set_blocking(ends[-1], False)
        with suppress(BlockingIOError):  # still held, as it must be
            let_go_before.append(os.read(ends[-1], 1))
        os.set_blocking(ends[-1], True)
        told("sleep")  # last: from now on the test reads there, too, and waits

    watch = LogindWatch(on_sleep, lambda: told("wake"))
    ends.append(logind.hand_out_inhibitor())
    for _ in range(2):
        logind.announce(True)
        told.wait()
        assert os.read(ends[-1], 1) == b""  # let go of: logind goes on
        logind.announce(False)
        told.wait()
        ends.append(logind.hand_out_inhibitor())
    watch.close()
    assert os.read(ends[-1], 1) == b""
    assert told.words == ["sleep", "wake"] * 2
    assert let_go_before == []


@needs_bus
def test_linux_other_signals_and_repetitions_are_not_told(start_bus: Any) -> None:
    start_bus()
    logind, told = FakeLogind(), Told()
    watch = watched(told)
    logind.hand_out_inhibitor()
    logind.announce(True, member="PrepareForShutdown")
    logind.announce(True, path="/org/freedesktop/other")
    logind.announce(True)
    logind.announce(True)
    told.wait()
    logind.announce(False)
    told.wait()
    watch.close()
    assert told.words == ["sleep", "wake"]


@needs_bus
def test_linux_somebody_elses_signal_is_not_told(start_bus: Any) -> None:
    from jeepney import DBusAddress, new_signal
    from jeepney.io.blocking import open_dbus_connection

    start_bus()
    logind, told = FakeLogind(), Told()
    watch = watched(told)
    logind.hand_out_inhibitor()
    with open_dbus_connection("SYSTEM") as stranger:
        place = DBusAddress(PATH, interface=INTERFACE)
        stranger.send(new_signal(place, "PrepareForSleep", "b", (True,)))
        stranger.bus_proxy.GetId()  # the bus has seen the signal
    logind.announce(False)
    logind.hand_out_inhibitor()  # asked for again after what was announced
    watch.close()
    assert told.words == []


@needs_bus
def test_linux_without_an_inhibitor_sleep_is_told_all_the_same(
    start_bus: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    start_bus()
    logind, told = FakeLogind(), Told()
    watch = watched(told)
    logind.refuse_inhibitor()
    logind.announce(True)
    told.wait()
    watch.close()
    assert told.words == ["sleep"]
    assert "sleep does not wait for us" in caplog.text


@needs_bus
def test_linux_a_bus_that_was_lost_in_a_sleep_means_wake_when_it_is_back(
    start_bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sleep_linux, "RETRY_SECONDS", 0.01)
    bus = start_bus()
    logind, told = FakeLogind(), Told()
    watch = watched(told)
    end = logind.hand_out_inhibitor()
    logind.announce(True)
    told.wait()
    os.read(end, 1)
    bus.kill()
    bus.wait()
    start_bus()
    told.wait()
    watch.close()
    assert told.words == ["sleep", "wake"]


@needs_jeepney
@pytest.mark.parametrize("address", ["unix:path=/nowhere/bus", "tcp:host=localhost,port=1", "what"])
def test_linux_without_a_bus_it_is_said_once_and_nothing_else_happens(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tries = Event()

    class CountedEvent(Event):
        """Waits for no time, and says when it was asked to for the third time."""

        asked = 0

        def wait(self, timeout: float | None = None) -> bool:
            self.asked += 1
            if self.asked == 3:
                tries.set()
            return super().wait(0.001)

    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    monkeypatch.setattr(sleep_linux, "Event", CountedEvent)
    watch = watched(Told())
    assert tries.wait(60)
    watch.close()
    assert len([line for line in caplog.messages if "sleep is not noticed" in line]) == 1
    assert not watch._thread.is_alive()


# Windows


class FakePowrprof:
    """Keeps the callback as the power manager does, and calls it."""

    def __init__(self, error: int = 0) -> None:
        self.error = error
        self.callback: Any = None
        self.closed: list[int | None] = []

    def PowerRegisterSuspendResumeNotification(  # noqa: N802
        self, flags: int, recipient: Any, handle: Any
    ) -> int:
        assert flags == 2
        if not self.error:
            self.callback = recipient._obj.callback
            handle._obj.value = 4711
        return self.error

    def PowerUnregisterSuspendResumeNotification(self, handle: Any) -> int:  # noqa: N802
        self.closed.append(handle.value)
        return 0

    def tell(self, *events: int) -> None:
        for event in events:
            assert self.callback(None, event, None) == 0


@pytest.fixture
def powrprof(monkeypatch: pytest.MonkeyPatch) -> FakePowrprof:
    fake = FakePowrprof()
    monkeypatch.setattr(sleep_windows, "_powrprof", lambda: fake)
    return fake


def test_windows_each_sleep_and_wake_is_told_once(powrprof: FakePowrprof) -> None:
    told = Told()
    watch = sleep_windows.watch(lambda: told("sleep"), lambda: told("wake"))
    powrprof.tell(0x0A, 0x04, 0x12, 0x07, 0x8013, 0x04, 0x12)
    assert told.words == ["sleep", "wake", "sleep", "wake"]
    watch.close()
    watch.close()
    assert powrprof.closed == [4711]


def test_windows_an_exception_does_not_fly_into_the_system(
    powrprof: FakePowrprof, caplog: pytest.LogCaptureFixture
) -> None:
    watch = sleep_windows.watch(lambda: 1 / 0, lambda: None)  # type: ignore[arg-type, return-value]
    powrprof.tell(0x04)
    watch.close()
    assert "ZeroDivisionError" in caplog.text


def test_windows_a_refusal_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fake = FakePowrprof(error=5)
    monkeypatch.setattr(sleep_windows, "_powrprof", lambda: fake)
    sleep_windows.watch(lambda: None, lambda: None).close()
    assert caplog.messages == ["sleep is not noticed: Windows error 5"]
    assert fake.closed == []


def test_windows_the_library_gets_pointers_as_pointers(monkeypatch: pytest.MonkeyPatch) -> None:
    library = SimpleNamespace(
        PowerRegisterSuspendResumeNotification=SimpleNamespace(),
        PowerUnregisterSuspendResumeNotification=SimpleNamespace(),
    )
    monkeypatch.setattr(ctypes, "WinDLL", lambda name: library, raising=False)
    register = sleep_windows._powrprof().PowerRegisterSuspendResumeNotification
    assert register.argtypes == (ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p)


# macOS


class FakeCenter:
    """NSNotificationCenter, as far as it is used."""

    def __init__(self) -> None:
        self.observers: dict[object, tuple[str, Any]] = {}

    def addObserverForName_object_queue_usingBlock_(  # noqa: N802
        self, name: str, what: None, queue: None, block: Any
    ) -> object:
        observer = object()
        self.observers[observer] = name, block
        return observer

    def removeObserver_(self, observer: object) -> None:  # noqa: N802
        del self.observers[observer]

    def post(self, name: str) -> None:
        for wanted, block in list(self.observers.values()):
            if wanted == name:
                block(object())


@pytest.fixture
def center(monkeypatch: pytest.MonkeyPatch) -> FakeCenter:
    center = FakeCenter()
    appkit: Any = ModuleType("AppKit")
    workspace = SimpleNamespace(notificationCenter=lambda: center)
    appkit.NSWorkspace = SimpleNamespace(sharedWorkspace=lambda: workspace)
    appkit.NSWorkspaceWillSleepNotification = "NSWorkspaceWillSleepNotification"
    appkit.NSWorkspaceDidWakeNotification = "NSWorkspaceDidWakeNotification"
    monkeypatch.setitem(sys.modules, "AppKit", appkit)
    return center


def test_macos_sleep_and_wake_are_told_until_closed(center: FakeCenter) -> None:
    told = Told()
    watch = sleep_macos.watch(lambda: told("sleep"), lambda: told("wake"))
    center.post("NSWorkspaceWillSleepNotification")
    center.post("NSWorkspaceDidWakeNotification")
    center.post("NSWorkspaceScreensDidSleepNotification")
    watch.close()
    watch.close()
    assert told.words == ["sleep", "wake"]
    assert center.observers == {}


def test_macos_an_exception_does_not_fly_into_the_system(
    center: FakeCenter, caplog: pytest.LogCaptureFixture
) -> None:
    sleep_macos.watch(lambda: 1 / 0, lambda: None)  # type: ignore[arg-type, return-value]
    center.post("NSWorkspaceWillSleepNotification")
    assert "ZeroDivisionError" in caplog.text


def test_macos_without_the_library_it_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setitem(sys.modules, "AppKit", None)
    sleep_macos.watch(lambda: None, lambda: None).close()
    assert "sleep is not noticed" in caplog.text


# Power


@pytest.mark.parametrize(
    ("battery", "known"),
    [
        (None, None),
        (SimpleNamespace(power_plugged=None), None),
        (SimpleNamespace(power_plugged=True), False),
        (SimpleNamespace(power_plugged=False), True),
    ],
)
def test_the_battery_is_what_it_runs_on_when_it_is_not_plugged_in(
    battery: Any, known: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psutil.sensors_battery", lambda: battery)
    assert power.on_battery() is known


def test_where_nobody_can_tell_there_is_no_battery(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable() -> None:
        raise FileNotFoundError("/sys/class/power_supply")

    monkeypatch.setattr("psutil.sensors_battery", unreadable)
    assert power.on_battery() is None
    monkeypatch.delattr("psutil.sensors_battery")
    assert power.on_battery() is None


def test_this_machine_can_be_asked() -> None:
    assert power.on_battery() in (True, False, None)
