"""Fixtures of the training tests; all of them are skipped where torch is not installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="training needs torch: pip install -e '.[train]'")

import torch

from training.data import PHOTOS, crop_bank, split_of


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Two processes share the tests (tests/conftest.py): threads that wait for each other by
    spinning would take the processor from those that compute."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def few_photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four training, eight validation and two test photographs."""
    folder = tmp_path_factory.mktemp("photographs")
    wanted = {"train": 4, "validation": 8, "test": 2}
    for path in sorted(PHOTOS.glob("*.webp")):
        with Image.open(path) as image:
            large = min(image.size) >= 800  # the evaluation shrinks them and needs 256 pixels
        split = split_of(path.name)
        if wanted[split] and large:
            wanted[split] -= 1
            shutil.copy(path, folder)
    assert not any(wanted.values())
    return folder


@pytest.fixture(scope="session")
def bank(few_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """A few crisp crops, uint8 [N, 160, 160]."""
    return crop_bank(few_photographs, "train", 6, tmp_path_factory.mktemp("cache"))
