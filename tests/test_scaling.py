"""Sizes, scaling and bars: aspect ratios, even offsets, and colours where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sharpcam.frame import Frame
from sharpcam.scaling import fit, inside, letterboxed_i420, scaled, scaled_i420

Size = tuple[int, int]
SIZES = [(640, 480), (480, 640), (1280, 720), (426, 240), (2, 2), (2, 480), (640, 2)]


def flat(size: Size, y: int = 120, u: int = 90, v: int = 200) -> NDArray[np.uint8]:
    """A picture of one colour: I420."""
    width, height = size
    i420 = np.empty((height * 3 // 2, width), np.uint8)
    frame = Frame(i420, 0, 0.0)
    frame.y[:], frame.u[:], frame.v[:] = y, u, v
    return i420


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, width and height of the rectangle of true values, which must be a full one."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    left, top = int(columns[0]), int(rows[0])
    width, height = len(columns), len(rows)
    assert mask[top : top + height, left : left + width].all()
    assert np.count_nonzero(mask) == width * height
    return left, top, width, height


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("box", [(640, 480), (1280, 720), (720, 1280), (16, 16)])
def test_inside_fills_one_side_and_stays_within_the_other(size: Size, box: Size) -> None:
    width, height = inside(size, box, even=True)
    assert 2 <= width <= box[0]
    assert 2 <= height <= box[1]
    assert width == box[0] or height == box[1]
    assert width % 2 == height % 2 == 0


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (333, 1000)])
def test_inside_keeps_the_aspect_ratio_to_a_pixel(size: Size) -> None:
    width, height = inside(size, (1920, 1080))
    assert abs(width - height * size[0] / size[1]) <= 1


def test_nothing_becomes_smaller_than_a_pixel() -> None:
    assert inside((1000, 1), (10, 10)) == (10, 1)
    assert inside((1000, 2), (10, 10), even=True) == (10, 2)


def test_fit_never_makes_smaller_and_inside_does() -> None:
    assert fit((640, 480), (320, 320)) == (640, 480)
    assert inside((640, 480), (320, 320)) == (320, 240)


def test_scaling_to_the_same_size_is_the_same_array() -> None:
    pixels, i420 = np.zeros((4, 6, 3), np.uint8), flat((6, 4))
    assert scaled(pixels, (6, 4)) is pixels
    assert scaled_i420(i420, (6, 4)) is i420
    assert letterboxed_i420(i420, (6, 4)) is i420


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (4, 6, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_scaling_keeps_the_kind_of_picture(shape: tuple[int, ...], dtype: type) -> None:
    result = scaled(np.full(shape, 100, dtype), (9, 5))
    assert result.shape == (5, 9, *shape[2:])
    assert result.dtype == dtype
    assert np.unique(result).tolist() == [100]


@pytest.mark.parametrize("size", [(2, 2), (640, 480), (30, 100)])
def test_a_flat_frame_stays_flat_at_any_size(size: Size) -> None:
    np.testing.assert_array_equal(scaled_i420(flat((64, 48)), size), flat(size))


@pytest.mark.parametrize("old", SIZES)
@pytest.mark.parametrize("new", [(640, 480), (1280, 720), (64, 200), (18, 14)])
def test_bars_are_black_and_the_picture_is_whole_in_the_middle(old: Size, new: Size) -> None:
    result = letterboxed_i420(flat(old), new)
    assert result.shape == (new[1] * 3 // 2, new[0])
    frame = Frame(result, 0, 0.0)
    left, top, width, height = box = box_of(frame.y == 120)
    assert (width, height) == inside(old, new, even=True)
    assert (left % 2, top % 2) == (0, 0)
    assert abs(new[0] - width - 2 * left) <= 2
    assert abs(new[1] - height - 2 * top) <= 2
    assert np.unique(frame.y[frame.y != 120]).tolist() in ([], [16])
    for plane, level in ((frame.u, 90), (frame.v, 200)):
        assert box_of(plane == level) == tuple(side // 2 for side in box)
        assert np.unique(plane[plane != level]).tolist() in ([], [128])


def test_a_picture_as_wide_as_the_box_has_bars_above_and_below_only() -> None:
    frame = Frame(letterboxed_i420(flat((640, 360)), (640, 480)), 0, 0.0)
    assert box_of(frame.y == 120) == (0, 60, 640, 360)


def test_a_picture_as_high_as_the_box_has_bars_left_and_right_only() -> None:
    frame = Frame(letterboxed_i420(flat((480, 480)), (640, 480)), 0, 0.0)
    assert box_of(frame.y == 120) == (80, 0, 480, 480)


def test_colour_and_luma_stay_in_step() -> None:
    """An edge in colour must lie where the edge in luma lies, bars or not."""
    old = flat((32, 32), y=60, u=60, v=60)
    frame = Frame(old, 0, 0.0)
    frame.y[:, 16:], frame.u[:, 8:], frame.v[:, 8:] = 180, 180, 180
    new = Frame(letterboxed_i420(old, (128, 64)), 0, 0.0)
    luma_edge = int(np.flatnonzero(new.y[32] > 120)[0])
    for plane in (new.u, new.v):
        row = plane[16, 16:48]  # without the bars, whose grey is 128
        assert 16 + int(np.flatnonzero(row > 120)[0]) == luma_edge // 2


def test_the_given_frame_is_left_alone() -> None:
    old = flat((32, 16))
    before = old.copy()
    letterboxed_i420(old, (64, 64))
    np.testing.assert_array_equal(old, before)
