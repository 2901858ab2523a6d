"""Export: trained weights to the ONNX files that the runtime loads, and proof that they agree.

    python -m training.export runs/cpu --install

The exported student computes on the camera's own bytes: luma as uint8 in and out, scaling inside.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpcam.errors import SharpCamError
from sharpcam.model import load_model, open_session
from sharpcam.network import (
    CONTRACT,
    CONTRACT_KEY,
    ESTIMATOR_CROP,
    ESTIMATOR_KEY,
    INPUT_CAMERA,
    INPUT_STRENGTH,
    INPUT_Y,
    OUTPUT_Y,
    PROVENANCE_KEY,
    SPEC_KEY,
    NetworkSpec,
)
from sharpcam.profile import CameraProfile
from training.checkpoint import load_weights, read_about
from training.config import TIERS
from training.profiler import ProfileNet
from training.student import UNetStudent
from training.verb import refused

MODELS = Path(__file__).parents[1] / "assets" / "model"
OPSET = 18


def _within(y: Tensor, residual: Tensor, strength: Tensor) -> Tensor:
    """Up to strength 1 the result lies between the input and the trained restoration."""
    return y + strength * residual


def _beyond(y: Tensor, residual: Tensor, strength: Tensor) -> Tensor:
    """Beyond strength 1 never leave the range of the neighbourhood and of the restoration."""
    restored = y + residual
    high = torch.maximum(F.max_pool2d(y, 3, 1, 1), restored)
    low = torch.minimum(-F.max_pool2d(-y, 3, 1, 1), restored)
    return torch.minimum(torch.maximum(y + strength * residual, low), high)


class Contract(nn.Module):
    """The student behind the tensors of sharpcam/network.py, all in 0..255."""

    def __init__(self, student: UNetStudent) -> None:
        super().__init__()
        self.student = copy.deepcopy(student).cpu().eval()
        # The scaling to 0..1 and back lives in the first and last convolution, not in two passes.
        self.student.stem.weight.data /= 255
        self.student.head.weight.data *= 255
        self.student.head.bias.data *= 255

    def forward(self, y: Tensor, camera: Tensor, strength: Tensor) -> Tensor:
        """uint8 [1, 1, H, W], float32 [4], float32 scalar to uint8 [1, 1, H, W]."""
        luma = y.float()
        residual, _ = self.student.residual(luma, camera[None])
        # An ONNX If, so that the halo clamp costs nothing until somebody asks for more than 1.
        out = torch.cond(strength > 1, _beyond, _within, (luma, residual, strength))
        return (out.clamp(0, 255) + 0.5).to(torch.uint8)


class EstimatorContract(nn.Module):
    """The profile estimator on bytes: uint8 [N, 1, S, S] to profile and its error, float32 [N,
    4]."""

    def __init__(self, net: ProfileNet) -> None:
        super().__init__()
        self.net = net.cpu().eval()

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        profile, error = self.net(crops.float() / 255)
        return profile, error


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
        (example, torch.zeros(4), torch.tensor(1.0)),
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
    example = torch.zeros(2, 1, ESTIMATOR_CROP, ESTIMATOR_CROP, dtype=torch.uint8)
    return _to_onnx(
        EstimatorContract(net),
        (example,),
        ["crops"],
        ["profile", "error"],
        ({0: torch.export.Dim("crops", min=1, max=1024)},),
        {ESTIMATOR_KEY: CONTRACT, PROVENANCE_KEY: json.dumps(provenance, sort_keys=True)},
    )


@torch.no_grad()
def student_parity(student: UNetStudent, file: Path) -> int:
    """The largest difference in grey levels between a trained student and its file.

    Over pictures of noise, of edges and of a gradient, profiles and strengths 0, 0.6 and 1.
    """
    rng = np.random.default_rng(0)
    gradient = np.tile(np.linspace(0, 255, 96), (64, 1))
    edges = np.kron(rng.integers(0, 2, (16, 24)), np.ones((4, 4))) * 180 + 30
    noise = rng.integers(0, 256, (64, 96))
    student = student.cpu().eval()
    worst = 0
    for profile in (CameraProfile(), CameraProfile(1.1, 1.0, 0.3), CameraProfile(2.0, 6.0, 1.0)):
        session = load_model(file).session(profile, threads=1)
        camera = torch.from_numpy(profile.as_array())[None]
        for picture in (gradient, edges, noise):
            y = picture.astype(np.uint8)
            luma = torch.from_numpy(y).float()[None, None] / 255
            residual = student.residual(luma, camera)[0].numpy()[0, 0]
            for strength in (0.0, 0.6, 1.0):
                wanted = np.floor((y + 255 * strength * residual).clip(0, 255) + 0.5)
                difference = session.run(y, strength) - wanted
                worst = max(worst, int(np.abs(difference).max()))
    return worst


@torch.no_grad()
def estimator_parity(net: ProfileNet, file: Path) -> float:
    """The largest difference between a trained estimator and its file, in normalised units."""
    crops = np.random.default_rng(0).integers(0, 256, (4, 1, ESTIMATOR_CROP, ESTIMATOR_CROP))
    wanted, _ = net.cpu().eval()(torch.from_numpy(crops).float() / 255)
    session = open_session(file, threads=1)
    (got,) = session.run(["profile"], {"crops": crops.astype(np.uint8)})
    return float(np.abs(got - wanted.numpy()).max())


def export_all(folder: Path, install: bool) -> None:
    """Write every student of a run, and its estimator, as ONNX beside the weights; refuse what does
    not agree.

    Raises:
        SharpCamError: weights missing, or an exported file that computes something else.
    """
    made = [
        _export_student(weights)
        for tier in TIERS
        if (weights := folder / f"{tier}.safetensors").exists()
    ]
    if not made:
        raise SharpCamError(f"no student in {folder}", "give the folder of a finished run")
    made.append(_export_estimator(folder / "estimator.safetensors"))
    if install:
        for file in made:
            shutil.copy(file, MODELS / file.name)
        print(f"installed in {MODELS}")


def _export_student(weights: Path) -> Path:
    about = read_about(weights)
    student = UNetStudent(NetworkSpec(**about.pop("spec")))
    load_weights(weights, student)
    target = weights.with_suffix(".onnx")
    target.write_bytes(student_onnx(student, about))
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
    _refuse(drift > 1e-3)
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
