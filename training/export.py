"""Export: trained weights to the ONNX files that the runtime loads, and proof that they agree.

    python -m training.export runs/cpu --install

The exported student computes on the camera's own bytes: luma as uint8 in and out, scaling inside.
Of a student that was trained for it (--quantise) the graph says where to round to bytes; who wants
it exactly takes the roundings out.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpcam.errors import SharpCamError
from sharpcam.network import (
    CONTRACT,
    CONTRACT_KEY,
    ESTIMATOR_CROP,
    ESTIMATOR_FEATURES,
    ESTIMATOR_KEY,
    INPUT_CAMERA,
    INPUT_CROPS,
    INPUT_EARLIER,
    INPUT_STRENGTH,
    INPUT_Y,
    OUTPUT_FEATURES,
    OUTPUT_PROFILE,
    OUTPUT_Y,
    PROVENANCE_KEY,
    SPEC_KEY,
)
from sharpcam.profile import CameraProfile
from training.card import MODELS, write_card
from training.checkpoint import load_weights
from training.config import TIERS
from training.parity import estimator_parity, student_parity
from training.profiler import ProfileNet
from training.quantise import set_ranges
from training.shipped import student_of_run
from training.student import UNetStudent, denormalise_profile
from training.verb import refused

OPSET = 18


def _within(y: Tensor, phases: Tensor, strength: Tensor, fold: int) -> Tensor:
    """Up to strength 1 the result lies between the input and the trained restoration.

    `y` is whole grey levels, so rounding what is added rounds the sum; as bytes, around 128, the
    shuffle moves a quarter of the memory.
    """
    bytewise = (128.5 + strength * phases).clamp(0, 255).to(torch.uint8)
    return y + (F.pixel_shuffle(bytewise, fold).float() - 128)


def _beyond(y: Tensor, phases: Tensor, strength: Tensor, fold: int) -> Tensor:
    """Beyond strength 1 never leave the range of the neighbourhood and of the restoration."""
    residual = F.pixel_shuffle(phases, fold)
    restored = y + residual
    high = torch.maximum(F.max_pool2d(y, 3, 1, 1), restored)
    low = torch.minimum(-F.max_pool2d(-y, 3, 1, 1), restored)
    return (torch.minimum(torch.maximum(y + strength * residual, low), high) + 0.5).floor()


class Contract(nn.Module):
    """The student behind the tensors of sharpcam/network.py, all in 0..255."""

    def __init__(self, student: UNetStudent) -> None:
        super().__init__()
        self.student = copy.deepcopy(student).cpu().eval().requires_grad_(False)
        # The scaling to 0..1 and back lives in the first and last convolution, not in two passes.
        stem, head = self.student.stem, self.student.head
        for weights in (stem.weight, stem.weights):
            weights.data /= 255
        for values in (head.weight, head.weights, head.bias, head.biases):
            values.data *= 255
        linear = [self.student.linear.out] if self.student.linear is not None else []
        for grid in (self.student.bytes, head.out, *linear):
            if grid.range is not None:
                low, high = grid.range
                grid.range = 255 * low, 255 * high

    def forward(self, y: Tensor, camera: Tensor, strength: Tensor) -> Tensor:
        """uint8 [1, 1, H, W], float32 [17], float32 scalar to uint8 [1, 1, H, W]."""
        luma = y.float()
        phases, _ = self.student.phases(luma, camera[None])
        fold = self.student.spec.fold
        # An ONNX If, so that the halo clamp costs nothing until somebody asks for more than 1.
        out = torch.cond(
            strength > 1,
            partial(_beyond, fold=fold),
            partial(_within, fold=fold),
            (luma, phases, strength),
        )
        return out.clamp(0, 255).to(torch.uint8)


class EstimatorContract(nn.Module):
    """The profile estimator behind the tensors of sharpcam/network.py."""

    def __init__(self, net: ProfileNet) -> None:
        super().__init__()
        self.net = net.cpu().eval()

    def forward(self, crops: Tensor, earlier: Tensor) -> tuple[Tensor, Tensor]:
        told = self.net.read(crops.float() / 255)
        numbers = self.net.judge(torch.cat([earlier, told])[None])
        return denormalise_profile(numbers)[0], told


def _to_onnx(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    dynamic: tuple[dict[int, Any] | None, ...],
    metadata: dict[str, str],
) -> bytes:
    """A module as a checked ONNX file with metadata."""
    program = torch.onnx.export(
        module.eval(),
        examples,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=dynamic,
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    model = program.model_proto
    _forget_sources(model.graph)
    _halve_weights(model.graph)
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _forget_sources(graph: onnx.GraphProto) -> None:
    """Remove the exporter's notes, which name source lines and paths of the training machine."""
    for entry in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del entry.metadata_props[:]
        entry.doc_string = ""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                _forget_sources(attribute.g)
    del graph.metadata_props[:]


