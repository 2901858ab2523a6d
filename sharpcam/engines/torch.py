"""PyTorch on a graphics processor: NVIDIA's (CUDA) or Apple's (Metal).

In 32 bits; on NVIDIA's processors convolutions multiply with 10 bits of mantissa (TF32), which is
within a grey level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sharpcam.engines import EngineLostError, Program
from sharpcam.errors import SharpCamError
from sharpcam.graph import Step, steps
from sharpcam.network import INPUT_STRENGTH, INPUT_Y, OUTPUT_Y

Operation = Callable[[list[Tensor], dict[str, Any]], Tensor]
TYPES = {1: torch.float32, 2: torch.uint8}
"""ONNX's numbers of the types that a student uses."""


def _convolution(x: list[Tensor], how: dict[str, Any]) -> Tensor:
    bias = x[2] if len(x) > 2 else None
    return F.conv2d(x[0], x[1], bias, how["strides"], how["pads"][:2])


def _max_pool(x: list[Tensor], how: dict[str, Any]) -> Tensor:
    return F.max_pool2d(x[0], how["kernel_shape"], how["strides"], how["pads"][:2])


OPERATIONS: dict[str, Operation] = {
    "Add": lambda x, how: x[0] + x[1],
    "Cast": lambda x, how: x[0].to(TYPES[how["to"]]),
    "Clip": lambda x, how: torch.clamp(x[0], x[1], x[2]),
    "Conv": _convolution,
    "DepthToSpace": lambda x, how: F.pixel_shuffle(x[0], how["blocksize"]),
    "Floor": lambda x, how: x[0].floor(),
    "Identity": lambda x, how: x[0],
    "LeakyRelu": lambda x, how: F.leaky_relu(x[0], how["alpha"]),
    "Max": lambda x, how: torch.maximum(x[0], x[1]),
    "MaxPool": _max_pool,
    "Min": lambda x, how: torch.minimum(x[0], x[1]),
    "Mul": lambda x, how: x[0] * x[1],
    "Neg": lambda x, how: -x[0],
    "Sub": lambda x, how: x[0] - x[1],
}


class Torch:
    """An Engine, see there."""

    def __init__(self, device: str) -> None:
        """`device`: cuda, mps or cpu.

        Raises:
            SharpCamError: this computer or this build of PyTorch has none.
        """
        there: dict[str, Callable[[], bool]] = {
            "cuda": torch.cuda.is_available,
            "mps": torch.backends.mps.is_available,
            "cpu": lambda: True,
        }
        if not there[device]():
            raise SharpCamError(
                f"PyTorch finds no device {device}", "choose another engine: engine = 'auto'"
            )
        self._device = torch.device(device)

    def compile(self, data: bytes, threads: int) -> Program:
        return _Program(*steps(data), self._device)


class _Program:
    def __init__(
        self, todo: list[Step], constants: dict[str, NDArray[Any]], device: torch.device
    ) -> None:
        if unknown := {step.operation for step in todo} - OPERATIONS.keys():
            raise SharpCamError(
                f"PyTorch is not told how to compute {', '.join(sorted(unknown))}",
                "choose another engine: engine = 'auto'",
            )
        self._steps, self._device = todo, device
        self._staging: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}
        try:
            self._constants = {
                name: torch.from_numpy(np.array(value)).to(device)
                for name, value in constants.items()
            }
        except RuntimeError as error:
            raise EngineLostError(_in_short(error)) from error
        last = {name: index for index, step in enumerate(todo) for name in step.inputs}
        self._over: list[list[str]] = [[] for _ in todo]
        """What nobody reads after each step: memory of graphics processors is scarce."""
        for name, index in last.items():
            if name not in self._constants:
                self._over[index].append(name)

    def run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        try:
            with torch.inference_mode():
                return self._run(y, strength)
        except RuntimeError as error:  # out of memory, unplugged, reset by the driver
            raise EngineLostError(_in_short(error)) from error

    def _run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        above, below = self._staged(y.shape)
        above.copy_(torch.from_numpy(y))
        values = self._constants | {
            INPUT_Y: above.to(self._device, non_blocking=True)[None, None],
            INPUT_STRENGTH: torch.tensor(strength, dtype=torch.float32, device=self._device),
        }
        for step, over in zip(self._steps, self._over, strict=True):
            inputs = [values[name] for name in step.inputs if name]
            values[step.output] = OPERATIONS[step.operation](inputs, step.attributes)
            for name in over:
                del values[name]
        below.copy_(values[OUTPUT_Y][0, 0])  # waits for the device
        return below.numpy().copy()

    def _staged(self, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Memory of one size for the way there and back; CUDA fetches from pinned memory itself."""
        if shape not in self._staging:
            pinned = self._device.type == "cuda"
            above, below = (
                torch.empty(shape, dtype=torch.uint8, pin_memory=pinned) for _ in range(2)
            )
            self._staging = {shape: (above, below)}
        return self._staging[shape]


def _in_short(error: RuntimeError) -> str:
    return str(error).split("\n")[0][:200]
