"""What this computer has for computing besides its processor, as far as a glance tells: nothing is
loaded, and whether it works is for the engines to find out."""

from __future__ import annotations

import ctypes.util
import platform
import sys
from enum import Enum, auto
from functools import cache
from pathlib import Path


class Accelerator(Enum):
    """Kinds of devices, by what engines ask for."""

    NVIDIA = auto()
    """A graphics processor with NVIDIA's driver."""
    APPLE = auto()
    """Apple's own chip, with Metal."""
    GRAPHICS = auto()
    """Some graphics processor that programs may compute on."""
    NEURAL = auto()
    """A neural processor."""


@cache
def found(devices: Path = Path("/dev")) -> frozenset[Accelerator]:
    """All that there are."""
    if sys.platform == "darwin":
        return frozenset({Accelerator.APPLE} if platform.machine() == "arm64" else ())
    if sys.platform == "win32":
        # Windows tells of neither kind without its own libraries: engines look themselves.
        there = {Accelerator.GRAPHICS, Accelerator.NEURAL}
        return frozenset(there | _if(Accelerator.NVIDIA, ctypes.util.find_library("nvcuda")))
    return frozenset(
        _if(Accelerator.NVIDIA, (devices / "nvidiactl").exists())
        | _if(Accelerator.GRAPHICS, any(devices.glob("dri/renderD*")))
        | _if(Accelerator.NEURAL, any(devices.glob("accel/accel*")))
    )


def _if(kind: Accelerator, there: object) -> set[Accelerator]:
    return {kind} if there else set()
