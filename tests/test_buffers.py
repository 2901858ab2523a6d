"""Arrays that are used again: never while anybody can still see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sharpcam.buffers import MOST, Buffers
from sharpcam.frame import Frame
from sharpcam.yuv import Plane

SHAPE = 24, 32


def test_an_array_is_used_again_once_nobody_refers_to_it() -> None:
    buffers = Buffers()
    first = buffers.take(SHAPE)
    place = first.ctypes.data
    assert buffers.take(SHAPE).ctypes.data != place
    del first
    assert buffers.take(SHAPE).ctypes.data == place


@pytest.mark.parametrize(
    "hold",
    [
        lambda array: [array],
        lambda array: Frame(array, 0, 0.0).v,
        lambda array: array[3:, ::2].reshape(3, -1)[2:],
        lambda array: memoryview(array),
        lambda array: np.frombuffer(memoryview(array), np.uint8),
    ],
)
def test_whoever_holds_a_part_keeps_the_array(hold: Callable[[Plane], Any]) -> None:
    buffers = Buffers()
    array = buffers.take(SHAPE)
    array[:] = 7
    held = hold(array)
    del array
    for _ in range(3):
        buffers.take(SHAPE)[:] = 9
    assert (np.asarray(held) == 7).all()


def test_pictures_in_use_are_never_changed() -> None:
    buffers, used = Buffers(), []
    for number in range(2 * MOST):
        array = buffers.take(SHAPE)
        array[:] = number
        used.append(array)
    assert [int(array[0, 0]) for array in used] == list(range(2 * MOST))
    assert all((array == array[0, 0]).all() for array in used)


def test_another_shape_begins_anew() -> None:
    buffers = Buffers()
    first = buffers.take(SHAPE)
    assert buffers.take((6, 8)).shape == (6, 8)
    assert first.shape == SHAPE
    assert buffers.take(SHAPE).shape == SHAPE


def test_a_run_of_pictures_needs_few_arrays() -> None:
    buffers = Buffers()
    places = set()
    shown = buffers.take(SHAPE)
    for _ in range(100):
        shown = buffers.take(SHAPE)
        places.add(shown.ctypes.data)
    assert len(places) == 2