def _halve_weights(graph: onnx.GraphProto) -> None:
    """Keep large weights in 16 bits, for half of the file; engines widen them when they load it."""
    casts = []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 256:
            name = tensor.name
            stored = onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
            tensor.CopyFrom(stored)
            casts.append(
                onnx.helper.make_node("Cast", [stored.name], [name], to=onnx.TensorProto.FLOAT)
            )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def student_onnx(student: UNetStudent, provenance: dict[str, Any]) -> bytes:
    """A student as an ONNX file that fulfils the contract."""
    example = torch.zeros(1, 1, 64, 96, dtype=torch.uint8)
    fold = student.spec.fold
    plane = {
        2: fold * torch.export.Dim("cells_down", min=1, max=4096),
        3: fold * torch.export.Dim("cells_across", min=1, max=4096),
    }
    return _to_onnx(
        Contract(student),
        (example, torch.zeros(CameraProfile.SIZE), torch.tensor(1.0)),
        [INPUT_Y, INPUT_CAMERA, INPUT_STRENGTH],
        [OUTPUT_Y],
        (plane, None, None),
        {
            CONTRACT_KEY: CONTRACT,
            SPEC_KEY: student.spec.to_json(),
            PROVENANCE_KEY: json.dumps(provenance, sort_keys=True),
        },
    )


def estimator_onnx(net: ProfileNet, provenance: dict[str, Any]) -> bytes:
    """A profile estimator as an ONNX file."""
    crops = torch.zeros(2, 1, ESTIMATOR_CROP, ESTIMATOR_CROP, dtype=torch.uint8)
    earlier = torch.zeros(3, ESTIMATOR_FEATURES)
    return _to_onnx(
        EstimatorContract(net),
        (crops, earlier),
        [INPUT_CROPS, INPUT_EARLIER],
        [OUTPUT_PROFILE, OUTPUT_FEATURES],
        (
            {0: torch.export.Dim("crops", min=1, max=1024)},
            {0: torch.export.Dim("before", min=0, max=4096)},
        ),
        {ESTIMATOR_KEY: CONTRACT, PROVENANCE_KEY: json.dumps(provenance, sort_keys=True)},
    )


def export_all(folder: Path, install: bool) -> None:
    """Write every student of a run, and its estimator, as ONNX beside the weights; refuse what does
    not agree.

    Raises:
        SharpCamError: weights missing, or an exported file that computes something else.
    """
    made = []
    for tier in TIERS:
        # Of a tier that got used to bytes, those weights: in 32 bits they are as good.
        names = (f"{tier}-int8.safetensors", f"{tier}.safetensors")
        if found := [folder / name for name in names if (folder / name).exists()]:
            made.append(_export_student(found[0]))
    if not made:
        raise SharpCamError(f"no student in {folder}", "give the folder of a finished run")
    made.append(_export_estimator(folder / "estimator.safetensors"))
    if install:
        for file in made:
            shutil.copy(file, MODELS / file.name)
        write_card(MODELS)
        print(f"installed in {MODELS}")


def _export_student(weights: Path) -> Path:
    student, about = student_of_run(weights)
    set_ranges(student, about.get("ranges"))
    target = weights.with_name(f"{student.spec.tier}.onnx")
    target.write_bytes(student_onnx(student, about))
    set_ranges(student, None)
    difference = student_parity(student, target)
    print(f"{target}: largest difference from torch {difference} of 255")
    _refuse(difference > 1)
    return target


def _export_estimator(weights: Path) -> Path:
    net = ProfileNet()
    about = load_weights(weights, net)
    target = weights.with_name("profile.onnx")
    target.write_bytes(estimator_onnx(net, about))
    drift = estimator_parity(net, target)
    print(f"{target}: largest difference from torch {drift:.2e}")
    _refuse(drift > 5e-3)
    return target


def _refuse(differs: bool) -> None:
    if differs:
        raise SharpCamError(
            "the exported file does not compute what was trained", "report this with its line"
        )


def main(argv: list[str] | None = None) -> int:
    """Export one run's folder."""
    parser = argparse.ArgumentParser(prog="python -m training.export")
    parser.add_argument("run", type=Path, help="a run's folder, for example runs/cpu")
    parser.add_argument("--install", action="store_true", help="copy the exports to assets/model")
    args = parser.parse_args(argv)
    try:
        export_all(args.run, args.install)
    except SharpCamError as error:
        return refused(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
