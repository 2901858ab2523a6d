"""CameraProfile and how it is followed over time."""

from __future__ import annotations

import numpy as np
import pytest

from sharpcam.errors import SharpCamError
from sharpcam.profile import CameraProfile, ProfileTracker


def test_a_profile_out_of_bounds_is_refused_and_clipped_on_request() -> None:
    with pytest.raises(ValueError, match="blur_px: expected 0"):
        CameraProfile(blur_px=9)
    with pytest.raises(ValueError, match="noise"):
        CameraProfile(noise=float("nan"))
    assert CameraProfile.clipped(9, -1, 0.5) == CameraProfile(3.0, 0.0, 0.5)


def test_parse_reads_three_or_four_numbers_as_the_command_line_has_them() -> None:
    assert CameraProfile.parse("1.2,2,0.3") == CameraProfile(1.2, 2.0, 0.3)
    assert CameraProfile.parse("1.2,2,0.3,0.5") == CameraProfile(1.2, 2.0, 0.3, 0.5)
    np.testing.assert_allclose(CameraProfile.parse("1.2,2,0.3").as_array(), [1.2, 2.0, 0.3, 0])


@pytest.mark.parametrize(
    "text", ["", "soft", "1,2", "1,2,1,4", "1,2,1,1,1", "1,2,x", "99,0,0", "nan,0,0"]
)
def test_parse_refuses_with_a_hint(text: str) -> None:
    with pytest.raises(SharpCamError, match="not a camera profile") as caught:
        CameraProfile.parse(text)
    assert "BLUR,NOISE,COMPRESSION" in caught.value.hint


def test_a_single_odd_estimate_does_not_move_the_profile() -> None:
    tracker = ProfileTracker()
    for _ in range(5):
        steady = tracker.add(CameraProfile(1.2, 2.0, 0.3))
    assert tracker.add(CameraProfile(3.0, 16.0, 1.2)) is steady


def test_small_changes_keep_the_very_same_profile_and_large_ones_move_it() -> None:
    tracker = ProfileTracker(history=3)
    first = tracker.add(CameraProfile(1.20, 2.0, 0.3))
    assert tracker.add(CameraProfile(1.22, 2.1, 0.3)) is first
    for _ in range(3):
        moved = tracker.add(CameraProfile(1.6, 2.0, 0.3))
    assert moved == CameraProfile(1.6, 2.0, 0.3)
    assert len(tracker) == 3
