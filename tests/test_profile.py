"""CameraProfile: seventeen numbers for the network, four for people."""

from __future__ import annotations

import numpy as np
import pytest

from sharpcam.errors import SharpCamError
from sharpcam.profile import CameraProfile


def test_a_profile_out_of_bounds_is_refused_and_clipped_on_request() -> None:
    with pytest.raises(ValueError, match="blur_px: expected 0"):
        CameraProfile.of(9, 0)
    with pytest.raises(ValueError, match="noise"):
        CameraProfile.of(1, float("nan"))
    with pytest.raises(ValueError, match="out of bounds"):
        CameraProfile(smear=1.5)
    beyond = CameraProfile.from_array(np.full(17, 99.0))
    np.testing.assert_array_equal(beyond.as_array(), CameraProfile.HIGH)


@pytest.mark.parametrize("values", [np.zeros(4), np.full(17, np.nan), np.zeros((4, 4))])
def test_what_are_not_seventeen_numbers_is_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected 17 numbers"):
        CameraProfile.from_array(values)


def test_a_perfect_camera_is_all_zero_for_people() -> None:
    assert CameraProfile().in_short == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("faults", [(1.1, 0.7, 0.2, 0.0), (0.3, 4.0, 1.2, 0.8), (2.9, 0, 0, 2)])
def test_an_ordinary_camera_has_the_faults_that_it_was_made_of(faults: tuple[float, ...]) -> None:
    np.testing.assert_allclose(CameraProfile.of(*faults).in_short, faults, atol=0.02)


def test_numbers_survive_the_way_to_the_network_and_back() -> None:
    profile = CameraProfile.of(1.3, 2.0, 0.3, 0.5)
    again = CameraProfile.from_array(profile.as_array())
    np.testing.assert_array_equal(again.as_array(), profile.as_array())


def test_a_wider_blur_is_wider_for_people_too_and_leaves_the_rest() -> None:
    soft = CameraProfile.of(1.0, 2.0, 0.3, 0.5)
    softer = soft.with_blur(1.5)
    assert softer.blur_px == pytest.approx(1.5, abs=0.02)
    assert (softer.boost, softer.noise, softer.codecs) == (soft.boost, soft.noise, soft.codecs)
    np.testing.assert_allclose(soft.with_blur(1).as_array(), soft.as_array(), rtol=1e-6)


def test_parse_reads_three_or_four_numbers_as_the_command_line_has_them() -> None:
    assert CameraProfile.parse("1.2,2,0.3") == CameraProfile.of(1.2, 2.0, 0.3)
    assert CameraProfile.parse("1.2,2,0.3,0.5") == CameraProfile.of(1.2, 2.0, 0.3, 0.5)


@pytest.mark.parametrize(
    "text", ["", "soft", "1,2", "1,2,1,4", "1,2,1,1,1", "1,2,x", "99,0,0", "nan,0,0"]
)
def test_parse_refuses_with_a_hint(text: str) -> None:
    with pytest.raises(SharpCamError, match="not a camera profile") as caught:
        CameraProfile.parse(text)
    assert "BLUR,NOISE,COMPRESSION" in caught.value.hint
