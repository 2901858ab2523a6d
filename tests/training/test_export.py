"""The exported files compute what was trained, and say what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from sharpcam.assets import asset
from sharpcam.errors import SharpCamError
from sharpcam.model import load_model
from sharpcam.network import NetworkSpec
from sharpcam.profile import CameraProfile
from training.export import (
    estimator_onnx,
    estimator_parity,
    export_all,
    student_onnx,
    student_parity,
)
from training.profiler import ProfileNet
from training.student import UNetStudent


def trained(spec: NetworkSpec, seed: int = 0) -> UNetStudent:
    """A student whose residual is some twenty grey levels strong, as if it had learnt something."""
    torch.manual_seed(seed)
    student = UNetStudent(spec)
    for parameter in student.parameters():
        parameter.data += 0.025 * torch.randn(parameter.shape)
    return student


def exported(student: UNetStudent, folder: Path) -> Path:
    file = folder / "student.onnx"
    file.write_bytes(student_onnx(student, {"commit": "abc"}))
    return file


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of `trained(NetworkSpec())`."""
    return exported(trained(NetworkSpec()), tmp_path_factory.mktemp("export"))


def test_the_file_agrees_with_torch_to_one_grey_level(file: Path) -> None:
    assert student_parity(trained(NetworkSpec()), file) <= 1


def test_the_file_of_a_student_with_attention_agrees_too(tmp_path: Path) -> None:
    student = trained(NetworkSpec(channel_attention=True, spatial_attention=True))
    assert student_parity(student, exported(student, tmp_path)) <= 1


def test_another_students_file_is_found_out(file: Path) -> None:
    assert student_parity(trained(NetworkSpec(), seed=1), file) > 1


def test_the_estimators_file_agrees_with_torch_and_anothers_is_found_out(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, other = ProfileNet(), ProfileNet()
    file = tmp_path / "profile.onnx"
    file.write_bytes(estimator_onnx(net, {}))
    assert estimator_parity(net, file) < 1e-4
    assert estimator_parity(other, file) > 1e-3


def test_the_file_carries_spec_and_provenance_and_no_instance_norm(file: Path) -> None:
    model = load_model(file)
    assert model.spec == NetworkSpec()
    assert model.provenance == {"commit": "abc"}
    kinds = {node.op_type for node in onnx.load(file).graph.node}
    assert "InstanceNormalization" not in kinds
    assert str(Path(__file__).parents[2]).encode() not in file.read_bytes()


def test_strength_0_is_bit_exact_and_beyond_1_there_are_no_halos(file: Path) -> None:
    session = load_model(file).session(CameraProfile.of(1.0, 1.0, 0.3), threads=1)
    rng = np.random.default_rng(0)
    y = np.kron(rng.integers(0, 256, (16, 16)), np.ones((4, 4))).astype(np.uint8)
    np.testing.assert_array_equal(session.run(y, 0.0), y)
    restored, beyond = session.run(y, 1.0), session.run(y, 1.5)
    assert not np.array_equal(restored, beyond)
    neighbours = np.lib.stride_tricks.sliding_window_view(np.pad(y, 1, mode="edge"), (3, 3))
    high = np.maximum(neighbours.max((2, 3)), restored).astype(int)
    low = np.minimum(neighbours.min((2, 3)), restored).astype(int)
    assert (beyond <= high + 1).all()
    assert (beyond >= low - 1).all()


def test_export_without_weights_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SharpCamError, match="no student in"):
        export_all(tmp_path, install=False)


def test_the_bundled_student_is_ours_and_says_where_it_came_from() -> None:
    model = load_model(asset("model/standard.onnx"))
    assert model.spec == NetworkSpec()
    assert model.provenance["commit"] != "unknown"
    # Those of the student that it began with, too, before it got used to bytes.
    assert model.provenance["step"] + model.provenance["before"] >= 18_000
