"""Coring: lone small changes are left out, everything at an edge is kept."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sharpcam.coring import SMALL, cored

Y = np.full((9, 11), 100, np.uint8)


def changed(*changes: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Y with (row, column, grey levels) added."""
    sharp = Y.astype(int)
    for row, column, by in changes:
        sharp[row, column] += by
    return sharp.astype(np.uint8)


@pytest.mark.parametrize("by", [-SMALL, SMALL])
def test_a_lone_small_change_is_left_out(by: int) -> None:
    np.testing.assert_array_equal(cored(changed((4, 5, by), (4, 6, by), (0, 0, by)), Y), Y)


@pytest.mark.parametrize("by", [-100, -SMALL - 1, SMALL + 1, 155])
def test_a_larger_change_keeps_what_its_neighbours_change_by(by: int) -> None:
    sharp = changed((4, 5, by), (3, 4, 1), (5, 5, -1), (4, 7, 1))
    np.testing.assert_array_equal(cored(sharp, Y), changed((4, 5, by), (3, 4, 1), (5, 5, -1)))


def test_the_least_picture_has_no_neighbours() -> None:
    black = np.zeros((1, 1), np.uint8)
    assert cored(black + np.uint8(1), black) == 0
    assert cored(black + np.uint8(2), black) == 2


@pytest.mark.parametrize("size", [(1, 40), (33, 1), (64, 48), (271, 483)])
def test_the_rule_holds_for_every_pixel_of_any_size(size: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    y = generator.integers(0, 256, size, np.uint8)
    by = np.where(generator.random(size) < 0.1, 3, generator.integers(-1, 2, size))
    sharp = np.clip(y + by, 0, 255).astype(np.uint8)
    apart = np.pad(np.abs(sharp.astype(int) - y), 1)
    height, width = size
    around = [apart[r : r + height, c : c + width] for r in range(3) for c in range(3)]
    expected = np.where(np.max(around, axis=0) > SMALL, sharp, y)
    np.testing.assert_array_equal(cored(sharp, y), expected)


def test_views_serve_and_nothing_is_changed() -> None:
    whole = np.random.default_rng(1).integers(0, 256, (20, 30), np.uint8)
    y = whole[::2, 3:21]
    sharp = cv2.add(np.ascontiguousarray(y), 1)
    before = whole.copy(), sharp.copy()
    made = cored(sharp, y)
    np.testing.assert_array_equal(made, y)
    assert not np.shares_memory(made, whole)
    assert not np.shares_memory(made, sharp)
    np.testing.assert_array_equal(whole, before[0])
    np.testing.assert_array_equal(sharp, before[1])
