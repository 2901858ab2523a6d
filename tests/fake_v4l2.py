"""A v4l2loopback device as its writer sees it: the kernel's side of sharpcam.system.v4l2.Kernel.

Behaves like the module's version that it is told, as far as our writer makes a difference of it.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import Any

from sharpcam.system import v4l2

NODE = "/dev/video10"


def failed(number: int) -> OSError:
    return OSError(number, "as the test wants it")


@dataclass
class FakeKernel:
    """One device, NODE. `fail` maps a call's name to the errno that it fails with."""

    version: str = "0.15.0"
    driver: bytes = b"v4l2 loopback"
    max_width: int = 8192
    held: tuple[int, int, str] | None = None
    """Format that a reader keeps the device at."""
    fed: bool = False
    """Another program writes frames."""
    broken: bool = False
    """0.12's last writer left the device without any capability."""
    readers: int = 0
    takes: int | None = None
    """So many bytes of a frame are taken."""
    fail: dict[str, int] = field(default_factory=dict)

    descriptors: dict[int, str] = field(default_factory=dict)
    """Open now -> writer, listener or new."""
    opened: int = 0
    reads: int = 0
    frames: list[bytes] = field(default_factory=list)
    rate: tuple[int, int] | None = None
    colours: tuple[int, ...] = ()
    events: list[int] = field(default_factory=list)

    @property
    def old(self) -> bool:
        return self.version.startswith("0.12")

    def _may_fail(self, call: str) -> None:
        if call in self.fail:
            raise failed(self.fail[call])

    def open(self, path: str) -> int:
        self.opened += 1
        self._may_fail("open" if self.opened == 1 else "open again")
        assert path == NODE
        descriptor = 100 + self.opened
        self.descriptors[descriptor] = "new"
        return descriptor

    def close(self, descriptor: int) -> None:
        if self.descriptors.pop(descriptor) == "writer":
            self.broken = False

    def read(self, descriptor: int, count: int) -> bytes:
        assert descriptor in self.descriptors
        if not self.fed:
            raise BlockingIOError(errno.EAGAIN, "no new frame")
        self.reads += 1
        if self.reads % 2:  # every other read finds the newest one taken already
            raise BlockingIOError(errno.EAGAIN, "no new frame")
        return b"\0"

    def write(self, descriptor: int, data: Any) -> int:
        assert descriptor in self.descriptors
        self._may_fail("write")
        frame = bytes(data)
        self.frames.append(frame)
        return len(frame) if self.takes is None else self.takes

    def ioctl(self, descriptor: int, number: int, data: Any) -> None:
        assert descriptor in self.descriptors
        calls = {
            v4l2.QUERYCAP: self._querycap,
            v4l2.G_FMT: self._g_fmt,
            v4l2.S_FMT: self._s_fmt,
            v4l2.S_PARM: self._s_parm,
            v4l2.STREAMON: self._streamon,
            v4l2.SUBSCRIBE_EVENT: self._subscribe,
            v4l2.DQEVENT: self._dqevent,
        }
        call = calls[number]
        self._may_fail(call.__name__)
        call(descriptor, data)

    def _querycap(self, _: int, data: v4l2.Capability) -> None:
        data.driver = self.driver
        if not self.broken:
            data.device_caps = v4l2.CAN_CAPTURE if self.fed else v4l2.CAN_OUTPUT

    def _g_fmt(self, _: int, data: v4l2.Format) -> None:
        if data.type == v4l2.CAPTURE and not self.fed and not self.held:
            raise failed(errno.EINVAL)
        if data.type == v4l2.OUTPUT and self.version == "0.15.0" and self.fed:
            raise failed(errno.EINVAL)
        self._answer(data, self.held or (640, 480, "YUYV"))

    def _s_fmt(self, _: int, data: v4l2.Format) -> None:
        assert data.type == v4l2.OUTPUT
        if self.broken:
            raise failed(errno.EINVAL)
        if self.fed and not self.old:
            raise failed(errno.EINVAL if self.version == "0.15.0" else errno.EBUSY)
        if self.held and self.version.startswith("0.13"):
            raise failed(errno.EBUSY)
        if data.priv == 0xFEEDCAFE:  # else the kernel forgets these
            self.colours = data.colorspace, data.ycbcr_enc, data.quantization, data.xfer_func
        code = int(data.pixelformat).to_bytes(4, "little").decode()
        self._answer(data, self.held or (min(data.width, self.max_width), data.height, code))

    @staticmethod
    def _answer(data: v4l2.Format, settled: tuple[int, int, str]) -> None:
        data.width, data.height = settled[:2]
        data.pixelformat = v4l2.fourcc(settled[2])

    def _s_parm(self, _: int, data: v4l2.StreamParameters) -> None:
        assert data.type == v4l2.OUTPUT
        self.rate = data.numerator, data.denominator

    def _streamon(self, descriptor: int, data: Any) -> None:
        assert data.value == v4l2.OUTPUT
        assert self.old, "newer modules begin with the first frame"
        self.descriptors[descriptor] = "writer"
        if self.broken:
            raise failed(errno.EINVAL)

    def _subscribe(self, descriptor: int, data: v4l2.Subscription) -> None:
        if self.old:
            raise failed(errno.EINVAL)
        assert (data.type, data.flags) == (v4l2.CLIENT_USAGE, v4l2.SEND_INITIAL)
        self.descriptors[descriptor] = "listener"
        self.events = [self.readers]

    def _dqevent(self, descriptor: int, data: v4l2.Event) -> None:
        assert self.descriptors[descriptor] == "listener"
        if not self.events:
            raise failed(errno.ENOENT)
        data.type, data.count = v4l2.CLIENT_USAGE, self.events.pop(0)

    def watched_by(self, count: int) -> None:
        """The module tells of so many readers."""
        self.events.append(count)
