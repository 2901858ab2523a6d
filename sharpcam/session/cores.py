"""How much of the processor there is for this process."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Cores of the processor that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
