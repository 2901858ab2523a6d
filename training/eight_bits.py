"""8 bits as processors with VNNI compute them, wherever the evaluation runs: figures of quality are
then the same on every machine. Slow: integers are computed as floating point, one step at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sharpcam.engine_choice import choose_engine
from sharpcam.engines import CHOICES, Choice, Engine
from sharpcam.engines.onnx_runtime import OnnxRuntime
from sharpcam.enhancer import Enhancer, StudentEnhancer
from sharpcam.model import load_model, saturates


@dataclass(frozen=True, slots=True)
class _WholeSums(Choice):
    def engine(self) -> Engine:
        return OnnxRuntime(fused=False)


WHOLE_SUMS = _WholeSums(
    "whole-sums", "8 bit as VNNI computes it", "onnxruntime", exact=False, sparse=True
)
"""Rounds what OpenVINO rounds."""


def usual_engine() -> str:
    """The name of the engine that is the fastest where 8 bits are fast."""
    return "openvino" if CHOICES["openvino"].installed else "onnxruntime"


def as_with_vnni(engine: str, threads: int) -> Choice:
    """The engine of a name, or what computes as it would with VNNI where this processor cuts its
    sums.

    Raises:
        SharpCamError: there is no such engine.
    """
    choice = choose_engine(engine, threads)
    return WHOLE_SUMS if saturates(choice) else choice


def load_as_with_vnni(file: Path, threads: int, engine: str) -> Enhancer:
    """A student on it.

    Raises:
        SharpCamError: the file is no student, or there is no such engine.
    """
    return StudentEnhancer(load_model(file), threads, choice=as_with_vnni(engine, threads))
