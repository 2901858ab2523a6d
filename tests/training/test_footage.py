"""What is said of footage without an original: each figure does what its name says."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny import write_adder, write_identity

from sharpcam.assets import asset
from training import footage
from training.baselines import unsharp_mask
from training.footage import look, overshoot


@pytest.fixture(scope="module")
def clip() -> list[np.ndarray]:
    """A soft grainy step, standing still: six frames uint8 [96, 128]."""
    rng = np.random.default_rng(0)
    step = np.repeat([[60.0, 190.0]], 64, axis=1).repeat(96, axis=0)
    soft = cv2.GaussianBlur(step, (0, 0), 1.5)
    noisy = [soft + rng.normal(0, 0.6, soft.shape) for _ in range(6)]
    return [np.clip(y + 0.5, 0, 255).astype(np.uint8) for y in noisy]


def test_a_clip_looks_like_itself(clip: list[np.ndarray]) -> None:
    seen = look(clip, clip)
    assert (seen.noise_gain, seen.flicker, seen.overshoot) == (1, 1, 0)


def test_an_unsharp_mask_is_crisper_noisier_restless_and_overshoots(
    clip: list[np.ndarray],
) -> None:
    before, after = look(clip, clip), look([unsharp_mask(y, 1.0, 2.0) for y in clip], clip)
    assert after.blur < before.blur
    assert after.noise_gain > 1.2
    assert after.flicker > 1.2
    assert after.overshoot > 0.5


def test_overshoot_is_counted_at_edges_only() -> None:
    wall = np.full((40, 40), 100, np.uint8)
    assert overshoot(wall + np.uint8(9), wall) == 0
    step = np.repeat(np.uint8([[60, 190]]), 20, axis=1).repeat(40, axis=0)
    assert overshoot(step, step) == 0
    assert overshoot(step + np.uint8(9), step) == pytest.approx(9 / np.sqrt(2))  # one side of it


def test_clips_are_studied_with_the_profile_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = str(asset("samples/book.mkv"))
    adder, sheet = write_adder(tmp_path / "adder.onnx"), tmp_path / "sheet.png"
    flags = [clip, "--frames", "4", "--model", str(adder), "--sheet", str(sheet)]
    flags += ["--profile", "0,0,0"]
    assert footage.main(flags) == 0
    steadier = json.loads(capsys.readouterr().out.splitlines()[-1])["book.mkv"]["SharpCam"]
    assert footage.main([*flags, "--no-denoise"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["book.mkv"]
    assert found["SharpCam"] == found["input"]
    assert steadier[2] < 0.9  # flicker
    assert found["unsharp mask"][0] < found["input"][0]
    assert found["estimates"] == 2
    assert cv2.imread(str(sheet)).shape[1] == 3 * 280 * 2


def test_a_clip_that_is_none_exits_with_1_and_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    student = write_identity(tmp_path / "student.onnx")
    assert footage.main([str(tmp_path / "none.mkv"), "--model", str(student)]) == 1
    assert "hint" in capsys.readouterr().err
