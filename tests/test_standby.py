from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sharpcam.frame import Frame
from sharpcam.standby import standby_picture

SIZES = [(320, 240), (640, 480), (1280, 720), (1920, 1080), (720, 1280)]
BRIGHT = 90
"""Luma of no background."""


def ink(i420: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where something is written: bool [H, W]."""
    return np.asarray(i420[: len(i420) * 2 // 3] > BRIGHT)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_a_frame_of_the_size_asked_for_calm_and_dark_but_not_black(
    size: tuple[int, int],
) -> None:
    frame = Frame(standby_picture(size, "Paused"), 0, 0.0)
    assert (frame.width, frame.height) == size
    background = frame.y[~ink(frame.i420)]
    assert background.min() > 25
    assert np.median(background) < 60
    assert frame.y.max() <= 235
    assert np.abs(frame.u.astype(int) - 128).mean() < 10


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "reason", ["Paused", "Camera unplugged: Logitech HD Pro Webcam C920", "x" * 300, "wide " * 60]
)
def test_what_is_written_stays_clear_of_the_edges(size: tuple[int, int], reason: str) -> None:
    written = ink(standby_picture(size, reason))
    margin = round(size[0] * 0.06), round(size[1] * 0.06)
    inner = written[margin[1] : -margin[1], margin[0] : -margin[0]]
    assert inner.sum() == written.sum() > 0


@pytest.mark.parametrize("size", SIZES)
def test_it_is_in_the_middle(size: tuple[int, int]) -> None:
    rows, columns = np.nonzero(ink(standby_picture(size, "Paused")))
    assert (columns.min() + columns.max()) / 2 == pytest.approx(size[0] / 2, abs=size[0] * 0.01)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(size[1] / 2, abs=size[1] * 0.05)


def test_every_reason_has_a_picture_of_its_own_and_it_is_made_once() -> None:
    paused = standby_picture((320, 240), "Paused")
    assert not np.array_equal(paused, standby_picture((320, 240), "Starting"))
    assert standby_picture((320, 240), "Paused") is paused
    with pytest.raises(ValueError, match="read-only"):
        paused[0, 0] = 0


def test_letters_that_the_font_lacks_lose_their_accents_or_are_left_out() -> None:
    def words(text: str) -> NDArray[np.uint8]:
        return standby_picture((640, 480), text)

    plain = words("Camera unplugged: Camera Integree")
    np.testing.assert_array_equal(words("Caméra unplugged: Caméra\n Intégrée"), plain)
    np.testing.assert_array_equal(words("Camera unplugged: 摄像头"), words("Camera unplugged:"))
    assert ink(words("摄像头")).sum() == ink(words("")).sum() > 0


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (7680, 16), (16, 4320)])
def test_the_smallest_and_oddest_sizes_have_one_too(size: tuple[int, int]) -> None:
    assert standby_picture(size, "Camera unplugged: Acme").shape == (size[1] * 3 // 2, size[0])
