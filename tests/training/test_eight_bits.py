"""8 bits as VNNI computes them: the same on every processor."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny import write_adder

from sharpcam.assets import asset
from sharpcam.engines import CHOICES
from sharpcam.errors import SharpCamError
from sharpcam.model import load_model, saturates
from sharpcam.profile import TYPICAL
from training import eight_bits
from training.eight_bits import as_with_vnni, load_as_with_vnni, whole_sums


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_its_sums_are_whole_on_every_processor(engine: str) -> None:
    made = whole_sums(CHOICES[engine])
    assert not saturates(made)
    assert made.sparse is CHOICES[engine].sparse


@pytest.mark.parametrize("tier", ["lite", "standard"])
def test_it_computes_what_openvino_does(tier: str) -> None:
    pytest.importorskip("openvino")
    openvino = CHOICES["openvino"]
    rng = np.random.default_rng(0)
    grey = rng.integers(90, 160, (16, 24)).astype(np.uint8)
    y = np.asarray(cv2.resize(grey, (96, 64), interpolation=cv2.INTER_CUBIC))
    model = load_model(asset(f"model/{tier}.onnx"))
    made, real = (
        model.session(TYPICAL, 1, it).run(y, 1.0) for it in (whole_sums(openvino), openvino)
    )
    # Where sums are cut, OpenVINO has weights of 7 bits, which round more coarsely.
    assert np.abs(made.astype(int) - real).mean() < (1.0 if saturates(openvino) else 0.02)


@pytest.mark.parametrize("cut", [True, False])
def test_it_stands_in_for_an_engine_whose_sums_are_cut(
    cut: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(eight_bits, "saturates", lambda choice: cut and not choice.exact)
    choice = CHOICES["onnxruntime"]
    assert as_with_vnni("onnxruntime", 1) == (whole_sums(choice) if cut else choice)
    assert as_with_vnni("onnxruntime-fp32", 1) is CHOICES["onnxruntime-fp32"]
    student = load_as_with_vnni(write_adder(tmp_path / "lite.onnx"), 1, "onnxruntime")
    assert ("VNNI" in student.name) is cut
    with pytest.raises(SharpCamError, match="no engine"):
        as_with_vnni("abacus", 1)
