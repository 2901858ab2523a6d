"""Students of a few nodes with valid metadata, so that the real loader runs in milliseconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sharpcam.network import (
    CONTRACT,
    CONTRACT_KEY,
    INPUT_CAMERA,
    INPUT_STRENGTH,
    INPUT_Y,
    OUTPUT_Y,
    PROVENANCE_KEY,
    SPEC_KEY,
    NetworkSpec,
)
from sharpcam.profile import CameraProfile

PERFECT = CameraProfile().as_array()
BLUR_LEVEL = 20 / float((1 - CameraProfile.of(2, 0).as_array()[:5]).sum())
CAMERA_WEIGHTS = np.array(
    [-BLUR_LEVEL] * 5 + [0.0] * 5 + [0.5] * 2 + [5.0] * 3 + [3.0, 0.0], np.float32
)
"""`write_adder`'s grey levels per unit of the profile's numbers, at strength 1: 20 for a blur of
2 px, 1 for noise of 1, 5 for compression of 1."""
SPEC = NetworkSpec(tier="tiny", channels=16, blocks=1)


def write_identity(path: Path) -> Path:
    """A student that changes nothing."""
    return _write(path, [helper.make_node("Identity", [INPUT_Y], [OUTPUT_Y])])


def write_adder(path: Path) -> Path:
    """y + strength * CAMERA_WEIGHTS . (profile - perfect), clipped to 0 to 255."""
    nodes = [
        helper.make_node("Cast", [INPUT_Y], ["y_float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", [INPUT_CAMERA, "perfect"], ["faults"]),
        helper.make_node("Mul", ["faults", "weights"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted"], ["level"], keepdims=0),
        helper.make_node("Mul", ["level", INPUT_STRENGTH], ["added"]),
        helper.make_node("Add", ["y_float", "added"], ["sum"]),
        *_to_uint8("sum"),
    ]
    return _write(path, nodes, weights=CAMERA_WEIGHTS, perfect=PERFECT)


def write_blur(path: Path, size: int = 33) -> Path:
    """A mean over size x size pixels, zero outside as a convolution has it: shows every seam."""
    kernel = np.full((1, 1, size, size), 1 / size**2, np.float32)
    nodes = [
        helper.make_node("Cast", [INPUT_Y], ["y_float"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["y_float", "kernel"], ["mean"], pads=[size // 2] * 4),
        *_to_uint8("mean"),
    ]
    return _write(path, nodes, kernel=kernel)


def _to_uint8(name: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Round", [name], ["rounded"]),
        helper.make_node("Clip", ["rounded", "black", "white"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], [OUTPUT_Y], to=TensorProto.UINT8),
    ]


def _write(path: Path, nodes: list[onnx.NodeProto], **constants: np.ndarray) -> Path:
    plane = [1, 1, "H", "W"]
    constants |= {"black": np.float32(0), "white": np.float32(255)}
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs=[
            helper.make_tensor_value_info(INPUT_Y, TensorProto.UINT8, plane),
            helper.make_tensor_value_info(INPUT_CAMERA, TensorProto.FLOAT, [17]),
            helper.make_tensor_value_info(INPUT_STRENGTH, TensorProto.FLOAT, []),
        ],
        outputs=[helper.make_tensor_value_info(OUTPUT_Y, TensorProto.UINT8, plane)],
        initializer=[
            numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    metadata = {CONTRACT_KEY: CONTRACT, SPEC_KEY: SPEC.to_json(), PROVENANCE_KEY: '{"data": "-"}'}
    helper.set_model_props(model, metadata)
    onnx.save_model(model, str(path))
    return path
