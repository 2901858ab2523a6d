"""Surgery on a student's graph for engines that compute on channels: pictures as cells, see
`engines/cells.py`."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from sharpcam.engines.cells import INPUT_CELLS, OUTPUT_CELLS, SIDE
from sharpcam.graph import read_by, redirect
from sharpcam.network import INPUT_STRENGTH, INPUT_Y, OUTPUT_Y

TO_CHANNELS, FROM_CHANNELS = (0, 3, 1, 2), (0, 2, 3, 1)
"""Cells to channels, and channels to cells, in words of Transpose."""
CONVERSIONS = ("Cast", "QuantizeLinear", "DequantizeLinear")
ENDING = ("Cast", "Clip", "Add", "Sub", "Cast", "DepthToSpace", "Cast", "Clip", "Add", "Mul")
"""A student's last operations, the last one first: from the sharpened luma back to the strength."""


def read_bytes(model: ModelProto) -> None:
    """Luma that is widened and rounded to whole grey levels is the luma again: let who reads the
    levels read it. To be called on folded constants."""
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    instead = {}
    for node in graph.node:
        if node.op_type != "QuantizeLinear":
            continue
        widened = made_by.get(node.input[0])
        grid = [numpy_helper.to_array(stored[it]) for it in node.input[1:3] if it in stored]
        if widened is None or (widened.op_type, *widened.input) != ("Cast", INPUT_Y):
            continue
        if [it.tolist() for it in grid] == [1, 0] and grid[1].dtype == np.uint8:
            instead[node.output[0]] = INPUT_Y
    redirect(graph, instead)
    nodes = read_by(list(graph.node), {value.name for value in graph.output})
    del graph.node[:]
    graph.node.extend(nodes)


def cells_to_channels(model: ModelProto) -> None:
    """Let the first convolutions read the places in a cell as channels: 3x3 of 16 channels instead
    of 12x12 of one with stride 4, the same sums. Engines whose integers multiply along channels
    waste most of a single one. To be called on folded constants.
    """
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    before: list[NodeProto] = []
    for node in graph.node:
        if node.op_type != "Conv" or not (way := _way_from_luma(node, made_by)):
            continue
        fold = next((it.ints[0] for it in node.attribute if it.name == "strides"), 1)
        widened = made_by.get(node.input[1])
        weights = stored[widened.input[0] if widened else node.input[1]]
        values = numpy_helper.to_array(weights)
        out, _, side, _ = values.shape
        if fold == 1 or side != 3 * fold:
            continue
        cells = values.reshape(out, 3, fold, 3, fold).transpose(0, 2, 4, 1, 3)
        cells = np.ascontiguousarray(cells.reshape(out, fold**2, 3, 3))
        weights.CopyFrom(numpy_helper.from_array(cells, weights.name))
        attributes = {"strides": [1, 1], "pads": [1] * 4, "kernel_shape": [3, 3]}
        del node.attribute[:]
        node.attribute.extend(onnx.helper.make_attribute(*it) for it in attributes.items())
        if not before:
            cell = [INPUT_Y], [f"{INPUT_Y}.cells"]
            before.append(onnx.helper.make_node("SpaceToDepth", *cell, blocksize=fold))
            for step in way:
                copied = NodeProto()
                copied.CopyFrom(step)
                copied.name = ""  # names of nodes are unique
                copied.input[0], copied.output[0] = (
                    f"{step.input[0]}.cells",
                    f"{step.output[0]}.cells",
                )
                before.append(copied)
        node.input[0] = f"{node.input[0]}.cells"
    nodes = [*before, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _way_from_luma(node: NodeProto, made_by: dict[str, NodeProto]) -> list[NodeProto]:
    """The conversions between the luma and this node, in order; empty where it reads something
    else."""
    way: list[NodeProto] = []
    name = node.input[0]
    while name != INPUT_Y:
        step = made_by.get(name)
        if step is None or step.op_type not in CONVERSIONS:
            return []
        way.insert(0, step)
        name = step.input[0]
    return way


def speak_cells(model: ModelProto) -> bool:
    """Let the graph take and give pictures as cells, where it ends as students up to strength 1 do:
    the places of a cell, multiplied by the strength, shuffled to pixels, and added to the luma.
    Returns whether it did; else the graph is as it was. To be called after `cells_to_channels`.
    """
    graph = model.graph
    enter, *rest = graph.node
    if enter.op_type != "SpaceToDepth" or enter.attribute[0].i != SIDE:
        return False
    made_by = {name: node for node in graph.node for name in node.output}
    phases = _phases(made_by)
    if phases is None:
        return False
    way, read = [], enter.output[0]
    for node in rest:
        if node.op_type not in CONVERSIONS or node.input[0] != read:
            break
        way.append(node)
        read = node.output[0]
    # In the order of cells, too: behind a Transpose, OpenVINO does not see the integers.
    before = INPUT_CELLS
    for node in way:
        node.input[0], node.output[0] = before, f"{node.output[0]}.nhwc"
        before = node.output[0]
    make = onnx.helper.make_node
    turn = make("Transpose", [before], [read], perm=TO_CHANNELS)
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value), name)
        for name, value in (("cells.level", np.float32(1)), ("cells.black", np.uint8(0)))
    )
    nodes = [
        *way,
        turn,
        *rest[len(way) :],
        make("Transpose", [phases], ["cells.phases"], perm=FROM_CHANNELS),
        make("Mul", [INPUT_STRENGTH, "cells.phases"], ["cells.added"]),
        make("Cast", [INPUT_CELLS], ["cells.luma"], to=TensorProto.FLOAT),
        make("Add", ["cells.luma", "cells.added"], ["cells.sharp"]),
        # Rounded and clipped in one go.
        make("QuantizeLinear", ["cells.sharp", "cells.level", "cells.black"], [OUTPUT_CELLS]),
    ]
    shape: list[int | str | None] = [1, "cells_down", "cells_across", SIDE**2]
    strength = [value for value in graph.input if value.name == INPUT_STRENGTH]
    cells, out = (
        onnx.helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
        for name in (INPUT_CELLS, OUTPUT_CELLS)
    )
    for field, entries in (
        (graph.node, read_by(nodes, {OUTPUT_CELLS})),
        (graph.input, [cells, *strength]),
        (graph.output, [out]),
    ):
        del field[:]
        field.extend(entries)
    return True


def _phases(made_by: dict[str, NodeProto]) -> str | None:
    """What is multiplied by the strength, rounded, shuffled to pixels and added to the luma; None
    where the graph ends in another way."""
    node = made_by[OUTPUT_Y]
    if node.op_type != ENDING[0]:
        return None
    for wanted in ENDING[1:]:
        before = (made_by.get(name) for name in node.input)
        found = next((it for it in before if it is not None and it.op_type == wanted), None)
        if found is None:
            return None
        node = found
    factors = [name for name in node.input if name != INPUT_STRENGTH]
    return factors[0] if len(factors) == 1 else None
