"""Growing a student: nothing is forgotten, and what is left out is what tells least."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sharpcam.assets import asset
from sharpcam.errors import SharpCamError
from sharpcam.network import NetworkSpec
from training import grow
from training.config import TIERS
from training.shipped import fill_student
from training.student import CameraConv, UNetStudent

SPEC = NetworkSpec(channels=8, blocks=1, filters=2, experts=6)


@pytest.fixture
def profiles() -> torch.Tensor:
    return grow.cameras(40)


@pytest.fixture
def student(profiles: torch.Tensor) -> UNetStudent:
    """One whose differences between cameras count."""
    torch.manual_seed(3)
    student = UNetStudent(SPEC).eval()
    with torch.no_grad():
        for module in student.modules():
            if isinstance(module, CameraConv):
                module.weights.normal_(std=0.02)
                module.biases.normal_(std=0.02)
    return student


def made(student: UNetStudent, profiles: torch.Tensor) -> torch.Tensor:
    y = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return student.eval()(y.expand(len(profiles), -1, -1, -1), profiles)[0]


def test_new_blocks_change_nothing_at_first(student: UNetStudent, profiles: torch.Tensor) -> None:
    deeper = grow.grow(student, replace(SPEC, tier="high", blocks=3))
    assert len(deeper.blocks) == 3
    assert deeper.spec.tier == "high"
    assert torch.allclose(made(deeper, profiles), made(student, profiles), atol=1e-6)


def test_new_blocks_can_learn(student: UNetStudent, profiles: torch.Tensor) -> None:
    deeper = grow.deepen(student, 2)
    y = torch.rand(2, 1, 32, 32)
    (deeper(y, profiles[:2])[0] - y).abs().mean().backward()
    assert deeper.blocks[1].second.weight.grad.abs().max() > 0


def test_as_many_differences_as_there_were_are_the_same_student(
    student: UNetStudent, profiles: torch.Tensor
) -> None:
    same = grow.keep_principal(student, SPEC.experts, profiles)
    assert torch.allclose(made(same, profiles), made(student, profiles), atol=1e-4)


def test_the_principal_differences_lose_less_than_any_others(
    student: UNetStudent, profiles: torch.Tensor
) -> None:
    wanted = made(student, profiles)

    def loss(kept: UNetStudent) -> float:
        return float((made(kept, profiles) - wanted).square().mean())

    losses = [loss(grow.keep_principal(student, count, profiles)) for count in (1, 3, 6)]
    assert losses[0] > losses[1] > losses[2]
    cut = UNetStudent(replace(SPEC, experts=3))
    first = {  # the first three, whatever they tell
        name: value[:3] if name.endswith((".weights", ".biases")) else value
        for name, value in student.state_dict().items()
    }
    rows = [0, 1, 2, 3, 4, *range(8, len(student.modulation[-1].bias))]
    for name in ("modulation.4.weight", "modulation.4.bias"):
        first[name] = first[name][rows]
    cut.load_state_dict(first)
    assert losses[1] < loss(cut)


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, channels=16),
        replace(SPEC, blocks=0),
        replace(SPEC, experts=7),
        replace(SPEC, refinement=True),
    ],
)
def test_what_cannot_be_grown_is_refused(student: UNetStudent, spec: NetworkSpec) -> None:
    with pytest.raises(SharpCamError, match="cannot grow"):
        grow.grow(student, spec)


def test_the_command_leaves_what_a_run_can_begin_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(grow, "CAMERAS", 30)
    out = tmp_path / "new" / "high.safetensors"
    assert grow.main([str(asset("model/standard.onnx")), str(out)]) == 0
    student = UNetStudent(NetworkSpec(tier="high", **TIERS["high"]))
    assert fill_student(student, out) == 0
    assert student.stem.weight.abs().max() > 0
    assert str(out) in capsys.readouterr().out


def test_a_file_that_is_none_is_a_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grow.main([str(tmp_path / "none.onnx"), str(tmp_path / "out.safetensors")]) == 1
    assert "hint:" in capsys.readouterr().err
