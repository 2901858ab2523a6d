"""OpenVINO: the same student in half of ONNX Runtime's time, where it is installed; on the
processor, or on a graphics or neural processor that it knows."""

from __future__ import annotations

import sys
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpcam.engines import EngineLostError, Program
from sharpcam.engines.cells import INPUT_CELLS, OUTPUT_CELLS, SIDE, from_cells, picture_input
from sharpcam.errors import SharpCamError
from sharpcam.network import INPUT_STRENGTH, INPUT_Y, OUTPUT_Y

# OpenVINO reports to Intel's account at Google, under a name that it keeps in the home folder,
# unless this package cannot be imported; nothing leaves this computer.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino  # noqa: E402

MOST_SIZES = 3
"""Plans that are kept; each takes the memory of its pictures."""


@cache
def _core() -> Any:
    """OpenVINO itself, with its plug-ins: once for all programs."""
    return openvino.Core()


class OpenVino:
    """An Engine, see there."""

    def __init__(self, device: str = "CPU") -> None:
        """`device`: CPU, GPU or NPU.

        Raises:
            SharpCamError: it finds none.
        """
        if device != "CPU" and not any(it.startswith(device) for it in _core().available_devices):
            raise SharpCamError(
                f"OpenVINO finds no device {device}", "choose another engine: engine = 'auto'"
            )
        self._device = device

    def compile(self, data: bytes, threads: int) -> Program:
        return _Program(data, max(1, threads), self._device)


class _Program:
    """Compiled for each size of the last few: for a size that it knows OpenVINO plans better."""

    def __init__(self, data: bytes, threads: int, device: str) -> None:
        self._threads, self._device = threads, device
        self._requests: dict[tuple[int, int], Any] = {}
        self._running = Lock()
        try:
            self._model = _core().read_model(data)
        except Exception as error:  # its exceptions share no base class of their own
            raise SharpCamError(
                "OpenVINO cannot read the model", "choose another engine: engine = 'onnxruntime'"
            ) from error
        # An input that the graph does not use is none to OpenVINO.
        self._asks_strength = any(INPUT_STRENGTH in it.names for it in self._model.inputs)
        self._in_cells = any(INPUT_CELLS in it.names for it in self._model.inputs)

    def run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        with self._running:  # a request is for one thread at a time
            size = y.shape[0], y.shape[1]
            request = self._requests.pop(size, None) or self._planned(*size)
            self._requests[size] = request  # the newest is last
            if len(self._requests) > MOST_SIZES:
                del self._requests[next(iter(self._requests))]
            feed: dict[str, Any] = dict(picture_input(y, self._in_cells))
            if self._asks_strength:
                feed[INPUT_STRENGTH] = np.array(strength, np.float32)
            try:
                request.infer(feed, share_inputs=True, share_outputs=True)
            except RuntimeError as error:
                if self._device == "CPU":
                    raise
                raise EngineLostError.by(error) from error
            # Both are copies: the next picture is written into the same memory.
            if self._in_cells:
                return from_cells(request.get_tensor(OUTPUT_CELLS).data)
            result: NDArray[np.uint8] = request.get_tensor(OUTPUT_Y).data[0, 0].copy()
            return result

    def _planned(self, height: int, width: int) -> Any:
        if self._in_cells:
            self._model.reshape({INPUT_CELLS: [1, height // SIDE, width // SIDE, SIDE**2]})
        else:
            self._model.reshape({INPUT_Y: [1, 1, height, width]})
        options: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY"}
        if self._device == "CPU":
            options |= {
                "INFERENCE_NUM_THREADS": self._threads,
                # Pinned threads fight with the meeting app's for the same cores.
                "ENABLE_CPU_PINNING": False,
                # Sums beside the integers exactly, or processors with bfloat16 would round them.
                "INFERENCE_PRECISION_HINT": "f32",
            }
        return _core().compile_model(self._model, self._device, options).create_infer_request()
