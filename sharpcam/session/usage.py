"""What this process takes of the computer."""

from __future__ import annotations

import time


def age_seconds() -> float:
    """Since the process was started."""
    import psutil

    return time.time() - float(psutil.Process().create_time())


def memory_mb() -> float:
    """Resident memory, in millions of bytes."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6
