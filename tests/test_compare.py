"""Before and after in one picture: which side is which, in luma and in colour."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sharpcam.compare import side_by_side, split, zoomed
from sharpcam.frame import Frame

Size = tuple[int, int]
SIZE = (640, 480)
LABELS = 60
"""Rows from the top in which the two words may be, at 480 rows."""


def noise(seed: int, size: Size = SIZE) -> Frame:
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height * 3 // 2, width), dtype=np.uint8)
    return Frame(pixels, 0, 0.0)


def flat(level: int, size: Size = SIZE) -> Frame:
    return Frame(np.full((size[1] * 3 // 2, size[0]), level, np.uint8), 0, 0.0)


def same(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(left, right)


def written(luma: NDArray[np.uint8], level: int) -> bool:
    """Whether something is drawn on a part that had only this grey level."""
    return bool((luma != level).any())


def test_side_by_side_has_before_left_and_after_right_pixel_by_pixel() -> None:
    before, after = noise(1), noise(2)
    result = Frame(side_by_side(before, after), 0, 0.0)
    assert (result.width, result.height) == (1280, 480)
    same(result.y[LABELS:, :639], before.y[LABELS:, :639])
    same(result.y[LABELS:, 641:], after.y[LABELS:, 1:])


def test_side_by_side_keeps_all_colours() -> None:
    before, after = noise(1), noise(2)
    result = Frame(side_by_side(before, after), 0, 0.0)
    same(result.u, np.hstack((before.u, after.u)))
    same(result.v, np.hstack((before.v, after.v)))


@pytest.mark.parametrize("at", [0.25, 0.5, 0.7, 0.999])
def test_split_shows_before_left_and_after_right_of_the_line(at: float) -> None:
    before, after = noise(1), noise(2)
    result = Frame(split(before, after, at), 0, 0.0)
    assert (result.width, result.height) == SIZE
    column = round(at * 320) * 2
    same(result.y[LABELS:, : column - 1], before.y[LABELS:, : column - 1])
    same(result.y[LABELS:, column + 1 :], after.y[LABELS:, column + 1 :])
    assert (result.y[:, column - 1 : column + 1] == 235).all()


@pytest.mark.parametrize("at", [0.0, 0.25, 0.5, 0.7, 1.0])
def test_split_splits_colour_at_the_same_place(at: float) -> None:
    before, after = noise(1), noise(2)
    result = Frame(split(before, after, at), 0, 0.0)
    half = round(at * 320)
    same(result.u, np.hstack((before.u[:, :half], after.u[:, half:])))
    same(result.v, np.hstack((before.v[:, :half], after.v[:, half:])))


@pytest.mark.parametrize("at", [0.0, -1.0])
def test_split_at_the_left_edge_shows_only_after(at: float) -> None:
    after = noise(2)
    result = Frame(split(noise(1), after, at), 0, 0.0)
    same(result.y[LABELS:, 1:], after.y[LABELS:, 1:])
    assert (result.y[:, 0] == 235).all()


@pytest.mark.parametrize("at", [1.0, 2.0])
def test_split_at_the_right_edge_shows_only_before(at: float) -> None:
    before = noise(1)
    result = Frame(split(before, noise(2), at), 0, 0.0)
    same(result.y[LABELS:, :-1], before.y[LABELS:, :-1])
    assert (result.y[:, -1] == 235).all()


def test_each_side_has_its_word() -> None:
    luma = Frame(split(flat(80), flat(160), 0.5), 0, 0.0).y
    assert written(luma[:LABELS, :319], 80)
    assert written(luma[:LABELS, 321:], 160)
    assert not written(luma[LABELS:, :319], 80)
    assert not written(luma[LABELS:, 321:], 160)


@pytest.mark.parametrize("at", [0.05, 0.95])
def test_a_side_too_narrow_for_its_word_has_none(at: float) -> None:
    luma = Frame(split(flat(80), flat(160), at), 0, 0.0).y
    column = round(at * 320) * 2
    assert written(luma[:, : column - 1], 80) == (at > 0.5)
    assert written(luma[:, column + 1 :], 160) == (at < 0.5)


@pytest.mark.parametrize("at", [0.3, 0.5, 0.8])
def test_no_word_reaches_over_the_line(at: float) -> None:
    luma = Frame(split(flat(80), flat(80), at), 0, 0.0).y
    column = round(at * 320) * 2
    for beside in (luma[:, column - 3 : column - 1], luma[:, column + 1 : column + 3]):
        assert not written(beside, 80)


def test_the_outline_of_a_word_lies_closely_around_it() -> None:
    luma = Frame(split(flat(120), flat(120), 1.0), 0, 0.0).y[:, :638]  # "before" alone
    inside, outline = (np.flatnonzero(mask.any(0)) for mask in (luma > 160, luma < 80))
    assert len(inside) > 30
    assert 0 <= inside[0] - outline[0] <= 2
    assert 0 <= outline[-1] - inside[-1] <= 2


@pytest.mark.parametrize("size", [(2, 2), (16, 16), (2, 480), (640, 2), (30, 18), (64, 2000)])
def test_tiny_and_odd_pictures_do_not_fail(size: Size) -> None:
    before, after = noise(1, size), noise(2, size)
    wide = Frame(side_by_side(before, after), 0, 0.0)
    assert (wide.width, wide.height) == (2 * size[0], size[1])
    same(wide.u, np.hstack((before.u, after.u)))
    for at in (0.0, 0.3, 0.5, 1.0):
        result = Frame(split(before, after, at), 0, 0.0)
        assert (result.width, result.height) == size


def test_the_given_frames_are_left_alone() -> None:
    before, after = noise(1), noise(2)
    kept = before.i420.copy(), after.i420.copy()
    for at in (0.0, 0.5, 1.0):
        split(before, after, at)
    side_by_side(before, after)
    same(before.i420, kept[0])
    same(after.i420, kept[1])


def test_zoom_shows_a_quarter_at_twice_its_size_where_the_mouse_is() -> None:
    i420 = np.arange(24 * 32, dtype=np.uint16).astype(np.uint8).reshape(24, 32)
    frame = Frame(np.ascontiguousarray(i420), 3, 1.0)
    for x, y, top, left in ((0, 0, 0, 0), (1, 1, 8, 16), (0.5, 0.5, 4, 8), (-1, 9, 8, 0)):
        near = zoomed(frame, x, y)
        assert near.sequence == 3
        assert np.array_equal(near.y[::2, ::2], frame.y[top : top + 8, left : left + 16])
        assert np.array_equal(near.y[1::2, 1::2], near.y[::2, ::2])
        part = frame.u[top // 2 : top // 2 + 4, left // 2 : left // 2 + 8]
        assert np.array_equal(near.u[::2, ::2], part)


def test_zoom_takes_every_size() -> None:
    for width, height in ((2, 2), (4, 2), (6, 6), (10, 14)):
        frame = Frame(np.zeros((height * 3 // 2, width), np.uint8), 0, 0.0)
        assert zoomed(frame, 0.9, 0.9).i420.shape == frame.i420.shape
