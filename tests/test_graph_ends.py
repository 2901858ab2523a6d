"""Finer steps where the network ends: less that trembles, nothing that is cut."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from tiny import write_adder

from sharpcam import model as model_module
from sharpcam.assets import asset
from sharpcam.engines import CHOICES, EXACT
from sharpcam.graph import copy_of, fold_camera, fold_constants, take_branch
from sharpcam.graph_ends import FINEST, finer_ends
from sharpcam.model import load_model
from sharpcam.profile import CameraProfile

SHARP, SOFT = CameraProfile.of(0.3, 0.3, 0.05), CameraProfile.of(1.5, 0.3, 0.05)
TIERS = ("lite", "standard", "high")


def folded(tier: str, camera: CameraProfile) -> onnx.ModelProto:
    made = copy_of(load_model(asset(f"model/{tier}.onnx")).data)
    fold_camera(made, camera)
    take_branch(made, False)
    fold_constants(made)
    return made


def steps(made: onnx.ModelProto) -> dict[str, float]:
    """Of every rounding of what the network computes, by what is rounded."""
    stored = {it.name: numpy_helper.to_array(it) for it in made.graph.initializer}
    return {
        node.input[0]: float(stored[node.input[1]])
        for node in made.graph.node
        if node.op_type == "QuantizeLinear"
    }


@pytest.mark.parametrize("tier", TIERS)
def test_steps_are_narrower_where_little_is_added_and_only_at_the_end(tier: str) -> None:
    made = folded(tier, SHARP)
    before = steps(made)
    finer_ends(made, SHARP.blur_px)
    onnx.checker.check_model(made, full_check=True)
    shares = [width / before[name] for name, width in steps(made).items()]
    narrower = [share for share in shares if share < 0.999]
    assert len(narrower) == 2, "the last convolution and the linear path"
    assert all(round(1 / share, 4) in (2, 4, 8) for share in narrower)
    assert FINEST == 1 / 8
    assert len(shares) > 6


@pytest.mark.parametrize("tier", TIERS)
def test_a_soft_camera_keeps_the_steps_of_its_last_convolution(tier: str) -> None:
    made = folded(tier, SOFT)
    before = steps(made)
    finer_ends(made, SOFT.blur_px)
    changed = [name for name, width in steps(made).items() if width != before[name]]
    assert len(changed) <= 1, "the linear path at most"


def off(tier: str, camera: CameraProfile, y: NDArray[np.uint8]) -> NDArray[np.int64]:
    """By how much 8 bits are off the exact result."""
    student = load_model(asset(f"model/{tier}.onnx"))
    exact, rounded = (
        student.session(camera, 1, choice).run(y, 1.0).astype(int)
        for choice in (EXACT, CHOICES["onnxruntime"])
    )
    return rounded - exact


@pytest.mark.parametrize("tier", TIERS)
def test_a_grainy_wall_trembles_less(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slope = np.linspace(80, 160, 256)[None] + np.random.default_rng(1).normal(0, 0.5, (192, 1))
    y = np.rint(slope + np.random.default_rng(2).normal(0, 0.4, (192, 256))).astype(np.uint8)
    finer = np.std(off(tier, SHARP, y))
    monkeypatch.setattr(model_module, "finer_ends", lambda made, blur_px: None)
    assert finer < 0.9 * np.std(off(tier, SHARP, y))


@pytest.mark.parametrize("tier", TIERS)
def test_edges_from_black_to_white_are_not_cut(tier: str) -> None:
    tiles = np.random.default_rng(5).integers(0, 2, (12, 16)) * 255.0
    edges = cv2.GaussianBlur(np.kron(tiles, np.ones((12, 12))), (0, 0), 0.3)
    apart = np.abs(off(tier, SHARP, np.rint(edges).astype(np.uint8)))
    assert apart.mean() < 0.5
    assert np.quantile(apart, 0.999) <= 8


def test_a_graph_without_such_an_end_is_left_alone(tmp_path: Path) -> None:
    made = copy_of(write_adder(tmp_path / "student.onnx").read_bytes())
    fold_camera(made, SHARP)
    fold_constants(made)
    before = made.SerializeToString()
    finer_ends(made, SHARP.blur_px)
    assert made.SerializeToString() == before


@pytest.mark.parametrize("zero", [None, 0, 255])
def test_other_roundings_than_ours_are_no_problem(zero: int | None) -> None:
    make = onnx.helper.make_node
    grid = ["step"] if zero is None else ["step", "zero"]
    nodes = [
        make("Cast", ["y"], ["luma"], to=onnx.TensorProto.FLOAT),
        make("Conv", ["luma", "weight"], ["sum"]),
        make("QuantizeLinear", ["sum", *grid], ["bytes"]),
        make("DequantizeLinear", ["bytes", *grid], ["levels"]),
        make("Add", ["luma", "levels"], ["sharp"]),
    ]
    constants = {"weight": np.full((1, 1, 1, 1), 0.1, np.float32), "step": np.float32(1)}
    if zero is not None:
        constants["zero"] = np.uint8(zero)
    picture, value = [1, 1, "height", "width"], onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "small",
        [value("y", onnx.TensorProto.UINT8, picture), value("strength", 1, [])],
        [value("sharp", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(it), name) for name, it in constants.items()],
    )
    made = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    before = steps(made)["sum"]
    finer_ends(made, 0.3)
    # Between 0 and 25.5 of 255 levels are reached; with 255 for zero, none that is above it.
    assert steps(made)["sum"] == {None: before, 0: before / 8, 255: before / 8}[zero]
