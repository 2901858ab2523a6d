"""The shipped networks, back from their ONNX files into torch: to learn with, or to go on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from sharpcam.errors import SharpCamError
from sharpcam.network import PROVENANCE_KEY, SPEC_KEY, NetworkSpec
from training.checkpoint import load_weights, read_about
from training.profiler import ProfileNet
from training.student import UNetStudent


def load_student(path: Path) -> UNetStudent:
    """A student as it was before export (export.Contract scales its first and last convolutions).

    Its large weights come back from 16 bits, and without roundings to bytes.

    Raises:
        SharpCamError: not a student's file, or one with another topology.
    """
    return _student(path)[0]


def _student(path: Path) -> tuple[UNetStudent, dict[str, str]]:
    """A student, and what its file says about itself."""
    model = _read(path)
    found = {entry.key: entry.value for entry in model.metadata_props}
    if SPEC_KEY not in found:
        raise SharpCamError(f"{path} is not a SharpCam student", "give one of assets/model")
    student = UNetStudent(NetworkSpec.from_json(found[SPEC_KEY]))
    _load(student, path, _tensors(model, "student."))
    with torch.no_grad():
        for weights in (student.stem.weight, student.stem.weights):
            weights *= 255
        head = student.head
        for values in (head.weight, head.weights, head.bias, head.biases):
            values /= 255
    return student, found


def student_of_run(path: Path) -> tuple[UNetStudent, dict[str, Any]]:
    """A run's student (.safetensors), and what its weights say about themselves besides the spec.

    Raises:
        SharpCamError: missing, damaged, or not a student's.
    """
    about = read_about(path)
    try:
        spec = NetworkSpec.from_json(json.dumps(about.pop("spec", None)))
    except ValueError as error:
        raise SharpCamError(f"{path} is not a student's: {error}", "give one of a run") from error
    student = UNetStudent(spec)
    load_weights(path, student)
    return student, about


def any_student(path: Path) -> UNetStudent:
    """A student of a run (.safetensors) or a shipped one (.onnx).

    Raises:
        SharpCamError: missing, damaged, or not a student's.
    """
    return load_student(path) if path.suffix == ".onnx" else student_of_run(path)[0]


def load_estimator(path: Path) -> ProfileNet:
    """A profile estimator.

    Raises:
        SharpCamError: not an estimator's file, or one with another topology.
    """
    net = ProfileNet()
    _load(net, path, _tensors(_read(path), "net."))
    return net


def fill_student(student: UNetStudent, weights: Path) -> int:
    """Fill a student with weights that were trained before, a run's (.safetensors) or the shipped
    ones (.onnx); returns for how many steps they were.

    Raises:
        SharpCamError: missing, damaged, or weights of another network.
    """
    if weights.suffix == ".onnx":
        found, metadata = _student(weights)
        if found.spec != student.spec:
            raise SharpCamError(
                f"{weights} has another topology: {found.spec.to_json()}",
                f"ask for the same, or give one with {student.spec.to_json()}",
            )
        student.load_state_dict(found.state_dict())
        about = json.loads(metadata.get(PROVENANCE_KEY, "{}"))
    else:
        about = load_weights(weights, student)
    return int(about.get("step", 0)) + int(about.get("before", 0))


def fill_estimator(net: ProfileNet, weights: Path) -> None:
    """Fill an estimator likewise.

    Raises:
        SharpCamError: missing, damaged, or weights of another network.
    """
    if weights.suffix == ".onnx":
        net.load_state_dict(load_estimator(weights).state_dict())
    else:
        load_weights(weights, net)


def _read(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path)
    except Exception as error:  # onnx raises a different type for every kind of damage
        raise SharpCamError(
            f"cannot read {path}: {error}", "give a file of assets/model"
        ) from error


def _tensors(model: onnx.ModelProto, prefix: str) -> dict[str, Tensor]:
    return {
        tensor.name.removeprefix(prefix).removesuffix(".half"): torch.from_numpy(
            numpy_helper.to_array(tensor).astype(np.float32)
        )
        for tensor in model.graph.initializer
        if tensor.name.startswith(prefix)
    }


def _load(net: nn.Module, path: Path, tensors: dict[str, Tensor]) -> None:
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise SharpCamError(
            f"{path} holds another network: {error}", "give a file of this version's assets/model"
        ) from error
