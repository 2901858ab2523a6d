from __future__ import annotations

import cv2
import numpy as np
import pytest
from numbered import draw, picture, read, scene

NUMBERS = (0, 1, 255, 4660, 65535)


@pytest.mark.parametrize("size", [(320, 240), (320, 180), (640, 480)])
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_read_back(size: tuple[int, int], number: int) -> None:
    luma = picture(number, scene(*size))[: size[1]]
    assert read(luma) == number
    smaller = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), None, 0, 0, cv2.INTER_AREA)
    assert read(smaller) == number
    _, jpeg = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, 20])
    assert read(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)) == number


def test_a_picture_without_a_number_has_none() -> None:
    assert read(scene(320, 240)[:240]) is None
    noise = np.random.default_rng(1).integers(0, 256, (240, 320), dtype=np.uint8)
    assert read(noise) is None


def test_a_torn_number_is_none() -> None:
    luma = picture(0x1234, scene(320, 240))[:240]
    other = picture(0x9235, scene(320, 240))[:240]
    luma[:, 170:] = other[:, 170:]
    assert read(luma) is None


def test_numbers_beyond_sixteen_bits_begin_again() -> None:
    luma = np.zeros((240, 320), np.uint8)
    draw(luma, 65536 + 7)
    assert read(luma) == 7
