"""ONNX files: read, checked against the contract of `network.py`, and made into sessions.

With `graph.py` and its like the only modules that know ONNX; engines are in `engines`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from sharpcam.engines import EXACT, Choice, Program
from sharpcam.errors import SharpCamError
from sharpcam.graph import (
    NARROW,
    PROBE_GREY,
    WHOLE,
    copy_of,
    drop_roundings,
    fold_camera,
    fold_constants,
    saturation_probe,
    take_branch,
)
from sharpcam.graph_cells import cells_to_channels, read_bytes, speak_cells
from sharpcam.network import (
    CONTRACT,
    CONTRACT_KEY,
    INPUT_CAMERA,
    INPUT_STRENGTH,
    INPUT_Y,
    MAX_STRENGTH,
    OUTPUT_Y,
    PROVENANCE_KEY,
    SPEC_KEY,
    NetworkSpec,
)
from sharpcam.profile import CameraProfile

log = logging.getLogger(__name__)

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

    def session(self, camera: CameraProfile, threads: int, choice: Choice = EXACT) -> Session:
        """A session for one camera; takes some 50 ms.

        The profile becomes a constant of the graph, which lets engines compute the camera's own
        weights once: for one camera they cost nothing.

        Raises:
            SharpCamError: the weights are damaged, or the engine is not there.
        """
        engine = choice.engine()
        most = NARROW if saturates(choice) else WHOLE

        def program(beyond: bool) -> Program:
            model = copy_of(self.data)
            fold_camera(model, camera)
            take_branch(model, beyond)
            if choice.exact or choice.sparse:
                drop_roundings(model, keep_fused=choice.sparse)
            fold_constants(model, most)
            if choice.cells:
                read_bytes(model)
                cells_to_channels(model)
                if not beyond:  # the halo clamp looks at pixels and their neighbours
                    speak_cells(model)
            try:
                return engine.compile(model.SerializeToString(), threads)
            except SharpCamError as error:
                raise SharpCamError(f"{self.path}: {error.message}", error.hint) from error

        return Session(program)


@cache
def saturates(choice: Choice) -> bool:
    """Whether an engine cuts 8-bit sums to 16 bits on this computer's processor: weights must then
    be narrower. Takes some milliseconds, once.

    Raises:
        SharpCamError: the engine is not there.
    """
    if choice.exact or choice.device:
        return False
    white = np.full((32, 32), 255, np.uint8)
    made = choice.engine().compile(saturation_probe(), 1).run(white, 1.0)
    cut = bool(made[16, 16] < 0.9 * PROBE_GREY)
    log.info("%s: 8-bit sums are %s here", choice.label, "cut to 16 bits" if cut else "whole")
    return cut


class Session:
    """The student for one camera, on one engine. Threads may share it."""

    def __init__(self, program: Callable[[bool], Program]) -> None:
        """`program` compiles the student for strengths up to 1 or, given True, beyond 1."""
        self._make = program
        self._within = program(False)
        self._beyond: Program | None = None
        self._making = Lock()

    @property
    def goes_beyond(self) -> bool:
        """Whether a strength above 1 has been asked for."""
        return self._beyond is not None

    def prepare(self, height: int, width: int, beyond: bool) -> None:
        """Have everything ready for pictures of this size: the first one then takes no longer."""
        y = np.zeros((height, width), np.uint8)
        self.run(y, 1.0)
        if beyond:
            self.run(y, MAX_STRENGTH)

    def run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        """Restored luma, a new array like `y`: uint8 [H, W], C-contiguous, H and W multiples of
        4."""
        if strength <= 1:
            return self._within.run(y, strength)
        with self._making:
            if self._beyond is None:
                self._beyond = self._make(True)
        return self._beyond.run(y, strength)


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
    from sharpcam.engines import onnx_runtime

    try:
        return onnx_runtime.open_session(data, threads, keep=False)
    except SharpCamError as error:
        raise _damaged(path) from error


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
