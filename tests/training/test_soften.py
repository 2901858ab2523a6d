"""A clip filmed again with a worse camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import write_clip

from sharpcam.video import VideoReader
from training import soften


def frames(path: Path) -> list[np.ndarray]:
    with VideoReader(path, as_camera=True) as video:
        return [i420.copy() for i420, _ in video]


def test_a_camera_with_other_faults_makes_another_clip_of_the_same_length(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "clip.mp4", tmp_path / "soft.mkv"
    write_clip(source, frames=5)
    assert soften.main([str(source), str(target), "--bucket", "low light"]) == 0
    assert "5 frames as low light shows them" in capsys.readouterr().out
    before, after = frames(source), frames(target)
    assert len(before) == len(after) == 5
    height = before[0].shape[0] * 2 // 3
    for sharp, soft in zip(before, after, strict=True):
        difference = soft[:height].astype(int) - sharp[:height]
        assert 0.3 < difference.std() < 10
        assert np.abs(soft[height:].astype(int) - sharp[height:]).mean() < 2


def test_a_missing_clip_exits_with_1_and_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert soften.main([str(tmp_path / "none.mkv"), str(tmp_path / "soft.mkv")]) == 1
    assert "hint" in capsys.readouterr().err
    assert not (tmp_path / "soft.mkv").exists()
