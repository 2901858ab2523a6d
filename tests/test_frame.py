"""Frame: what its planes are, and which buffers it refuses."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from numpy.typing import NDArray

from sharpcam.frame import Frame


def counting(rows: int, width: int) -> NDArray[np.uint8]:
    """Every pixel another number, as far as 8 bits go."""
    return np.arange(rows * width, dtype=np.uint8).reshape(rows, width)


@pytest.mark.parametrize(("width", "height"), [(2, 2), (8, 4), (8, 6), (6, 8), (1280, 720)])
def test_the_planes_have_their_sizes(width: int, height: int) -> None:
    frame = Frame(np.zeros((height * 3 // 2, width), np.uint8), 0, 0.0)
    assert (frame.width, frame.height) == (width, height)
    assert frame.y.shape == (height, width)
    assert frame.u.shape == frame.v.shape == (height // 2, width // 2)


def test_the_planes_follow_one_another() -> None:
    i420 = counting(6, 8)
    frame = Frame(i420, 0, 0.0)
    planes = [plane.reshape(-1) for plane in (frame.y, frame.u, frame.v)]
    assert np.concatenate(planes).tolist() == list(range(48))


@pytest.mark.parametrize("height", [4, 6])
def test_the_planes_share_memory_with_the_buffer(height: int) -> None:
    i420 = counting(height * 3 // 2, 8)
    frame = Frame(i420, 0, 0.0)
    assert frame.i420 is i420
    for level, plane in enumerate((frame.y, frame.u, frame.v), 200):
        plane[:] = level
    assert [np.count_nonzero(i420 == level) for level in (200, 201, 202)] == [
        *(height * 8, height * 2, height * 2)
    ]


def test_the_time_of_presentation_is_0_where_nothing_is_said() -> None:
    frame = Frame(counting(3, 2), 7, 1.5)
    assert (frame.sequence, frame.captured_at, frame.pts) == (7, 1.5, 0.0)


@pytest.mark.parametrize("shape", [(6, 7), (3, 5), (9, 1), (4, 8), (7, 8), (0, 8), (6, 0)])
def test_odd_and_empty_sizes_are_refused(shape: tuple[int, int]) -> None:
    # 4 and 7 rows are what is left of 3 and 5 rows of luma and half as many of chroma.
    with pytest.raises(ValueError, match="even width and height"):
        Frame(np.zeros(shape, np.uint8), 0, 0.0)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float32, np.bool_])
def test_another_type_of_pixels_is_refused(dtype: type) -> None:
    with pytest.raises(ValueError, match=r"got \w+ \(6, 8\)"):
        Frame(np.zeros((6, 8), dtype), 0, 0.0)


@pytest.mark.parametrize("shape", [(48,), (6, 8, 1), (4, 8, 3)])
def test_another_number_of_dimensions_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected uint8 I420"):
        Frame(np.zeros(shape, np.uint8), 0, 0.0)


@pytest.mark.parametrize(
    "i420",
    [counting(6, 16)[:, :8], counting(6, 16)[:, ::2], counting(8, 6).T, counting(6, 8)[::-1]],
    ids=["part of a wider one", "every other column", "transposed", "upside down"],
)
def test_a_buffer_with_gaps_or_in_another_order_is_refused(i420: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="C-contiguous"):
        Frame(i420, 0, 0.0)


def test_a_frame_cannot_be_changed() -> None:
    frame = Frame(counting(3, 2), 0, 0.0)
    with pytest.raises(FrozenInstanceError):
        frame.sequence = 1  # type: ignore[misc]
