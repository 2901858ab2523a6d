"""How many programs read a v4l2loopback device: the module's event, or its use count.

Asked once per frame by the thread that owns the camera, so nothing here waits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sharpcam.system.v4l2 import (
    CLIENT_USAGE,
    DQEVENT,
    SEND_INITIAL,
    SUBSCRIBE_EVENT,
    Event,
    Kernel,
    Subscription,
)

SCAN_SECONDS = 2.0
"""Looking through all processes takes milliseconds: so often without a reason,"""
SOON_SECONDS = 0.25
"""and so often when something was opened or closed; callers wait longer before they act."""


class UsageEvents:
    """v4l2loopback 0.13 and newer tells whenever a reader starts or ends; 0 or 1, because it
    serves one at a time. Needs a descriptor of its own: a queued event would wake a writer."""

    def __init__(self, kernel: Kernel, device: str) -> None:
        """Raises OSError: the module is older, or the device cannot be opened."""
        self._kernel = kernel
        self._count = 0
        self._descriptor = kernel.open(device)
        try:
            wanted = Subscription(type=CLIENT_USAGE, flags=SEND_INITIAL)
            kernel.ioctl(self._descriptor, SUBSCRIBE_EVENT, wanted)
        except OSError:
            kernel.close(self._descriptor)
            raise

    def count(self) -> int | None:
        with suppress(OSError):  # there is no event any more, which is an error to the kernel
            while True:
                event = Event()
                self._kernel.ioctl(self._descriptor, DQEVENT, event)
                if event.type == CLIENT_USAGE:
                    self._count = event.count
        return self._count

    def close(self) -> None:
        self._kernel.close(self._descriptor)


class ModuleUse:
    """v4l2loopback 0.12 tells nothing, but the kernel counts how often a module's devices are open,
    whoever opened them. Without ours and those of its other devices, the readers of this device are
    left, and for a moment whoever only looks at what cameras there are."""

    def __init__(
        self,
        device: str,
        *,
        sysfs: Path = Path("/sys"),
        proc: Path = Path("/proc"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`device` is opened once by this process, neither more nor less."""
        self._device, self._proc, self._clock = device, proc, clock
        self._nodes = sysfs / "class" / "video4linux"
        self._uses_file = sysfs / "module" / "v4l2loopback" / "refcnt"
        self._uses = self._elsewhere = self._told = 0
        self._scanned_at = float("-inf")

    def count(self) -> int | None:
        try:
            uses = self._module_uses()
            if uses <= 1:
                self._told = 0
            elif self._is_known_elsewhere(uses):
                self._told = max(0, uses - 1 - self._elsewhere)
        except (OSError, ValueError):
            return None  # a kernel whose modules cannot be unloaded counts nothing
        return self._told

    def close(self) -> None:
        """Nothing is held."""

    def _module_uses(self) -> int:
        return int(self._uses_file.read_bytes())

    def _is_known_elsewhere(self, uses: int) -> bool:
        """Whether `_elsewhere` belongs to that many uses, after a look where one is due. What is
        opened or closed during a look is in one of both only."""
        now = self._clock()
        age = now - self._scanned_at
        if age < SOON_SECONDS or (age < SCAN_SECONDS and uses == self._uses):
            return True
        self._scanned_at = now
        elsewhere = self._opens_elsewhere()
        if self._module_uses() != uses:
            return False
        self._uses, self._elsewhere = uses, elsewhere
        return True

    def _opens_elsewhere(self) -> int:
        """How often the module's other devices are open. Processes of other users cannot be looked
        into; what they hold is taken for ours, because a camera too many is the lesser evil."""
        others = {f"/dev/{file.parent.name}" for file in self._nodes.glob("video*/max_openers")}
        others.discard(self._device)
        if not others:
            return 0
        opens = 0
        for process in os.scandir(self._proc):
            if process.name.isdigit():
                with suppress(OSError):  # it ended, or is somebody else's
                    folder = f"{process.path}/fd"
                    for name in os.listdir(folder):  # noqa: PTH208 - Path takes half as long again
                        with suppress(OSError):
                            opens += os.readlink(f"{folder}/{name}") in others  # noqa: PTH115
        return opens
