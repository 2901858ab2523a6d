"""ONNX files: read, checked against the contract of `network.py`, and made into sessions.

The only module that knows ONNX and ONNX Runtime.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from sharpcam.errors import SharpCamError
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

# ONNX Runtime's own builds report to Microsoft unless this is set before they are loaded (see the
# Privacy.md in its wheel); nothing leaves this computer.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

MAX_BYTES = 64 << 20
"""The largest student is a few MB; anything above this is not one and is not read."""

_INPUTS: dict[str, tuple[int, int]] = {
    INPUT_Y: (TensorProto.UINT8, 4),
    INPUT_CAMERA: (TensorProto.FLOAT, 1),
    INPUT_STRENGTH: (TensorProto.FLOAT, 0),
}
_OUTPUTS: dict[str, tuple[int, int]] = {OUTPUT_Y: (TensorProto.UINT8, 4)}


@dataclass(frozen=True, slots=True)
class Model:
    """A student's file, checked."""

    data: bytes
    """The ONNX file."""
    spec: NetworkSpec
    provenance: dict[str, Any]
    """Where the weights come from: git commit, data, scores; as the training wrote it."""
    path: Path

    def session(self, camera: CameraProfile, threads: int) -> Session:
        """A session for one camera; takes about 10 ms.

        The profile becomes a constant of the graph, which lets ONNX Runtime fold the modulation
        into the convolutions: 10 to 15 % faster than with the profile as an input.

        Raises:
            SharpCamError: the weights are damaged.
        """
        proto = onnx.load_model_from_string(self.data)
        kept = [value for value in proto.graph.input if value.name != INPUT_CAMERA]
        del proto.graph.input[:]
        proto.graph.input.extend(kept)
        proto.graph.initializer.append(numpy_helper.from_array(camera.as_array(), INPUT_CAMERA))
        return Session(_open(proto.SerializeToString(), threads, self.path))


class Session:
    """The student for one camera. Threads may share it."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        """Restored luma, a new array like `y`: uint8 [H, W], C-contiguous, H and W multiples of
        4."""
        feed = {INPUT_Y: y[None, None], INPUT_STRENGTH: np.array(strength, np.float32)}
        result: NDArray[np.uint8] = self._engine.run([OUTPUT_Y], feed)[0][0, 0]
        return result


def load_model(path: Path) -> Model:
    """Read a student.

    Raises:
        SharpCamError: missing, empty, too large, damaged, not a SharpCam student, or of a contract
            that this version does not know.
    """
    data = _read(path)
    proto = _parse(data, path)
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    if CONTRACT_KEY not in metadata:
        raise SharpCamError(
            f"{path} is not a SharpCam student",
            "give a file that training.export wrote, or leave out --model",
        )
    if metadata[CONTRACT_KEY] != CONTRACT:
        raise SharpCamError(
            f"{path} has contract version {metadata[CONTRACT_KEY][:20]!r}, "
            f"this SharpCam knows {CONTRACT!r}",
            "install the SharpCam version that the file was made for, or export it again",
        )
    try:
        spec = NetworkSpec.from_json(metadata.get(SPEC_KEY, ""))
        provenance = json.loads(metadata.get(PROVENANCE_KEY, ""))
        if not isinstance(provenance, dict):
            raise TypeError(f"expected an object, got {provenance!r}")  # noqa: TRY301
    except (ValueError, TypeError, RecursionError) as error:
        raise SharpCamError(
            f"{path} describes itself wrongly: {str(error)[:200]}", "export it again"
        ) from error
    for kind, expected, values in (
        ("inputs", _INPUTS, proto.graph.input),
        ("outputs", _OUTPUTS, proto.graph.output),
    ):
        found = {
            value.name: (value.type.tensor_type.elem_type, len(value.type.tensor_type.shape.dim))
            for value in values
        }
        if found != expected:
            raise SharpCamError(
                f"{path} has the {kind} {_describe(found)}, expected {_describe(expected)}",
                "export it again with this version's training.export",
            )
    return Model(data, spec, provenance, path)


def open_session(path: Path, threads: int) -> Any:
    """An `onnxruntime.InferenceSession` for a model of another kind (the profile estimator).

    Raises:
        SharpCamError: missing, empty, too large or damaged.
    """
    data = _read(path)
    _parse(data, path)
    return _open(data, threads, path)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if 0 < size <= MAX_BYTES:
            return path.read_bytes()
    except OSError as error:
        raise SharpCamError(
            f"cannot read the model {path}: {error.strerror or error}",
            "check the name and the folder",
        ) from error
    if size:
        raise SharpCamError(
            f"{path} is too large for a student: {size >> 20} MiB, at most {MAX_BYTES >> 20}",
            "give a file that training.export wrote",
        )
    raise SharpCamError(f"{path} is empty (0 bytes)", "export or install it again")


def _parse(data: bytes, path: Path) -> onnx.ModelProto:
    try:
        proto = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own errors, whose base differs between its builds
        raise _damaged(path) from error
    if not proto.graph.node:
        raise _damaged(path)
    # Weights in other files could name any path of this machine.
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in proto.graph.initializer):
        raise SharpCamError(f"{path} keeps its weights in another file", "export it into one file")
    return proto


def _open(data: bytes, threads: int, path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal only: our errors say the rest
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class of their own
        raise _damaged(path) from error


def _damaged(path: Path) -> SharpCamError:
    return SharpCamError(
        f"{path} is damaged or not an ONNX model",
        "export or install it again, or leave out --model",
    )


def _describe(values: dict[str, tuple[int, int]]) -> str:
    return ", ".join(
        f"{name} {TensorProto.DataType.Name(kind).lower()} of rank {rank}"
        for name, (kind, rank) in values.items()
    )
