"""What is large and freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from sharpcam.session import memory

LARGE = """
import sys
import numpy as np
from sharpcam.session.memory import give_back_large
from sharpcam.session.usage import memory_mb

if "told" in sys.argv:
    give_back_large()
np.ones(30_000_000, np.uint8)  # freed: from now on glibc takes such sizes from its heap
before = memory_mb()
large = np.ones(20_000_000, np.uint8)
small = np.ones(5_000, np.uint8)  # above it, so that the heap cannot shrink
del large
print(memory_mb() - before)
"""


def left_over(*arguments: str) -> float:
    """Millions of bytes that stay with a process after it has freed twenty of them."""
    command = [sys.executable, "-c", LARGE, *arguments]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's habit")
def test_what_is_large_and_freed_goes_back() -> None:
    if left_over() < 15:
        pytest.skip("this allocator gives it back by itself")
    assert left_over("told") < 5


SMALL = """
import sys
import numpy as np
from sharpcam.session.memory import give_back_now
from sharpcam.session.usage import memory_mb

before = memory_mb()
many = [np.ones(60_000, np.uint8) for _ in range(400)]
many = many[::8]  # what is left keeps the heap from shrinking
if "told" in sys.argv:
    give_back_now()
print(memory_mb() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's habit")
def test_what_small_things_left_goes_back_when_told() -> None:
    def left(*arguments: str) -> float:
        command = [sys.executable, "-c", SMALL, *arguments]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    if left() < 15:
        pytest.skip("this allocator gives it back by itself")
    assert left("told") < 8


def test_an_allocator_without_the_knob_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace())
    memory.give_back_large()
    memory.give_back_now()
