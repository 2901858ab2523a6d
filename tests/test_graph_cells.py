"""Pictures as cells: the same sums in another order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from sharpcam.assets import asset
from sharpcam.engines import CHOICES
from sharpcam.engines.cells import INPUT_CELLS, OUTPUT_CELLS, as_cells, from_cells
from sharpcam.engines.onnx_runtime import open_session
from sharpcam.graph import copy_of, drop_roundings, fold_camera, fold_constants, take_branch
from sharpcam.graph_cells import cells_to_channels, read_bytes, speak_cells
from sharpcam.model import load_model
from sharpcam.network import INPUT_STRENGTH, INPUT_Y, OUTPUT_Y
from sharpcam.profile import TYPICAL


def test_the_places_in_a_cell_become_channels_for_the_first_convolutions_only() -> None:
    rng = np.random.default_rng(3)
    cells = {"strides": [4, 4], "pads": [4] * 4}
    nodes = [
        helper.make_node("Cast", ["y"], ["luma"], to=TensorProto.FLOAT),
        helper.make_node("QuantizeLinear", ["luma", "one", "none"], ["luma.q"]),
        helper.make_node("DequantizeLinear", ["luma.q", "one", "none"], ["luma.r"]),
        helper.make_node("DequantizeLinear", ["whole", "steps", "nones"], ["weights"], axis=0),
        helper.make_node("Conv", ["luma.r", "weights"], ["features"], **cells),
        helper.make_node("Conv", ["luma.r", "filters"], ["linear"], **cells),
        helper.make_node("Conv", ["features", "last"], ["head"], pads=[1] * 4),
        helper.make_node("Add", ["head", "linear"], ["y_sharp"]),
    ]
    constants = {
        "one": np.float32(1),
        "none": np.uint8(0),
        "steps": rng.uniform(0.001, 0.01, 5).astype(np.float32),
        "nones": np.zeros(5, np.int8),
        "whole": rng.integers(-127, 128, (5, 1, 12, 12)).astype(np.int8),
        "filters": rng.normal(size=(3, 1, 12, 12)).astype(np.float32),
        "last": rng.normal(size=(3, 5, 3, 3)).astype(np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 1, "H", "W"])],
        [helper.make_tensor_value_info("y_sharp", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    # The oldest whose rounding onnx's own evaluator knows.
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=9)
    y = rng.integers(0, 256, (1, 1, 32, 48)).astype(np.uint8)
    wanted = ReferenceEvaluator(made).run(None, {"y": y})[0]
    cells_to_channels(made)
    fold_constants(made)  # drops what nobody reads
    assert [node.op_type for node in made.graph.node].count("SpaceToDepth") == 1
    shapes = {it.name: tuple(it.dims) for it in made.graph.initializer}
    assert shapes["whole"] == (5, 16, 3, 3)
    assert shapes["filters"] == (3, 16, 3, 3)
    assert shapes["last"] == (3, 5, 3, 3)
    np.testing.assert_allclose(
        ReferenceEvaluator(made).run(None, {"y": y})[0], wanted, rtol=1e-4, atol=0.01
    )


def folded(tier: str, *, beyond: bool) -> onnx.ModelProto:
    made = copy_of(load_model(asset(f"model/{tier}.onnx")).data)
    fold_camera(made, TYPICAL)
    take_branch(made, beyond)
    drop_roundings(made, keep_fused=True)
    fold_constants(made)
    read_bytes(made)
    cells_to_channels(made)
    return made


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width)).astype(np.uint8)


@pytest.mark.parametrize("tier", ["lite", "standard"])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_a_student_that_speaks_cells_computes_the_same(tier: str, strength: float) -> None:
    made = folded(tier, beyond=False)
    y = np.asarray(cv2.GaussianBlur(picture(40, 64), (0, 0), 1))
    told = {INPUT_STRENGTH: np.array(strength, np.float32)}
    session = open_session(made.SerializeToString(), 1)
    wanted = session.run([OUTPUT_Y], {INPUT_Y: y[None, None], **told})[0][0, 0]
    assert speak_cells(made)
    onnx.checker.check_model(made, full_check=True)
    assert {node.op_type for node in made.graph.node}.isdisjoint({"SpaceToDepth", "DepthToSpace"})
    cells = y.reshape(10, 4, 16, 4).transpose(0, 2, 1, 3).reshape(1, 10, 16, 16)
    session = open_session(made.SerializeToString(), 1)
    sharp = session.run([OUTPUT_CELLS], {INPUT_CELLS: cells, **told})[0]
    sharp = sharp.reshape(10, 16, 4, 4).transpose(0, 2, 1, 3).reshape(40, 64)
    np.testing.assert_array_equal(sharp, wanted)


@pytest.mark.parametrize("tier", ["lite", "standard"])
@pytest.mark.parametrize("strength", [0.4, 1.0, 1.5])
def test_integers_are_the_same_in_cells(tier: str, strength: float) -> None:
    y = np.asarray(cv2.GaussianBlur(picture(40, 64), (0, 0), 1))
    model, choice = load_model(asset(f"model/{tier}.onnx")), CHOICES["onnxruntime"]
    in_cells = model.session(TYPICAL, 1, choice).run(y, strength)
    in_rows = model.session(TYPICAL, 1, replace(choice, cells=False)).run(y, strength)
    np.testing.assert_array_equal(in_cells, in_rows)


@pytest.mark.parametrize(
    ("step", "zero", "read"), [(1.0, 0, "y"), (1.0, 3, "luma.q"), (0.5, 0, "luma.q")]
)
def test_luma_that_is_rounded_to_whole_levels_is_read_as_it_is(
    step: float, zero: int, read: str
) -> None:
    nodes = [
        helper.make_node("Cast", ["y"], ["luma"], to=TensorProto.FLOAT),
        helper.make_node("QuantizeLinear", ["luma", "step", "zero"], ["luma.q"]),
        helper.make_node("DequantizeLinear", ["luma.q", "step", "zero"], ["luma.r"]),
        helper.make_node("Add", ["luma.r", "luma"], ["y_sharp"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 1, "H", "W"])],
        [helper.make_tensor_value_info("y_sharp", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.float32(step), "step"),
            numpy_helper.from_array(np.uint8(zero), "zero"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=9)
    y = picture(4, 8)[None, None]
    wanted = ReferenceEvaluator(made).run(None, {"y": y})[0]
    read_bytes(made)
    widen = next(node for node in made.graph.node if node.op_type == "DequantizeLinear")
    assert widen.input[0] == read
    assert len(made.graph.node) == (3 if read == "y" else 4)
    np.testing.assert_array_equal(ReferenceEvaluator(made).run(None, {"y": y})[0], wanted)


def other_cells() -> onnx.ModelProto:
    made = folded("lite", beyond=False)
    made.graph.node[0].attribute[0].i = 2
    return made


@pytest.mark.parametrize("make", [partial(folded, "lite", beyond=True), other_cells])
def test_a_graph_that_ends_in_another_way_or_has_other_cells_is_left_alone(
    make: Callable[[], onnx.ModelProto],
) -> None:
    made = make()
    before = made.SerializeToString()
    assert not speak_cells(made)
    assert made.SerializeToString() == before


@pytest.mark.parametrize("size", [(4, 4), (40, 64), (180, 320)])
def test_openvino_is_given_cells_and_gives_pixels(size: tuple[int, int]) -> None:
    pytest.importorskip("openvino")
    y = picture(*size)
    cells = as_cells(y)
    height, width = size
    assert cells.shape == (1, height // 4, width // 4, 16)
    np.testing.assert_array_equal(cells[0, -1, -1], y[-4:, -4:].ravel())
    np.testing.assert_array_equal(from_cells(cells), y)
    session = load_model(asset("model/lite.onnx")).session(TYPICAL, 1, CHOICES["openvino"])
    exact = load_model(asset("model/lite.onnx")).session(TYPICAL, 1)
    soft = np.asarray(cv2.GaussianBlur(y, (0, 0), 1.5))
    for strength in (1.0, 0.4):
        first = session.run(soft, strength)
        kept = first.copy()
        session.run(y, strength)
        np.testing.assert_array_equal(first, kept)  # the next picture has its own memory
        assert np.abs(first.astype(int) - exact.run(soft, strength)).mean() < 1
