"""The shipped networks come back into torch as they were."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from sharpcam.assets import asset
from sharpcam.errors import SharpCamError
from sharpcam.network import NetworkSpec
from training.checkpoint import save_weights
from training.parity import estimator_parity, student_parity
from training.profiler import ProfileNet
from training.shipped import (
    any_student,
    fill_estimator,
    fill_student,
    load_estimator,
    load_student,
)
from training.student import UNetStudent

STANDARD, LITE, PROFILE = (asset(f"model/{name}.onnx") for name in ("standard", "lite", "profile"))


@pytest.mark.parametrize("file", [STANDARD, LITE], ids=["standard", "lite"])
def test_a_student_computes_what_its_file_does(file: Path) -> None:
    assert student_parity(load_student(file), file) <= 1


def test_the_estimator_computes_what_its_file_does() -> None:
    assert estimator_parity(load_estimator(PROFILE), PROFILE) < 5e-3


def test_a_student_goes_on_from_the_shipped_one_and_knows_for_how_long_it_learnt() -> None:
    student = UNetStudent(NetworkSpec())
    assert fill_student(student, STANDARD) > 1000
    assert student_parity(student, STANDARD) <= 1


def test_a_student_of_a_run_or_a_shipped_one_says_its_own_topology(tmp_path: Path) -> None:
    shipped = any_student(LITE)
    weights = tmp_path / "lite.safetensors"
    save_weights(weights, shipped, {"spec": asdict(shipped.spec)})
    student = any_student(weights)
    assert student.spec == shipped.spec
    assert student_parity(student, LITE) <= 1
    save_weights(weights, ProfileNet(), {})
    with pytest.raises(SharpCamError, match="not a student's"):
        any_student(weights)


def test_what_is_no_student_of_this_topology_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SharpCamError, match="another topology"):
        fill_student(UNetStudent(NetworkSpec()), LITE)
    with pytest.raises(SharpCamError, match="not a SharpCam student"):
        load_student(PROFILE)
    with pytest.raises(SharpCamError, match="another network"):
        load_estimator(STANDARD)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(STANDARD.read_bytes()[:1000])
    with pytest.raises(SharpCamError, match="cannot read"):
        load_student(broken)


@pytest.mark.parametrize("kind", ["onnx", "safetensors"])
def test_an_estimator_goes_on_from_a_runs_weights_or_the_shipped_ones(
    kind: str, tmp_path: Path
) -> None:
    weights = PROFILE
    if kind == "safetensors":
        weights = tmp_path / "estimator.safetensors"
        save_weights(weights, load_estimator(PROFILE), {})
    net = ProfileNet()
    fill_estimator(net, weights)
    assert estimator_parity(net, PROFILE) < 5e-3
