"""Loading students: what is accepted, what is refused, and the fold of the profile."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tiny import SPEC, write_adder, write_identity

from sharpcam.assets import asset
from sharpcam.engines import CHOICES, EXACT, Choice
from sharpcam.errors import SharpCamError
from sharpcam.graph import NARROW, PROBE_GREY, WHOLE
from sharpcam.model import MAX_BYTES, load_model, open_session, saturates
from sharpcam.network import CONTRACT_KEY, PROVENANCE_KEY, SPEC_KEY, NetworkSpec
from sharpcam.profile import TYPICAL, CameraProfile

ROOT = Path(__file__).parents[1]


@pytest.fixture
def student(tmp_path: Path) -> Path:
    return write_adder(tmp_path / "student.onnx")


def refusal(path: Path) -> SharpCamError:
    with pytest.raises(SharpCamError) as caught:
        load_model(path)
    assert path.name in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def changed(student: Path, **metadata: str | None) -> Path:
    proto = onnx.load(str(student))
    values: dict[str, str | None] = {entry.key: entry.value for entry in proto.metadata_props}
    values |= metadata
    helper.set_model_props(proto, {key: value for key, value in values.items() if value})
    onnx.save(proto, str(student))
    return student


def test_a_student_comes_with_its_spec_and_provenance(student: Path) -> None:
    model = load_model(student)
    assert model.spec == SPEC
    assert model.provenance == {"data": "-"}


def test_a_session_has_its_camera_folded_in(student: Path) -> None:
    model = load_model(student)
    grey = np.full((8, 12), 100, np.uint8)
    soft = model.session(CameraProfile.of(2, 3, 0.2), threads=1)
    clean = model.session(CameraProfile(), threads=1)
    assert (soft.run(grey, 1.0) == 100 + 20 + 3 + 1).all()
    assert (soft.run(grey, 0.5) == 112).all()
    assert (clean.run(grey, 1.0) == 100).all()


@pytest.mark.parametrize("content", [b"\x00" * 100, b"not a model at all", b"\x08\x09"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "student.onnx"
    path.write_bytes(content)
    refusal(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path / "student.onnx")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "student.onnx"
    path.touch()
    assert "0 bytes" in refusal(path).message


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "student.onnx"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "too large" in refusal(path).message


def test_every_truncation_is_refused(student: Path) -> None:
    data = student.read_bytes()
    for length in range(1, len(data), 7):
        student.write_bytes(data[:length])
        with pytest.raises(SharpCamError):
            load_model(student).session(CameraProfile(), threads=1)


def test_a_model_without_our_metadata_is_refused(student: Path) -> None:
    proto = onnx.load(str(student))
    del proto.metadata_props[:]
    onnx.save(proto, str(student))
    assert "not a SharpCam student" in refusal(student).message


def test_an_unknown_contract_is_refused(student: Path) -> None:
    assert "'5'" in refusal(changed(student, **{CONTRACT_KEY: "5"})).message


@pytest.mark.parametrize("spec", [NetworkSpec(fold=0), NetworkSpec(channels=-16)])
def test_a_spec_that_no_network_has_is_refused(student: Path, spec: NetworkSpec) -> None:
    refusal(changed(student, **{SPEC_KEY: spec.to_json()}))


@pytest.mark.parametrize("spec", [None, "nonsense", "[1]", "{}", '{"channels": "many"}'])
def test_an_unreadable_spec_is_refused(student: Path, spec: str | None) -> None:
    refusal(changed(student, **{SPEC_KEY: spec}))


@pytest.mark.parametrize("provenance", ["[1, 2]", "{", "[" * 100_000])
def test_an_unreadable_provenance_is_refused(student: Path, provenance: str) -> None:
    refusal(changed(student, **{PROVENANCE_KEY: provenance}))


def test_other_inputs_or_outputs_are_refused(student: Path) -> None:
    original = onnx.load(str(student))
    for tensors, name in ((original.graph.input, "inputs"), (original.graph.output, "outputs")):
        tensors[0].type.tensor_type.elem_type = TensorProto.FLOAT
        onnx.save(original, str(student))
        assert name in refusal(student).message
        tensors[0].type.tensor_type.elem_type = TensorProto.UINT8


def test_weights_in_another_file_are_refused(student: Path) -> None:
    proto = onnx.load(str(student))
    weights = proto.graph.initializer[0]
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    student.write_bytes(proto.SerializeToString())
    assert "another file" in refusal(student).message


def test_weights_of_the_wrong_shape_are_refused_when_the_session_is_made(student: Path) -> None:
    proto = onnx.load(str(student))
    weights = next(tensor for tensor in proto.graph.initializer if tensor.name == "weights")
    weights.dims[:] = [7]
    onnx.save(proto, str(student))
    with pytest.raises(SharpCamError):
        load_model(student).session(CameraProfile(), threads=1)


def test_a_plain_session_opens_any_model(tmp_path: Path) -> None:
    session = open_session(write_identity(tmp_path / "other.onnx"), threads=1)
    assert [value.name for value in session.get_inputs()] == ["y", "camera", "strength"]
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    with pytest.raises(SharpCamError):
        open_session(tmp_path / "bad.onnx", threads=1)


@pytest.mark.parametrize("engine", [name for name, it in CHOICES.items() if it.installed])
def test_engines_report_nothing(tmp_path: Path, engine: str) -> None:
    code = f"from sharpcam.enhancer import load_enhancer as load; load(None, 1, {engine!r}).close()"
    home = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    environment = {key: it for key, it in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment | home, cwd=ROOT)
    # It would keep an identifier of this device, and what it has not sent yet.
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("engine", [name for name, it in CHOICES.items() if it.installed])
def test_the_bundled_student_is_the_same_on_every_engine(engine: str) -> None:
    model = load_model(asset("model/standard.onnx"))
    rng = np.random.default_rng(0)
    tiles = np.kron(rng.integers(0, 2, (12, 16)), np.ones((8, 8))) * 80 + 100
    soft = cv2.GaussianBlur(tiles, (0, 0), TYPICAL.blur_px)  # as the profile says
    y = (soft + rng.normal(0, 1.5, soft.shape)).clip(0, 255).astype(np.uint8)
    exact, session = (model.session(TYPICAL, 1, it) for it in (EXACT, CHOICES[engine]))
    session.prepare(96, 128, beyond=False)
    assert not session.goes_beyond
    for picture in (y, np.ascontiguousarray(y[:64]), y):  # OpenVINO plans for each size
        np.testing.assert_array_equal(session.run(picture, 0.0), picture)
        for strength in (0.5, 1.0, 1.5):
            wanted = exact.run(picture, strength).astype(int)
            assert np.abs(wanted - picture).mean() > 0.5
            assert np.abs(session.run(picture, strength) - wanted).mean() < 1.5
    assert session.goes_beyond


@dataclass(frozen=True, slots=True)
class Computes(Choice):
    """An engine that makes this grey of everything, and keeps what it was given."""

    grey: int = 0
    given: list[bytes] = field(default_factory=list, compare=False)

    def engine(self) -> Computes:
        return self

    def compile(self, data: bytes, threads: int) -> Computes:
        self.given.append(data)
        return self

    def run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        return np.full_like(y, self.grey)


@pytest.mark.parametrize(
    ("grey", "exact", "device", "most"),
    [
        (PROBE_GREY, False, "", WHOLE),
        (PROBE_GREY // 2 + 1, False, "", NARROW),
        (PROBE_GREY // 2 + 1, True, "", WHOLE),
        (PROBE_GREY // 2 + 1, False, "NPU", WHOLE),
    ],
)
def test_weights_are_narrow_where_sums_are_cut(
    grey: int, exact: bool, device: str, most: int
) -> None:
    choice = Computes("fake", "fake", "none", exact, device=device, grey=grey)
    saturates.cache_clear()
    load_model(asset("model/lite.onnx")).session(TYPICAL, 1, choice)
    graph = onnx.load_model_from_string(choice.given[-1]).graph
    arrays = (numpy_helper.to_array(tensor) for tensor in graph.initializer)
    kernels = [it for it in arrays if it.dtype == np.int8 and it.ndim == 4]
    assert bool(kernels) != exact
    assert all(np.abs(it.astype(int)).max() == most for it in kernels)
    assert len(choice.given) == (1 if exact or device else 2)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_bright_picture_is_not_cut_by_this_processor(engine: str) -> None:
    if not CHOICES[engine].installed:
        pytest.skip(f"{engine} is not installed")
    y = np.full((64, 64), 250, np.uint8)
    model = load_model(asset("model/lite.onnx"))
    exact, made = (model.session(TYPICAL, 1, it).run(y, 1.0) for it in (EXACT, CHOICES[engine]))
    inside = slice(12, -12)  # at the border kernels read less than they were rounded for
    assert np.abs(made.astype(int) - exact)[inside, inside].max() <= 2
