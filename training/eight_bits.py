"""8 bits as processors with VNNI compute them, wherever the evaluation runs: figures of quality are
then the same on every machine. Slow: integers are computed as floating point, one step at a time.
"""

from __future__ import annotations

import argparse
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


USUAL_ENGINE = "openvino" if CHOICES["openvino"].installed else "onnxruntime"
"""The fastest where 8 bits are fast."""


def add_engine(parser: argparse.ArgumentParser) -> None:
    """The flag for what computes the students."""
    parser.add_argument(
        "--engine",
        choices=("auto", *CHOICES),
        default=USUAL_ENGINE,
        help="what computes the students; default: %(default)s",
    )


def whole_sums(choice: Choice) -> Choice:
    """What rounds as this engine does, and computes as it does with VNNI."""
    label = f"{choice.label} as VNNI computes it"
    return _WholeSums("whole-sums", label, "onnxruntime", exact=False, sparse=choice.sparse)


def as_with_vnni(engine: str, threads: int) -> Choice:
    """The engine of a name, or what computes as it would with VNNI where this processor cuts its
    sums.

    Raises:
        SharpCamError: there is no such engine.
    """
    choice = choose_engine(engine, threads)
    return whole_sums(choice) if saturates(choice) else choice


def load_as_with_vnni(file: Path, threads: int, engine: str = USUAL_ENGINE) -> Enhancer:
    """A student on it.

    Raises:
        SharpCamError: the file is no student, or there is no such engine.
    """
    return StudentEnhancer(load_model(file), threads, choice=as_with_vnni(engine, threads))
