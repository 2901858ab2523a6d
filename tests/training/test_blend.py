"""Blending two students: between their weights, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sharpcam.assets import asset
from sharpcam.network import NetworkSpec
from training import blend
from training.checkpoint import read_about, save_weights
from training.shipped import fill_student, load_student
from training.student import UNetStudent

SPEC = NetworkSpec(channels=8, blocks=1, filters=2, experts=3)


def test_a_share_of_each() -> None:
    torch.manual_seed(1)
    before, after = UNetStudent(SPEC), UNetStudent(SPEC)
    for share in (0.0, 0.25, 1.0):
        made = blend.blend(before, after, share).state_dict()
        for name, value in before.state_dict().items():
            wanted = (1 - share) * value + share * after.state_dict()[name]
            assert torch.allclose(made[name], wanted, atol=1e-6)


def test_the_command_blends_a_shipped_student_with_what_became_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = asset("model/standard.onnx")
    student = load_student(shipped)
    with torch.no_grad():
        student.head.bias += 1.0
    later, out = tmp_path / "later.safetensors", tmp_path / "new" / "blend.safetensors"
    save_weights(later, student, {"step": 30})
    assert blend.main([str(shipped), str(later), str(out), "--share", "0.75"]) == 0
    made = UNetStudent(student.spec)
    assert fill_student(made, out) >= 30
    assert torch.allclose(made.head.bias, student.head.bias - 0.25, atol=1e-5)
    assert read_about(out)["share"] == 0.75
    assert json.dumps(read_about(out)["spec"], sort_keys=True) == student.spec.to_json()
    assert str(out) in capsys.readouterr().out


@pytest.mark.parametrize("flags", [["--share", "1.5"], ["--tier", "lite"]])
def test_what_cannot_be_blended_is_a_clear_error(
    tmp_path: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = str(asset("model/standard.onnx"))
    assert blend.main([shipped, shipped, str(tmp_path / "out.safetensors"), *flags]) == 1
    assert "hint:" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
