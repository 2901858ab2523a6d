"""ProfileTracker: many estimates, one profile."""

from __future__ import annotations

from sharpcam.profile import CameraProfile
from sharpcam.profile_tracker import ProfileTracker


def test_a_single_odd_estimate_does_not_move_the_profile() -> None:
    tracker = ProfileTracker()
    for _ in range(5):
        steady = tracker.add(CameraProfile.of(1.2, 2.0, 0.3))
    assert tracker.add(CameraProfile.of(3.0, 16.0, 1.2)) is steady


def test_small_changes_keep_the_very_same_profile_and_large_ones_move_it() -> None:
    tracker = ProfileTracker(history=3)
    first = tracker.add(CameraProfile.of(1.20, 2.0, 0.3))
    assert tracker.add(CameraProfile.of(1.22, 2.1, 0.3)) is first
    for _ in range(3):
        moved = tracker.add(CameraProfile.of(1.6, 2.0, 0.3))
    assert moved == CameraProfile.of(1.6, 2.0, 0.3)
    assert len(tracker) == 3
