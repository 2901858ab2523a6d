"""What SharpCam is measured against does what its name says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.baselines import (
    Picture,
    least_squares_filter,
    oracle_rcas,
    oracle_unsharp,
    rcas,
)
from training.data import load_luma, photographs
from training.degrade import Camera, degrade, to_uint8
from training.metrics import psnr


@pytest.fixture(scope="module")
def picture(few_photographs: Path) -> Picture:
    return to_uint8(load_luma(photographs(few_photographs, "train")[0], 0.5))


def test_oracles_leave_alone_what_needs_nothing(picture: Picture) -> None:
    np.testing.assert_array_equal(oracle_unsharp([picture], [picture])(picture), picture)
    assert psnr(oracle_rcas([picture], [picture])(picture), picture) > 30  # it cannot do nothing


def test_oracles_sharpen_what_is_soft(picture: Picture) -> None:
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    for oracle in (oracle_unsharp, oracle_rcas):
        sharpen = oracle([soft], [picture])
        assert psnr(sharpen(soft), picture) > psnr(soft, picture) + 0.5


def test_rcas_makes_an_edge_steeper_and_never_clips() -> None:
    edge = np.repeat(np.uint8([[60, 60, 90, 160, 190, 190]]), 6, axis=0)
    sharp = rcas(edge, 0.0)
    assert sharp[3, 2] < 90
    assert sharp[3, 3] > 160
    black_and_white = np.repeat(np.uint8([[0, 0, 60, 190, 255, 255]]), 6, axis=0)
    np.testing.assert_array_equal(rcas(black_and_white, 0.0), black_and_white)
    wall = np.full((8, 8), 120, np.uint8)
    np.testing.assert_array_equal(rcas(wall, 0.0), wall)


def test_the_linear_filter_undoes_the_camera_that_it_was_fitted_to(
    few_photographs: Path, picture: Picture
) -> None:
    camera = Camera(lens_px=1.0)
    soft = to_uint8(degrade(camera, picture.astype(np.float32) / 255, np.random.default_rng(0)))
    sharpen = least_squares_filter(camera, few_photographs, 0.5)
    unsharp = oracle_unsharp([soft], [picture])
    assert psnr(sharpen(soft), picture) > psnr(unsharp(soft), picture) > psnr(soft, picture)
