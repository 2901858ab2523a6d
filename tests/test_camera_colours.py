"""CameraSource's pictures as I420: what becomes of their colours, grey ones and odd sizes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sharpcam.camera import to_i420


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


@pytest.mark.parametrize(
    ("colour", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((0, 0, 255), (81, 90, 240)),
        ((0, 255, 0), (145, 54, 34)),
        ((255, 0, 0), (41, 240, 110)),
    ],
)
def test_colours_are_those_of_bt601(
    colour: tuple[int, int, int], yuv: tuple[int, int, int]
) -> None:
    i420 = to_i420(np.full((4, 6, 3), colour, np.uint8))
    assert i420.shape == (6, 6)
    planes = i420[:4], i420[4:5], i420[5:]
    for plane, level in zip(planes, yuv, strict=True):
        assert np.abs(plane.astype(int) - level).max() <= 1


def test_opencv_turns_it_back_into_the_same_picture() -> None:
    ramp = np.linspace(20, 230, 64, dtype=np.uint8)
    pixels = np.stack([np.tile(ramp, (48, 1)), np.full((48, 64), 90), np.full((48, 64), 140)], -1)
    back = cv2.cvtColor(to_i420(pixels.astype(np.uint8)), cv2.COLOR_YUV2BGR_I420)
    assert np.abs(back.astype(int) - pixels).max() <= 6  # two columns share their colour
