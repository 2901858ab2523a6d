"""Engines: what computes a student, all behind one contract.

An engine compiles the ONNX bytes of one camera's student into a program; which engines there are is
found out at run time. `engine_choice.py` picks the fastest that computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sharpcam.errors import SharpCamError
from sharpcam.system.accelerators import Accelerator, found


class EngineLostError(Exception):
    """What an engine computes on is out of memory or gone; the text says how, for people."""

    @classmethod
    def by(cls, error: Exception) -> EngineLostError:
        """What a library says of it, in a line."""
        return cls(" ".join(str(error).split())[:200])


class Program(Protocol):
    """A compiled student. Threads may share it."""

    def run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        """Restored luma, a new array: uint8 [H, W], C-contiguous, H and W multiples of 4.

        Raises:
            EngineLostError: by engines on devices other than the processor.
        """
        ...


class Engine(Protocol):
    """Compiles students."""

    def compile(self, data: bytes, threads: int) -> Program:
        """A program from an ONNX file whose only inputs are luma and strength.

        Raises:
            SharpCamError: the engine cannot compute it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and how precisely it computes."""

    name: str
    """As settings have it."""
    label: str
    """For people."""
    package: str
    """Module to be installed."""
    exact: bool
    """In 32-bit floating point; otherwise mostly in 8-bit integers."""
    sparse: bool = False
    """Rounds only what convolutions can round along the way: for engines that fuse."""
    cells: bool = False
    """Multiplies integers along channels, so that pictures had better come as cells."""

    device: str = ""
    """What it computes on, in the library's own words; empty for the processor."""
    needs: Accelerator | None = None
    """What this computer must have for it."""

    def engine(self) -> Engine:
        """Load the library.

        Raises:
            SharpCamError: it is not installed, or broken, or lacks the device.
        """
        try:
            if self.package == "openvino":
                from sharpcam.engines.openvino import OpenVino

                return OpenVino(self.device or "CPU")
            if self.package == "torch":
                from sharpcam.engines.torch import Torch

                return Torch(self.device)
            from sharpcam.engines.onnx_runtime import PROCESSOR, OnnxRuntime

            return OnnxRuntime(self.device or PROCESSOR)
        except ImportError as error:
            raise SharpCamError(
                f"the engine {self.label} is not installed ({error})",
                f"install it: pip install {self.package}",
            ) from error

    @property
    def installed(self) -> bool:
        """Whether it is worth a try; that it works is known once it has computed something."""
        if find_spec(self.package) is None or not (self.needs is None or self.needs in found()):
            return False
        if self.package == "onnxruntime" and self.device:
            from sharpcam.engines.onnx_runtime import providers

            return self.device in providers()
        return True


def _on(
    needs: Accelerator | None, device: str, name: str, label: str, exact: bool = True
) -> Choice:
    """An engine on another device than the processor; its name begins with its library's."""
    return Choice(name, label, name.split("-")[0], exact, device=device, needs=needs)


CHOICES = {
    choice.name: choice
    for choice in (
        Choice("onnxruntime", "ONNX Runtime, 8 bit", "onnxruntime", exact=False, cells=True),
        Choice("onnxruntime-fp32", "ONNX Runtime, 32 bit", "onnxruntime", exact=True),
        Choice(*("openvino", "OpenVINO, 8 bit", "openvino"), exact=False, sparse=True, cells=True),
        _on(Accelerator.GRAPHICS, "GPU", "openvino-gpu", "OpenVINO, graphics processor"),
        _on(Accelerator.NEURAL, "NPU", "openvino-npu", "OpenVINO, neural processor", exact=False),
        _on(Accelerator.NVIDIA, "cuda", "torch-cuda", "PyTorch, NVIDIA"),
        _on(Accelerator.APPLE, "mps", "torch-mps", "PyTorch, Apple"),
        _on(
            *(Accelerator.NVIDIA, "CUDAExecutionProvider"),
            *("onnxruntime-cuda", "ONNX Runtime, NVIDIA"),
        ),
        _on(None, "DmlExecutionProvider", "onnxruntime-directml", "ONNX Runtime, DirectML"),
        _on(
            *(Accelerator.APPLE, "CoreMLExecutionProvider"),
            *("onnxruntime-coreml", "ONNX Runtime, Apple"),
        ),
    )
}
ON_PROCESSOR = tuple(choice for choice in CHOICES.values() if not choice.device)
EXACT = CHOICES["onnxruntime-fp32"]
"""What the others are measured against, and what always works."""
