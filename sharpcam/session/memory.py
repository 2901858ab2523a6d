"""How this process gives memory back that it needs no more."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE_BYTES = 7 << 20
"""Above a picture of 1080p as OpenCV delivers it (6.2 million), made anew for every frame; below
what the network works in at 720p (7.4 million) and what the standby picture is drawn in."""
HEAPS = 2
"""That threads share; with one for each of them, what all keep free adds up to ten million."""
SPARE_BYTES = 16 << 20
"""So much may stay with a heap after it was freed: frames shall not go to the kernel and back."""


def give_back_large() -> None:
    """What is large and freed goes back to the system at once, from now on.

    glibc raises its limits by itself up to 32 MiB for what was large once, and keeps that in the
    heap of each thread: 40 MB after the first standby picture. Other allocators have no such habit,
    or no such knob.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt:
        mallopt(M_ARENA_MAX, HEAPS)
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, SPARE_BYTES)


def give_back_now() -> None:
    """What small things left free among others goes back, too; takes a few milliseconds, in which
    other threads may wait for memory."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:
            trim(0)
