"""Surgery on graphs: constants, branches, roundings."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sharpcam.engines.onnx_runtime import open_session
from sharpcam.graph import (
    NARROW,
    PROBE_GREY,
    copy_of,
    diffuse,
    drop_roundings,
    fold_camera,
    fold_constants,
    saturation_probe,
    take_branch,
)
from sharpcam.profile import CameraProfile

X = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)


def model(nodes: list[onnx.NodeProto], **constants: np.ndarray) -> onnx.ModelProto:
    plane = [1, 1, 4, 4]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, plane)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def run(made: onnx.ModelProto) -> np.ndarray:
    return open_session(made.SerializeToString(), 1).run(["out"], {"x": X})[0]


def rounding(name: str, result: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("QuantizeLinear", [name, "step", "zero"], [f"{name}.q"]),
        helper.make_node("DequantizeLinear", [f"{name}.q", "step", "zero"], [result]),
    ]


def rounded_twice() -> onnx.ModelProto:
    """A rounding, a convolution that doubles, another rounding."""
    nodes = [
        *rounding("x", "x.r"),
        helper.make_node("Conv", ["x.r", "two"], ["twice"]),
        *rounding("twice", "out"),
    ]
    two = np.full((1, 1, 1, 1), 2, np.float32)
    return model(nodes, step=np.float32(0.15), zero=np.uint8(0), two=two)


def test_all_roundings_are_taken_out_or_those_that_no_convolution_reads() -> None:
    def steps(values: np.ndarray) -> np.ndarray:
        return np.round(values / np.float32(0.15)) * np.float32(0.15)

    np.testing.assert_allclose(run(rounded_twice()), steps(2 * steps(X)), atol=1e-6)
    # The second rounding ends the graph: an output keeps its name, so a node has to carry it.
    made = rounded_twice()
    made.graph.node.append(helper.make_node("Identity", ["out"], ["end"]))
    made.graph.output[0].name = "end"

    def end(changed: onnx.ModelProto) -> np.ndarray:
        return open_session(changed.SerializeToString(), 1).run(["end"], {"x": X})[0]

    before = copy_of(made.SerializeToString())
    drop_roundings(before, keep_fused=True)
    np.testing.assert_allclose(end(before), 2 * steps(X), atol=1e-6)
    drop_roundings(made)
    np.testing.assert_allclose(end(made), 2 * X, atol=1e-6)


def test_what_is_added_and_then_rounded_for_a_convolution_stays_rounded() -> None:
    nodes = [
        *rounding("x", "x.r"),
        helper.make_node("Conv", ["x.r", "two"], ["twice"]),
        *rounding("twice", "twice.r"),
        helper.make_node("Add", ["x.r", "twice.r"], ["sum"]),
        *rounding("sum", "sum.r"),
        helper.make_node("Conv", ["sum.r", "two"], ["last"]),
        *rounding("last", "last.r"),
        helper.make_node("Neg", ["last.r"], ["out"]),
    ]
    two = np.full((1, 1, 1, 1), 2, np.float32)
    made = model(nodes, step=np.float32(0.15), zero=np.uint8(0), two=two)
    drop_roundings(made, keep_fused=True)
    read = {node.op_type: list(node.input) for node in made.graph.node}
    assert read["Add"] == ["x.r", "twice.r"]
    assert read["Conv"] == ["sum.r", "two"]
    assert read["Neg"] == ["last"]


@pytest.mark.parametrize("condition", [True, False])
def test_a_branch_takes_the_place_of_the_choice(condition: bool) -> None:
    def branch(name: str, factor: float) -> onnx.GraphProto:
        return helper.make_graph(
            [helper.make_node("Mul", ["x", f"{name}.factor"], [f"{name}.out"])],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}.out", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.float32(factor), f"{name}.factor")],
        )

    choice = helper.make_node(
        "If", ["high"], ["chosen"], then_branch=branch("then", 3), else_branch=branch("else", 5)
    )
    last = helper.make_node("Neg", ["chosen"], ["out"])
    made = model([choice, last], high=np.array(not condition))
    take_branch(made, condition)
    assert [node.op_type for node in made.graph.node] == ["Mul", "Neg"]
    np.testing.assert_allclose(run(made), X * (-3 if condition else -5))


def test_the_camera_becomes_a_constant() -> None:
    made = model([helper.make_node("ReduceSum", ["camera"], ["sum"], keepdims=0),
                  helper.make_node("Add", ["x", "sum"], ["out"])])  # fmt: skip
    made.graph.input.append(helper.make_tensor_value_info("camera", TensorProto.FLOAT, [17]))
    profile = CameraProfile.of(1.0, 2.0, 0.3)
    fold_camera(made, profile)
    assert [value.name for value in made.graph.input] == ["x"]
    np.testing.assert_allclose(run(made), X + profile.as_array().sum(), rtol=1e-5)


def test_what_depends_on_no_input_is_computed_and_what_nobody_reads_dropped() -> None:
    nodes = [
        helper.make_node("Add", ["one", "one"], ["two"]),
        helper.make_node("Mul", ["two", "two"], ["four"]),
        helper.make_node("Neg", ["two"], ["unread"]),
        helper.make_node("Neg", ["x"], ["unread too"]),
        helper.make_node("Mul", ["x", "four"], ["out"]),
    ]
    made = model(nodes, one=np.float32(1), spare=np.float32(7))
    expected = run(made)
    fold_constants(made)
    assert [node.op_type for node in made.graph.node] == ["Mul"]
    assert [tensor.name for tensor in made.graph.initializer] == ["four"]
    np.testing.assert_array_equal(run(made), expected)
    fold_constants(made)  # nothing is left to do
    np.testing.assert_array_equal(run(made), expected)


def test_rounded_weights_stay_integers() -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["weights", "step", "zero"], ["weights.q"]),
        helper.make_node("DequantizeLinear", ["weights.q", "step", "zero"], ["weights.r"]),
        helper.make_node("Conv", ["x", "weights.r"], ["out"]),
    ]
    weights = np.full((1, 1, 1, 1), 2.03, np.float32)
    made = model(nodes, weights=weights, step=np.float32(0.1), zero=np.int8(0))
    expected = run(made)
    fold_constants(made)
    assert [node.op_type for node in made.graph.node] == ["DequantizeLinear", "Conv"]
    stored = {it.name: numpy_helper.to_array(it) for it in made.graph.initializer}
    assert stored["weights.q"].dtype == np.int8
    assert stored["weights.q"].item() == 20
    np.testing.assert_array_equal(run(made), expected)


def test_errors_of_weights_are_handed_on_so_that_brightness_stays() -> None:
    rng = np.random.default_rng(4)
    weights = rng.normal(0, 0.02, (6, 1, 12, 12)).astype(np.float32)
    weights[:, 0, 5, 5] = 0.5
    steps = np.abs(weights).max((1, 2, 3)) / 127
    whole = diffuse(weights, steps)
    assert whole.dtype == np.int8
    one_by_one = (weights / steps[:, None, None, None]).round()
    widths = steps[:, None, None, None]
    off = (whole * widths - weights).sum((1, 2, 3))
    off_before = (one_by_one * widths - weights).sum((1, 2, 3))
    assert (np.abs(off) <= 0.51 * steps).all()
    assert np.abs(off_before).max() > 3 * np.abs(off).max()
    # No weight is more than a step away from where it was.
    assert (
        np.abs(whole * steps[:, None, None, None] - weights) <= 1.01 * steps[:, None, None, None]
    ).all()


def test_weights_that_read_luma_are_rounded_so_when_constants_are_folded() -> None:
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(2, 1, 3, 3)).astype(np.float32)
    steps = np.abs(weights).max((1, 2, 3)) / 127
    nodes = [
        helper.make_node("Mul", ["half", "two"], ["weights"]),
        helper.make_node("QuantizeLinear", ["weights", "steps", "nones"], ["whole"], axis=0),
        helper.make_node("DequantizeLinear", ["whole", "steps", "nones"], ["wide"], axis=0),
        helper.make_node("Conv", ["x", "wide"], ["out"], pads=[1] * 4),
    ]
    nones = np.zeros(2, np.int8)
    made = model(nodes, half=weights / 2, two=np.float32(2), steps=steps, nones=nones)
    fold_constants(made)
    stored = {it.name: numpy_helper.to_array(it) for it in made.graph.initializer}
    np.testing.assert_array_equal(stored["whole"], diffuse(weights, steps))
    assert stored.keys() == {"whole", "steps", "nones"}


@pytest.mark.parametrize("into", [1, 4])
@pytest.mark.parametrize("stored", [True, False])
def test_narrow_weights_are_as_near_as_steps_twice_as_wide_allow(into: int, stored: bool) -> None:
    rng = np.random.default_rng(6)
    weights = rng.normal(size=(2, into, 3, 3)).astype(np.float32)
    steps = np.abs(weights).max((1, 2, 3)) / 127
    made_of = {"steps": steps} if stored else {"half steps": steps / 2}
    nodes = [
        helper.make_node("Mul", ["half", "two"], ["weights"]),
        helper.make_node("QuantizeLinear", ["weights", "steps", "nones"], ["whole"], axis=0),
        helper.make_node("DequantizeLinear", ["whole", "steps", "nones"], ["wide"], axis=0),
        helper.make_node("Conv", ["many", "wide"], ["out"], pads=[1] * 4),
    ]
    if not stored:
        nodes.insert(0, helper.make_node("Mul", ["half steps", "two"], ["steps"]))
    nodes.insert(0, helper.make_node("Concat", ["x"] * into, ["many"], axis=1))
    nones = np.zeros(2, np.int8)
    made = model(nodes, half=weights / 2, two=np.float32(2), nones=nones, **made_of)
    fold_constants(made, NARROW)
    kept = {it.name: numpy_helper.to_array(it) for it in made.graph.initializer}
    assert kept.keys() == {"whole", "steps", "nones"}
    assert np.abs(kept["whole"].astype(int)).max() == NARROW
    np.testing.assert_allclose(kept["steps"], steps * 127 / NARROW, rtol=1e-6)
    steps_off = kept["whole"] - weights / kept["steps"][:, None, None, None]
    assert np.abs(steps_off).max() <= (1.01 if into == 1 else 0.51)


def test_two_narrow_weights_have_a_sum_of_16_bits() -> None:
    assert np.iinfo(np.int16).max >= 2 * NARROW * 255
    assert np.iinfo(np.int16).max < 2 * (NARROW + 1) * 255


def test_the_probe_is_grey_where_sums_are_whole() -> None:
    white = np.full((1, 1, 32, 32), 255, np.uint8)
    told = {"y": white, "strength": np.array(1, np.float32)}
    made = copy_of(saturation_probe())
    onnx.checker.check_model(made, full_check=True)
    drop_roundings(made)
    fold_constants(made)  # in 32-bit floating point, then, wherever this runs
    wide = open_session(made.SerializeToString(), 1).run(["y_sharp"], told)[0][0, 0]
    assert abs(int(wide[16, 16]) - PROBE_GREY) <= 1
    assert wide[0, 0] < PROBE_GREY / 2  # at the border the convolution reads less
