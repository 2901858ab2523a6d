"""Hand-written stand-ins that record what happens to them and fail when told to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event, Timer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.profile import CameraProfile
from sharpcam.sink import StreamFormat
from sharpcam.source import SourceLostError
from sharpcam.video import VideoTags

PATIENCE = 120.0
"""Seconds until a test gives up waiting for what should happen at once: others may have the
processor."""


def until(true: Callable[[], object], seen: Callable[[], object] = lambda: "nothing") -> None:
    """Wait for what another thread does; fails with what is `seen` after a long time."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain, seen: {seen()}"
        time.sleep(0.002)


def patient_timer(enough: Callable[[], object]) -> type[Timer]:
    """Timers that wait for what shall happen in their time, too, however slow the machine is."""

    class PatientTimer(Timer):
        def run(self) -> None:
            try:
                if not self.finished.wait(self.interval):
                    until(lambda: self.finished.is_set() or enough())
            finally:
                self.function(*self.args, **self.kwargs)

    return PatientTimer


class FakeClock:
    """Stands still until a test sets it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def picture(index: int, size: tuple[int, int] = (32, 16)) -> NDArray[np.uint8]:
    """A noisy I420 picture, another one for every index: uint8 [H * 3 / 2, W]."""
    shape = size[1] * 3 // 2, size[0]
    return np.random.default_rng(index).integers(0, 256, shape, dtype=np.uint8)


class FakeSource:
    """Delivers `count` pictures, then the end or whatever `then` does."""

    name = "fake camera"
    fps = 25.0
    tags = VideoTags(colorspace=1)

    def __init__(
        self,
        count: int,
        *,
        live: bool = False,
        size: tuple[int, int] = (32, 16),
        then: Callable[[], None] = lambda: None,
        before: Callable[[int], None] = lambda index: None,
    ) -> None:
        self.live = live
        self.width, self.height = size
        self.closed = 0
        self.reads = 0
        self._count, self._then, self._before = count, then, before

    def read(self) -> Frame | None:
        assert not self.closed, "read after close"
        if self.reads == self._count:
            self._then()
            return None
        self._before(self.reads)
        now = time.monotonic()
        frame = Frame(picture(self.reads, (self.width, self.height)), self.reads, now, now)
        self.reads += 1
        return frame

    def close(self) -> None:
        self.closed += 1


def lost() -> None:
    """For `then`: the camera was unplugged."""
    raise SourceLostError("it was unplugged")


class FakeEnhancer:
    """Adds `strength * 10` to luma (wrapping); fails while `failing` is set."""

    name = "fake enhancer"

    def __init__(self, work: Callable[[], None] = lambda: None) -> None:
        self.failing = False
        self.calls: list[float] = []
        self.profiles: list[CameraProfile] = []
        self.threads: list[int] = []
        self.closed = 0
        self._work = work

    @property
    def version(self) -> object:
        return len(self.profiles)

    def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        self.calls.append(strength)
        self._work()
        if self.failing:
            raise RuntimeError("no memory")
        return self.expected(y, strength)

    @staticmethod
    def expected(y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        return y + np.uint8(strength * 10)

    def set_profile(self, profile: CameraProfile) -> None:
        self.profiles.append(profile)

    def set_threads(self, threads: int) -> None:
        self.threads.append(threads)

    def close(self) -> None:
        self.closed += 1


class FakeSink:
    """Keeps a copy of every frame; `on_send` is told how many there were before."""

    def __init__(
        self, name: str = "fake sink", on_send: Callable[[int], None] = lambda index: None
    ) -> None:
        self.name = name
        self.frames: list[Frame] = []
        self.befores: list[NDArray[np.uint8]] = []
        self.entered = self.left = 0
        self.error: BaseException | None = None
        """What the `with` block ended with."""
        self.watching: int | None = None
        """How many look at it."""
        self._on_send = on_send

    def send(self, after: Frame, before: Frame) -> None:
        assert self.entered == 1
        assert self.left == 0
        self._on_send(len(self.frames))
        copy = Frame(after.i420.copy(), after.sequence, after.captured_at, after.pts)
        self.frames.append(copy)
        self.befores.append(before.i420.copy())

    def watchers(self) -> int | None:
        return self.watching

    def __enter__(self) -> FakeSink:
        self.entered += 1
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.left += 1
        self.error = error


class FakeSinks:
    """Opens the given sinks one after the other and keeps what it was asked for."""

    def __init__(self, *sinks: FakeSink, fails: bool = False) -> None:
        self.sinks = sinks
        self.asked: list[StreamFormat] = []
        self._fails = fails

    def __call__(self, stream: StreamFormat) -> Iterator[FakeSink]:
        self.asked.append(stream)
        yield from self.sinks
        if self._fails:
            raise SharpCamError("no virtual camera", "install one")


class FakeVirtualCamera:
    """A backend for pyvirtualcam.register_backend, with the interface of its Backend class."""

    opened: list[FakeVirtualCamera] = []  # noqa: RUF012 - reset by the fixture that registers it
    refuse = ""
    break_after: int | None = None

    def __init__(
        self, *, width: int, height: int, fps: float, fourcc: int, device: str | None, **_: Any
    ) -> None:
        if self.refuse:
            raise RuntimeError(self.refuse)
        self.width, self.height, self.rate = width, height, fps
        self.fourcc, self.name = fourcc, device
        self.frames: list[NDArray[np.uint8]] = []
        self.closed = 0
        self.opened.append(self)

    def send(self, frame: NDArray[np.uint8]) -> None:
        if len(self.frames) == self.break_after:
            raise RuntimeError("error writing frame: Invalid argument")
        self.frames.append(frame.copy())

    def close(self) -> None:
        self.closed += 1

    def device(self) -> str | None:
        return self.name

    def native_fourcc(self) -> int | None:
        return None


class CountingVirtualCamera(FakeVirtualCamera):
    """A backend of ours: it can tell how many watch."""

    watching = 0

    def watchers(self) -> int:
        return self.watching


class Gate:
    """Lets a thread wait until the test says go, but never for ever."""

    def __init__(self) -> None:
        self._event = Event()

    def wait(self) -> None:
        assert self._event.wait(PATIENCE), "the test never opened the gate"

    def open(self) -> None:
        self._event.set()
