"""UnityCapture, the virtual camera of Windows that can be named: where it is registered, and
whether anybody watches it.

All products that are built on it share its class ids and the names of its objects: a slot is one
camera, its class id counts from a base, and a suffix of its number is on its objects' names.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from sharpcam.system.info import NAME
from sharpcam.system.named_objects import NamedObjects
from sharpcam.system.registry import Registry

SLOTS = ord("z") - ord("0")
"""The suffix is one character."""
BASES = {64: 0x10, 32: 0x20}
"""The last byte of the class id of slot 0, for 64-bit and for 32-bit programs."""
CLASS_ID = r"CLSID\{{5C2CD55C-92AD-4999-8666-912BD3E700{:02X}}}"
MEMORY_SECONDS = 1.0
"""A reader asks for a picture at least every 0.2 s, but the writer takes most of the requests."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One camera for programs of one kind."""

    slot: int
    name: str
    """What programs list it as."""
    bits: int
    """64 or 32: which programs list it."""
    file: str
    """The library that they load."""


def class_id(slot: int, bits: int) -> str:
    """The registry key of a slot below HKEY_CLASSES_ROOT."""
    # The number after the base is that of UnityCapture's property page.
    return CLASS_ID.format(BASES[bits] + slot + (slot > 0))


def registrations(registry: Registry) -> list[Registration]:
    """Every UnityCapture camera, whoever registered it."""
    found = []
    for bits in BASES:
        for slot in range(SLOTS):
            key = class_id(slot, bits)
            name = registry.value("HKEY_CLASSES_ROOT", key, bits=bits)
            if isinstance(name, str):
                file = registry.value("HKEY_CLASSES_ROOT", rf"{key}\InprocServer32", bits=bits)
                found.append(Registration(slot, name.strip(), bits, str(file or "")))
    return found


def slot_of(name: str, registry: Registry) -> int | None:
    """The slot that pyvirtualcam (a 64-bit program) writes to for this name."""
    slots = (it.slot for it in registrations(registry) if it.name == name and it.bits == 64)
    return next(slots, None)


class UnityCaptureWatch:
    """Tells whether a program shows the camera. Any one thread; a question takes microseconds."""

    def __init__(
        self,
        slot: int,
        objects: NamedObjects | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.slot = slot
        self._objects = objects or NamedObjects()
        self._clock = clock
        self._suffix = chr(ord("0") + slot) if slot else ""
        self._wanted_at: float | None = None

    @classmethod
    def of(cls, name: str = NAME) -> Self | None:
        """For the camera of this name; None where none is registered."""
        slot = slot_of(name, Registry())
        return None if slot is None else cls(slot)

    def watchers(self) -> int | None:
        """1 while a program asks for pictures (it cannot be told how many do), 0 while none does.

        Ask at least twice a second: the writer answers the same requests, so a single question may
        come too late for one.
        """
        # Readers make the mutex. Writers open it, and make the event of the readers' requests.
        if not self._objects.has_mutex(f"UnityCapture_Mutx{self._suffix}"):
            self._wanted_at = None
            return 0
        wanted = self._objects.take_event(f"UnityCapture_Want{self._suffix}")
        if wanted is None:
            return 1  # a reader waits for a first writer
        now = self._clock()
        if wanted:
            self._wanted_at = now
        return int(self._wanted_at is not None and now - self._wanted_at < MEMORY_SECONDS)
