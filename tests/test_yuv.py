"""Pixels to I420: colours, ranges, subsampling, grey ones and odd sizes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from sharpcam.yuv import (
    Plane,
    Planes,
    from_bgr,
    from_nv12,
    from_planes,
    from_uyvy,
    from_yuyv,
    i420_shape,
    parts,
)

COLOURS = [
    ((0, 0, 0), (16, 128, 128)),
    ((255, 255, 255), (235, 128, 128)),
    ((0, 0, 255), (81, 90, 240)),
    ((0, 255, 0), (145, 54, 34)),
    ((255, 0, 0), (41, 240, 110)),
]
"""BGR, and what BT.601 makes of it."""


def room(height: int, width: int) -> Plane:
    """For a picture of that size, with something in it that must be gone afterwards."""
    return np.full(i420_shape(height, width), 77, np.uint8)


def to_i420(picture: Plane) -> Plane:
    return from_bgr(picture, room(*picture.shape[:2]))


def is_about(i420: Plane, levels: tuple[int, int, int], within: int = 1) -> bool:
    return all(
        np.abs(plane.astype(int) - level).max() <= within
        for plane, level in zip(parts(i420), levels, strict=True)
    )


def noise(*shape: int) -> Plane:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, np.uint8)


def test_grey_pictures_have_no_colour() -> None:
    i420 = to_i420(np.full((48, 64), 100, np.uint8))
    assert np.unique(i420[:48]).tolist() == [round(16 + 100 * 219 / 255)]
    assert np.unique(i420[48:]).tolist() == [128]


@pytest.mark.parametrize("shape", [(49, 65, 3), (49, 65), (48, 65, 3), (49, 64)])
def test_an_odd_side_loses_its_last_column_or_row(shape: tuple[int, ...]) -> None:
    pixels = np.full(shape, 100, np.uint8)
    pixels[48:] = pixels[:, 64:] = 255
    i420 = to_i420(pixels)
    assert i420.shape == (72, 64)
    np.testing.assert_array_equal(i420, to_i420(pixels[:48, :64]))
    assert i420.max() < 180


@pytest.mark.parametrize(("colour", "yuv"), COLOURS)
def test_colours_are_those_of_bt601(
    colour: tuple[int, int, int], yuv: tuple[int, int, int]
) -> None:
    i420 = to_i420(np.full((4, 6, 3), colour, np.uint8))
    assert i420.shape == (6, 6)
    assert is_about(i420, yuv)


def test_opencv_turns_it_back_into_the_same_picture() -> None:
    ramp = np.linspace(20, 230, 64, dtype=np.uint8)
    pixels = np.stack([np.tile(ramp, (48, 1)), np.full((48, 64), 90), np.full((48, 64), 140)], -1)
    back = cv2.cvtColor(to_i420(pixels.astype(np.uint8)), cv2.COLOR_YUV2BGR_I420)
    assert np.abs(back.astype(int) - pixels).max() <= 6  # two columns share their colour


def in_words(yuv: tuple[int, int, int], order: str, height: int, width: int) -> Plane:
    """One colour, packed in `order`."""
    levels = dict(zip("YUV", yuv, strict=True))
    four = np.array([levels[letter] for letter in order], np.uint8)
    return np.tile(four, (height, width // 2)).reshape(height, width, 2)


@pytest.mark.parametrize(("convert", "order"), [(from_yuyv, "YUYV"), (from_uyvy, "UYVY")])
def test_packed_pixels_are_taken_as_they_are(
    convert: Callable[[Plane, Plane], Plane], order: str
) -> None:
    for _, yuv in COLOURS:
        i420 = convert(in_words(yuv, order, 48, 64), room(48, 64))
        assert is_about(i420, yuv, within=0)
    sent = noise(48, 64, 2)
    y, u, v = parts(convert(sent, room(48, 64)))
    at = order.index("Y")
    np.testing.assert_array_equal(y, sent[:, :, at])
    for plane, chroma in ((u, sent[:, 0::2, 1 - at]), (v, sent[:, 1::2, 1 - at])):
        mean = chroma.reshape(24, 2, 32).mean(axis=1)
        assert np.abs(plane - mean).max() <= 0.5  # of the two rows that share it


@pytest.mark.parametrize("convert", [from_yuyv, from_uyvy])
def test_packed_pixels_of_an_odd_height_lose_their_last_row(
    convert: Callable[[Plane, Plane], Plane],
) -> None:
    sent = noise(49, 64, 2)
    whole = convert(sent, room(49, 64))
    np.testing.assert_array_equal(whole, convert(sent[:48].copy(), room(48, 64)))


def test_nv12_has_its_chroma_taken_apart() -> None:
    sent = noise(72, 64)
    y, u, v = parts(from_nv12(sent, room(48, 64)))
    np.testing.assert_array_equal(y, sent[:48])
    np.testing.assert_array_equal(u, sent[48:, 0::2])
    np.testing.assert_array_equal(v, sent[48:, 1::2])


@pytest.mark.parametrize(
    "chroma_shape", [(24, 32), (48, 32), (48, 64), (24, 64), (48, 16)], ids=str
)
def test_planes_of_every_subsampling_keep_their_colour(chroma_shape: tuple[int, int]) -> None:
    y = noise(48, 64)
    for level in (0, 90, 128, 255):
        chroma = np.full(chroma_shape, level, np.uint8), np.full(chroma_shape, 50, np.uint8)
        as_is, u, v = parts(from_planes(Planes(y, chroma, full_range=False), room(48, 64)))
        np.testing.assert_array_equal(as_is, y)
        assert np.unique(u).tolist() == [level]
        assert np.unique(v).tolist() == [50]


def test_the_full_range_becomes_the_limited_one() -> None:
    steps = np.arange(256, dtype=np.uint8)
    y = np.tile(steps, (4, 1))
    chroma = np.tile(steps[::2], (2, 1)), np.tile(steps[1::2], (2, 1))
    luma, u, v = parts(from_planes(Planes(y, chroma, full_range=True), room(4, 256)))
    assert (luma[0, 0], luma[0, 255], v[0, 127]) == (16, 235, 240)
    assert np.abs(luma - (16 + y * (219 / 255))).max() <= 0.5
    for plane, source in ((u, chroma[0]), (v, chroma[1])):
        assert np.abs(plane - (128 + (source.astype(float) - 128) * (224 / 255))).max() <= 0.5


@pytest.mark.parametrize("right", [1, 2])
def test_finer_chroma_is_averaged_over_the_pixels_that_share_it(right: int) -> None:
    fine = noise(48, 64 // right)
    planes = Planes(noise(48, 64), (fine, fine), full_range=False)
    _, u, v = parts(from_planes(planes, room(48, 64)))
    mean = fine.reshape(24, 2, 32, -1).mean(axis=(1, 3))
    assert np.abs(u - mean).max() <= 0.5
    np.testing.assert_array_equal(u, v)


def test_padding_beside_the_picture_is_not_shown() -> None:
    y, u, v = noise(56, 80), noise(28, 40), noise(28, 40)
    padded = Planes(y[:49, :65], (u[:25, :33], v[:25, :33]), full_range=False)
    i420 = from_planes(padded, room(49, 65))
    for plane, source in zip(parts(i420), (y, u, v), strict=True):
        np.testing.assert_array_equal(plane, source[: plane.shape[0], : plane.shape[1]])
