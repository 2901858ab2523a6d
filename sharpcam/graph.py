"""Surgery on a student's ONNX graph: one camera's constants, one way through, fewer roundings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from sharpcam.network import INPUT_CAMERA, INPUT_STRENGTH, INPUT_Y, OUTPUT_Y
from sharpcam.profile import CameraProfile

WHOLE, NARROW = 127, 64
"""The largest weight in whole steps: of a byte; and such that two of them, times a byte of the
picture each, have a sum of 16 bits."""
PROBE_GREY = 200
"""See `saturation_probe`."""


def fold_camera(model: ModelProto, camera: CameraProfile) -> None:
    """Make the profile a constant: engines then compute all that depends on it alone just once."""
    graph = model.graph
    kept = [value for value in graph.input if value.name != INPUT_CAMERA]
    del graph.input[:]
    graph.input.extend(kept)
    graph.initializer.append(numpy_helper.from_array(camera.as_array(), INPUT_CAMERA))


def take_branch(model: ModelProto, condition: bool) -> None:
    """Put the nodes of one branch in the place of every If of the graph."""
    graph = model.graph
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type != "If":
            nodes.append(node)
            continue
        branch = _branch(node, "then_branch" if condition else "else_branch")
        renamed = dict(zip((value.name for value in branch.output), node.output, strict=True))
        for inner in branch.node:
            for names in (inner.input, inner.output):
                names[:] = [renamed.get(name, name) for name in names]
            nodes.append(inner)
        graph.initializer.extend(branch.initializer)
    del graph.node[:]
    graph.node.extend(nodes)


def _branch(node: NodeProto, name: str) -> GraphProto:
    graph: GraphProto = next(it.g for it in node.attribute if it.name == name)
    return graph


def drop_roundings(model: ModelProto, keep_fused: bool = False) -> None:
    """Take pairs of QuantizeLinear and DequantizeLinear out, so that values pass as they are; all
    of them, or with `keep_fused` those alone that cost an engine a pass over the picture: what a
    convolution reads is rounded by the one before, and so is what is added on the way.
    """
    graph = model.graph
    dropped = _unread_by_convolutions(graph) if keep_fused else _pairs(graph)
    instead = {dequantize.output[0]: quantize.input[0] for quantize, dequantize in dropped}
    redirect(graph, instead)
    # Nobody reads the pairs any more; engines drop what nobody reads.


def _unread_by_convolutions(graph: GraphProto) -> list[tuple[NodeProto, NodeProto]]:
    """QuantizeLinear and DequantizeLinear of what neither a convolution reads nor is added to what
    one reads."""
    pairs = list(_pairs(graph))
    by_convolutions = {name for node in graph.node if node.op_type == "Conv" for name in node.input}
    rounded_for_them = {
        quantize.input[0]
        for quantize, dequantize in pairs
        if dequantize.output[0] in by_convolutions
    }
    kept = by_convolutions.union(
        *(
            node.input
            for node in graph.node
            if node.op_type == "Add" and node.output[0] in rounded_for_them
        )
    )
    return [pair for pair in pairs if pair[1].output[0] not in kept]


def redirect(graph: GraphProto, instead: dict[str, str]) -> None:
    """Let who reads one of these tensors read the other one instead."""
    for node in graph.node:
        for index, name in enumerate(node.input):
            while name in instead:
                name = instead[name]
            node.input[index] = name


def fold_constants(model: ModelProto, most: int = WHOLE) -> None:
    """Compute what depends on no input, which is most of a student once its camera is known, and
    drop what nobody reads. What is left is small, and is compiled in a fraction of the time.

    Integers stay integers: what widens them is left to the engine, which computes with them.
    Weights that read luma are rounded by `diffuse`. `most` is the largest of a kernel's whole
    weights: NARROW makes steps that are twice as wide.
    """
    graph = model.graph
    known = {tensor.name for tensor in graph.initializer}
    constant, rest = [], []
    for node in graph.node:
        if node.op_type != "DequantizeLinear" and known.issuperset(filter(None, node.input)):
            constant.append(node)
            known.update(node.output)
        else:
            rest.append(node)
    rest = read_by(rest, {value.name for value in graph.output})
    read = {name for node in rest for name in node.input}
    made = read.intersection(name for node in constant for name in node.output)
    values = _values(model, constant, made, most) if made else {}
    kept = [it for it in graph.initializer if it.name in read and it.name not in values]
    kept += [numpy_helper.from_array(values[name], name) for name in sorted(read & values.keys())]
    for field, entries in ((graph.node, rest), (graph.initializer, kept), (graph.value_info, [])):
        del field[:]
        field.extend(entries)


def _values(
    model: ModelProto, constant: list[NodeProto], wanted: set[str], most: int
) -> dict[str, NDArray[Any]]:
    """The wanted tensors, and some others, of nodes that read no input."""
    from sharpcam.engines.onnx_runtime import evaluate  # loads the library

    stored = model.graph.initializer
    rounded = [it for it in constant if it.op_type == "QuantizeLinear" and it.output[0] in wanted]
    before = {name for node in rounded for name in node.input[:2]}
    values = {it.name: numpy_helper.to_array(it) for it in stored if it.name in before}
    asked = sorted(wanted | before - values.keys())
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in asked]
    alone = onnx.helper.make_model(
        onnx.helper.make_graph(constant, "constants", [], outputs, stored),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
    )
    values |= evaluate(alone.SerializeToString(), asked)
    for node in rounded:
        weights, steps = (values[name] for name in node.input[:2])
        if weights.ndim != 4 or steps.shape != weights.shape[:1]:
            continue
        if most < WHOLE:
            steps = values[node.input[1]] = steps * np.float32(WHOLE / most)
        if weights.shape[1] == 1:
            values[node.output[0]] = diffuse(weights, steps, most)
        elif most < WHOLE:
            whole = np.rint(weights / steps[:, None, None, None]).clip(-most, most)
            values[node.output[0]] = whole.astype(np.int8)
    return values


def diffuse(
    weights: NDArray[np.float32], steps: NDArray[np.float32], most: int = WHOLE
) -> NDArray[np.int8]:
    """Weights [out, 1, h, w] in whole steps [out], up to `most` of them: each error is handed on to
    the next weight, there and back from row to row (Floyd and Steinberg 1976 did so with pictures).

    Luma is no noise around zero: where 144 weights are rounded one by one, errors that add up make
    the picture brighter or darker by whole grey levels. Handed on, they only touch what is as fine
    as pixels.
    """
    out, _, height, width = weights.shape
    path = weights[:, 0] / steps[:, None, None]
    path[:, 1::2] = path[:, 1::2, ::-1]
    path = path.reshape(out, height * width)
    whole, error = np.empty_like(path), np.zeros(out, np.float32)
    for index in range(height * width):
        wanted = path[:, index] + error
        whole[:, index] = wanted.round().clip(-most, most)
        error = wanted - whole[:, index]
    whole = whole.reshape(out, height, width)
    whole[:, 1::2] = whole[:, 1::2, ::-1].copy()
    return whole[:, None].astype(np.int8)


def saturation_probe() -> bytes:
    """A graph with a student's inputs that makes a white picture [32, 32] PROBE_GREY in its middle
    if 8-bit sums are whole. Without VNNI (most processors before 2020) they are made of sums of two
    products that are cut to 16 bits, which leaves half of it here."""
    inputs = 16 * 9
    step = np.float32(PROBE_GREY / (inputs * 255 * WHOLE))
    constants = {
        "one": np.float32(1),
        "black": np.uint8(0),
        "whole": np.full((16, 16, 3, 3), WHOLE, np.int8),
        "steps": np.full(16, step),
        "zeros": np.zeros(16, np.int8),
    }
    make = onnx.helper.make_node
    nodes = [
        make("SpaceToDepth", [INPUT_Y], ["cells"], blocksize=4),
        make("DequantizeLinear", ["cells", "one", "black"], ["luma"]),
        make("DequantizeLinear", ["whole", "steps", "zeros"], ["weights"], axis=0),
        make("Conv", ["luma", "weights"], ["sums"], pads=[1] * 4),
        make("QuantizeLinear", ["sums", "one", "black"], ["bytes"]),
        make("DequantizeLinear", ["bytes", "one", "black"], ["levels"]),
        make("DepthToSpace", ["levels"], ["pixels"], blocksize=4),
        make("Cast", ["pixels"], [OUTPUT_Y], to=TensorProto.UINT8),
    ]
    picture: list[int | str | None] = [1, 1, "height", "width"]
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "saturation",
        [
            value(INPUT_Y, TensorProto.UINT8, picture),
            value(INPUT_STRENGTH, TensorProto.FLOAT, []),
        ],
        [value(OUTPUT_Y, TensorProto.UINT8, picture)],
        [numpy_helper.from_array(np.asarray(it), name) for name, it in constants.items()],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    made = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    serialised: bytes = made.SerializeToString()
    return serialised


def read_by(nodes: list[NodeProto], wanted: set[str]) -> list[NodeProto]:
    """Those of the nodes, in order, that the wanted tensors depend on."""
    read, kept = set(wanted), []
    for node in reversed(nodes):
        if read.intersection(node.output):
            kept.append(node)
            read.update(node.input)
    return kept[::-1]


def _pairs(graph: GraphProto) -> Iterator[tuple[NodeProto, NodeProto]]:
    made_by = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            before = made_by.get(node.input[0])
            if before is not None and before.op_type == "QuantizeLinear":
                yield before, node


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a graph, as ONNX defines it."""

    operation: str
    inputs: tuple[str, ...]
    """Names of tensors; an empty one is left out."""
    output: str
    attributes: dict[str, Any]


def steps(data: bytes) -> tuple[list[Step], dict[str, NDArray[Any]]]:
    """What an ONNX file computes, in order, and its constants: for engines that know no ONNX."""
    graph = copy_of(data).graph
    found = [
        Step(
            node.op_type,
            tuple(node.input),
            node.output[0],
            {it.name: onnx.helper.get_attribute_value(it) for it in node.attribute},
        )
        for node in graph.node
    ]
    return found, {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def copy_of(data: bytes) -> ModelProto:
    """The graph of an ONNX file that was read before."""
    model: ModelProto = onnx.load_model_from_string(data)
    return model
