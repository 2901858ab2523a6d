"""LoopbackCamera: the writer's side of a v4l2loopback device, a backend for pyvirtualcam.

pyvirtualcam's own backend refuses a device that somebody watches already, keeps write errors to
itself and never says who watches. The versions in use differ (0.12.7 in Debian 12, 0.15 in Debian
13); what each needs is said where it is done. The pipeline thread owns a camera.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from contextlib import suppress
from ctypes import c_int
from fractions import Fraction
from typing import Any

from sharpcam.system import v4l2
from sharpcam.system.v4l2 import CAN_CAPTURE, CAN_OUTPUT, OUTPUT, Kernel
from sharpcam.system.watchers import ModuleUse, UsageEvents

FORMATS = {
    v4l2.fourcc("I420"): v4l2.fourcc("YU12"),
    v4l2.fourcc("YUY2"): v4l2.fourcc("YUYV"),
}
"""libyuv's names for what is sent -> V4L2's. The module converts nothing: apps get it as it is."""
FED_SECONDS = 1.0
"""Whoever feeds a camera does it at least this often."""


class LoopbackCamera:
    """One opened device. It stays open until `close`, because 0.12 is at its best that way."""

    def __init__(
        self,
        *,
        width: int,
        height: int,
        fps: float,
        fourcc: int,
        device: str | None,
        kernel: Kernel | None = None,
        sleep: Callable[[float], None] = time.sleep,
        **_: Any,
    ) -> None:
        """Open the device and settle its format; readers see it from the first frame on.

        Args:
            fourcc: libyuv's code of the frames that will be sent: I420 or YUY2.
            device: like /dev/video10.

        Raises:
            OSError: in plain words, what is wrong and what can be done.
            ValueError: a format that is not offered.
        """
        if fourcc not in FORMATS:
            raise ValueError("only I420 and YUY2 can be sent")
        if device is None:
            raise OSError("a v4l2loopback device must be named, like /dev/video10")
        self._device, self._fourcc = device, fourcc
        self._kernel, self._sleep = kernel or Kernel(), sleep
        self._watchers: UsageEvents | ModuleUse | None = None
        self._descriptor = self._open()
        try:
            self._check_driver()
            try:
                self._watchers = UsageEvents(self._kernel, device)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOTTY):
                    raise self._plain(error) from error
                self._prepare_old_module()
                self._watchers = ModuleUse(device)
            self._set_format(width, height)
            self._set_rate(fps)
            if isinstance(self._watchers, ModuleUse):
                self._start_streaming()
        except BaseException:
            self.close()
            raise

    def send(self, frame: Any) -> None:
        """Show one frame.

        Args:
            frame: its bytes, contiguous: uint8 [width * height * 3 / 2] for I420.

        Raises:
            OSError: in plain words, why the device does not take it.
        """
        size = memoryview(frame).nbytes
        try:
            written = self._kernel.write(self._descriptor, frame)
        except OSError as error:
            raise self._plain(error) from error
        if written != size:
            raise OSError(
                f"{self._device} took {written} of {size} bytes: another program changed its format"
            )

    def watchers(self) -> int | None:
        """How many programs read the device; None where that cannot be told. Costs microseconds,
        except on 0.12 with several devices in use, where it may take milliseconds every two
        seconds. There, a program that looks at what cameras there are is counted for that moment.
        """
        return self._watchers.count() if self._watchers else None

    def close(self) -> None:
        """Let the device go; apps that read it keep its last picture or lose it."""
        if self._watchers:
            self._watchers.close()
            self._watchers = None
        if self._descriptor >= 0:
            self._kernel.close(self._descriptor)
            self._descriptor = -1

    def device(self) -> str:
        return self._device

    def native_fourcc(self) -> int:
        return self._fourcc

    def _open(self) -> int:
        try:
            return self._kernel.open(self._device)
        except OSError as error:
            raise self._plain(error) from error

    def _capabilities(self) -> v4l2.Capability:
        capability = v4l2.Capability()
        self._kernel.ioctl(self._descriptor, v4l2.QUERYCAP, capability)
        return capability

    def _check_driver(self) -> None:
        try:
            driver = self._capabilities().driver
        except OSError as error:
            if error.errno != errno.ENOTTY:
                raise self._plain(error) from error
            driver = b""
        if driver != b"v4l2 loopback":
            raise OSError(f"{self._device} is no v4l2loopback device")

    def _prepare_old_module(self) -> None:
        """What 0.12 does not do itself: mend a device whose last writer left it unusable, and
        refuse a second writer."""
        if not self._capabilities().device_caps & (CAN_CAPTURE | CAN_OUTPUT):
            # A writer that only wrote was not taken for one when it left. Starting to stream makes
            # us a writer, though it fails, and closing then sets the device free again.
            with suppress(OSError):
                self._kernel.ioctl(self._descriptor, v4l2.STREAMON, c_int(OUTPUT))
            self._kernel.close(self._descriptor)
            self._descriptor = -1
            self._descriptor = self._open()
            self._capabilities()  # the kernel goes by what was last asked
        if self._is_fed():
            raise self._plain(OSError(errno.EBUSY, ""))

    def _is_fed(self) -> bool:
        """Whether new frames arrive, for up to FED_SECONDS."""
        with suppress(OSError):
            # Refused when nobody has written since the device was last left by everybody.
            self._kernel.ioctl(self._descriptor, v4l2.G_FMT, v4l2.Format(type=v4l2.CAPTURE))
            with suppress(BlockingIOError):
                while True:  # the pictures that are already there: one or two
                    self._kernel.read(self._descriptor, 1)
            for _ in range(20):
                self._sleep(FED_SECONDS / 20)
                with suppress(BlockingIOError):
                    self._kernel.read(self._descriptor, 1)
                    return True
        return False

    def _set_format(self, width: int, height: int) -> None:
        wanted = width, height, FORMATS[self._fourcc]
        settled = v4l2.Format(
            type=OUTPUT, width=width, height=height, pixelformat=wanted[2], **v4l2.COLOURS
        )
        try:
            self._kernel.ioctl(self._descriptor, v4l2.S_FMT, settled)
        except OSError as error:
            held = self._format()
            # 0.13 refuses a format other than what is held; 0.12 and 0.15 answer with the held one.
            if error.errno != errno.EBUSY or not held or _parts(held) == wanted:
                raise self._plain(error) from error
            settled = held
        if _parts(settled) != wanted:
            code = int(settled.pixelformat).to_bytes(4, "little").decode("ascii", "replace")
            raise OSError(
                f"{self._device} stays at {settled.width}x{settled.height} {code} instead of "
                f"{width}x{height}: a program that has it open holds that format "
                f"(`fuser -v {self._device}` names it), or the module was loaded with smaller "
                "max_width and max_height"
            )

    def _start_streaming(self) -> None:
        """For 0.12: it takes frames without this, but then forgets on close that it had a writer,
        and cannot be written again. Newer ones begin with the first frame."""
        try:
            self._kernel.ioctl(self._descriptor, v4l2.STREAMON, c_int(OUTPUT))
        except OSError as error:
            raise self._plain(error) from error

    def _format(self) -> v4l2.Format | None:
        """What the device is set to, where it tells."""
        settled = v4l2.Format(type=OUTPUT)
        try:
            self._kernel.ioctl(self._descriptor, v4l2.G_FMT, settled)
        except OSError:
            return None
        return settled

    def _set_rate(self, fps: float) -> None:
        rate = Fraction(fps).limit_denominator(1001)
        parameters = v4l2.StreamParameters(
            type=OUTPUT, numerator=rate.denominator, denominator=rate.numerator
        )
        with suppress(OSError):  # only what apps are told about us
            self._kernel.ioctl(self._descriptor, v4l2.S_PARM, parameters)

    def _plain(self, error: OSError) -> OSError:
        return v4l2.in_words(error, self._device)


def _parts(settled: v4l2.Format) -> tuple[int, int, int]:
    return settled.width, settled.height, settled.pixelformat
