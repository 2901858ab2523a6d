"""ONNX Runtime, on the processor or on what else its build knows."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpcam.engines import EngineLostError, Program
from sharpcam.engines.cells import INPUT_CELLS, OUTPUT_CELLS, from_cells, picture_input
from sharpcam.errors import SharpCamError
from sharpcam.network import INPUT_STRENGTH, OUTPUT_Y

# ONNX Runtime's own builds report to Microsoft unless this is set before they are loaded (see the
# Privacy.md in its wheel); nothing leaves this computer.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

PROCESSOR = "CPUExecutionProvider"


def providers() -> list[str]:
    """What this build can compute on, in its own words."""
    return list(onnxruntime.get_available_providers())


def open_session(
    data: bytes, threads: int, keep: bool = True, provider: str = PROCESSOR, fused: bool = True
) -> Any:
    """An `onnxruntime.InferenceSession`; `keep`: hold the memory from one run to the next; `fused`:
    compute what is rounded with integers.

    Raises:
        SharpCamError: damaged.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = keep
    options.enable_mem_pattern = False  # its plan doubles the memory, and saves no time
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4  # fatal only: our errors say the rest
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(data, options, providers=[provider])
    except Exception as error:  # its exceptions share no base class of their own
        raise SharpCamError(
            "damaged or not an ONNX model", "export or install it again, or leave out --model"
        ) from error


def evaluate(data: bytes, names: list[str]) -> dict[str, NDArray[Any]]:
    """These tensors of a graph without inputs."""
    values = open_session(data, threads=1, keep=False).run(names, {})
    return dict(zip(names, values, strict=True))


class OnnxRuntime:
    """An Engine, see there."""

    def __init__(self, provider: str = PROCESSOR, fused: bool = True) -> None:
        """Raises SharpCamError where this build does not know the provider; `fused` as above."""
        if provider not in providers():
            raise SharpCamError(
                f"this build of ONNX Runtime has no {provider}",
                "install onnxruntime-gpu or onnxruntime-directml instead of onnxruntime",
            )
        self._provider, self._fused = provider, fused

    def compile(self, data: bytes, threads: int) -> Program:
        session = open_session(data, threads, provider=self._provider, fused=self._fused)
        if self._provider not in session.get_providers():
            # It goes on on the processor by itself, slowly and with a word to nobody.
            raise SharpCamError(f"{self._provider} does not start", "update the device's driver")
        return _Program(session, lost_errors=self._provider != PROCESSOR)


class _Program:
    def __init__(self, session: Any, lost_errors: bool) -> None:
        self._session, self._lost_errors = session, lost_errors
        self._in_cells = any(it.name == INPUT_CELLS for it in session.get_inputs())

    def run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        feed: dict[str, NDArray[Any]] = {INPUT_STRENGTH: np.array(strength, np.float32)}
        feed |= picture_input(y, self._in_cells)
        asked = OUTPUT_CELLS if self._in_cells else OUTPUT_Y
        try:
            made = self._session.run([asked], feed)[0]
        except Exception as error:  # its exceptions share no base class of their own
            if self._lost_errors:
                raise EngineLostError.by(error) from error
            raise
        result: NDArray[np.uint8] = from_cells(made) if self._in_cells else made[0, 0]
        return result
