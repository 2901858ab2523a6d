"""Surgery on a student's graph for engines that round everything: finer steps where it ends.

What the last convolutions add to the picture is rounded in steps that reach what the softest camera
needs: half a grey level. To the picture of a camera that is nearly sharp little is added, and such
steps are most of what trembles in its flat parts. So they are made as narrow as this camera allows.
"""

from __future__ import annotations

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, numpy_helper

from sharpcam.graph import copy_of, drop_roundings, unread_by_convolutions
from sharpcam.network import INPUT_STRENGTH, INPUT_Y

FINEST = 1 / 8
"""Of a step's width: below that, other roundings are all that is left."""
SIDE = 96
"""Of the picture that is tried, in pixels."""
HARDER = 0.7
"""Its edges are blurred so many times as much as the camera is said to do: it may be told too
soft."""


def finer_ends(model: ModelProto, blur_px: float) -> None:
    """Narrow the steps of what is added at the end to what edges from black to white lead to behind
    a camera of this blur: to a half, a quarter, an eighth, which keeps sums of steps what they
    were. To be called on folded constants."""
    graph = model.graph
    ends = _ends(graph)
    if not ends:
        return
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    reached = _reached(model, [quantize.input[0] for quantize, _ in ends], HARDER * blur_px)
    for (quantize, dequantize), values in zip(ends, reached, strict=True):
        step, zero = (stored[name] for name in quantize.input[1:3])
        low, high = float(step) * int(zero), float(step) * (255 - int(zero))
        sides = ((-float(values.min()), low), (float(values.max()), high))
        needed = max(most / end for most, end in sides if end > 0)
        share = max(2.0 ** np.ceil(np.log2(max(needed, FINEST))), FINEST)
        if share < 1:
            name = f"{quantize.output[0]}.step"
            graph.initializer.append(
                numpy_helper.from_array(np.asarray(share * step, np.float32), name)
            )
            quantize.input[1] = dequantize.input[1] = name


def _ends(graph: GraphProto) -> list[tuple[NodeProto, NodeProto]]:
    """The roundings, in constant steps from a constant zero, of what convolutions make that is only
    added up; none where they were taken out."""
    stored = {tensor.name for tensor in graph.initializer}
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    readers: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    return [
        (quantize, dequantize)
        for quantize, dequantize in unread_by_convolutions(graph)
        if made_by.get(quantize.input[0]) == "Conv"
        and readers[dequantize.output[0]] == {"Add"}
        and len(stored.intersection(quantize.input)) == 2
    ]


def _reached(model: ModelProto, names: list[str], blur_px: float) -> list[NDArray[np.float32]]:
    """These tensors without roundings, when the picture is nothing but edges of this blur."""
    from sharpcam.engines.onnx_runtime import open_session  # loads the library

    bare = copy_of(model.SerializeToString())
    drop_roundings(bare)
    bare.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    tiles = np.random.default_rng(0).integers(0, 2, (SIDE // 8, SIDE // 8)) * 255
    y = np.kron(tiles, np.ones((8, 8))).astype(np.uint8)
    if blur_px:
        y = np.asarray(cv2.GaussianBlur(y, (0, 0), blur_px), np.uint8)
    feed = {INPUT_Y: y[None, None], INPUT_STRENGTH: np.array(1, np.float32)}
    found: list[NDArray[np.float32]] = open_session(
        bare.SerializeToString(), threads=1, keep=False
    ).run(names, feed)
    return found
