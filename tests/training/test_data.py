"""Splits, crops and pairs: fixed, crisp, and a pure function of the seed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sharpcam.errors import SharpCamError
from sharpcam.profile import CameraProfile
from training.data import (
    BANK_CROP,
    CRISP,
    FLAT,
    PHOTOS,
    Examples,
    batches,
    crispness,
    crop_bank,
    jitter,
    make_pair,
    pair_tensors,
    photographs,
    split_of,
    text_picture,
)


def test_the_split_goes_by_name_and_leaves_most_pictures_for_training() -> None:
    splits = {split: photographs(PHOTOS, split) for split in ("train", "validation", "test")}
    assert [len(files) for files in splits.values()] == [283, 27, 19]
    assert split_of("pif_001.webp") == split_of("pif_001.webp")


def test_a_folder_without_pictures_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SharpCamError, match="no pictures of the train split"):
        photographs(tmp_path, "train")


def test_soft_photographs_make_no_targets(tmp_path: Path) -> None:
    soft = np.random.default_rng(0).random((40, 40)) * 255
    picture = Image.fromarray(soft.astype(np.uint8)).resize((1200, 1200), Image.Resampling.BICUBIC)
    name = next(f"{i}.png" for i in range(99) if split_of(f"{i}.png") == "train")
    picture.save(tmp_path / name)
    with pytest.raises(SharpCamError, match="no crisp crop"):
        crop_bank(tmp_path, "train", 4, tmp_path / "cache")


def test_the_bank_holds_crisp_crops_and_is_read_back_from_its_cache(
    few_photographs: Path, tmp_path: Path
) -> None:
    bank = crop_bank(few_photographs, "validation", 5, tmp_path)
    assert bank.shape[1:] == (BANK_CROP, BANK_CROP)
    for crop in bank:
        ratio, middle = crispness(crop.astype(np.float32) / 255)
        assert ratio > CRISP * 0.97 or middle < FLAT * 1.1  # 8 bits round what was float
    np.testing.assert_array_equal(crop_bank(few_photographs, "validation", 5, tmp_path), bank)


def test_a_pair_is_a_pure_function_of_its_seed(bank: np.ndarray) -> None:
    first, again, other = (make_pair(bank, 64, (3, index)) for index in (5, 5, 6))
    np.testing.assert_array_equal(first.degraded, again.degraded)
    assert not np.array_equal(first.target, other.target)
    assert first.degraded.shape == first.target.shape == (64, 64)


def test_a_share_of_the_pairs_is_left_as_it_is(bank: np.ndarray) -> None:
    pairs = [make_pair(bank, 64, (1, index)) for index in range(300)]
    clean = sum(np.abs(pair.degraded - pair.target).max() < 0.51 / 255 for pair in pairs) / 300
    assert 0.06 < clean < 0.2


def test_example_k_is_the_same_whether_a_run_began_at_0_or_resumed(bank: np.ndarray) -> None:
    whole = list(batches(bank, 64, 2, seed=1, steps=range(4), workers=0))
    resumed = list(batches(bank, 64, 2, seed=1, steps=range(2, 4), workers=0))
    for expected, got in zip(whole[2:], resumed, strict=True):
        for a, b in zip(expected, got, strict=True):
            assert torch.equal(a, b)
    assert len(Examples(partial(pair_tensors, bank, 64), 2, 1, range(2, 4))) == 4


def test_jitter_leaves_a_perfect_camera_alone_most_others_near_and_tells_some_wrongly() -> None:
    perfect, soft = CameraProfile(), CameraProfile.of(1.0, 2.0, 0.5, 0.6)
    both = torch.from_numpy(np.stack([perfect.as_array(), soft.as_array()]))
    camera = both.repeat(200, 1)
    moved = jitter(camera, seed=1, step=9)
    assert torch.equal(moved[0], both[0])
    assert torch.equal(moved, jitter(camera, seed=1, step=9))
    assert not torch.equal(moved, jitter(camera, seed=1, step=10))
    widths = [CameraProfile.from_array(numbers.numpy()).blur_px for numbers in moved[1::2]]
    off = np.abs(np.array(widths) - 1)
    assert 0.02 < np.median(off) < 0.08
    assert 0.1 < np.mean(off > 0.12) < 0.3  # 0.3 of them, of which 0.6 are off by more than 0.12
    assert off.max() < 0.36
    spread = moved[1::2].std(0)
    assert (spread > 0).all()
    assert (spread < 0.4).all()


def test_text_has_ink_and_paper() -> None:
    y = text_picture(np.random.default_rng(4))
    assert y.shape == (BANK_CROP, BANK_CROP)
    assert y.max() - y.min() > 0.3
