"""`sharpcam bench`: every case with every stage, and a last line that a program can read."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import SAMPLE
from tiny import write_identity

from sharpcam import bench
from sharpcam.bench import Case, camera_frames, decode, measure
from sharpcam.cli import main
from sharpcam.enhancer import Passthrough
from sharpcam.errors import SharpCamError
from sharpcam.video import VideoReader


def test_the_last_line_is_json_with_every_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "SIZES", ((64, 48), (128, 96)))
    threads_before = cv2.getNumThreads()
    model = write_identity(tmp_path / "identity.onnx")
    assert main(["bench", "--seconds", "0.001", "--model", str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "128x96" in "".join(lines[:-1])
    cases = json.loads(lines[-1])["cases"]
    assert [(case["size"], case["threads"]) for case in cases] == [
        ("64x48", 1),
        ("64x48", 2),
        ("128x96", 1),
        ("128x96", 2),
    ]
    for case in cases:
        assert case["frames"] >= bench.TURNS * bench.FEWEST
        assert list(case["stages"]) == ["decode", "enhance", "pack", "pipeline"]
        for figures in case["stages"].values():
            assert 0 < figures["median_ms"] <= figures["p95_ms"]
    assert cv2.getNumThreads() == threads_before


def test_json_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "SIZES", ((64, 48),))
    model = write_identity(tmp_path / "identity.onnx")
    assert main(["bench", "--json", "--seconds", "0.001", "--model", str(model)]) == 0
    assert json.loads(capsys.readouterr().out)["cores"]


def test_a_bad_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--model", str(tmp_path / "none.onnx")]) == 1
    assert "hint:" in capsys.readouterr().err


def test_the_frames_are_those_of_the_clip() -> None:
    frames = camera_frames(640, 480)
    assert len(frames) == bench.FRAMES
    i420 = decode(frames[0])
    assert i420.shape == (720, 640)
    with VideoReader(SAMPLE.with_name("book.mkv")) as video:
        first, _ = next(iter(video))
    correlation = np.corrcoef(i420[:480].reshape(-1), first[:480].reshape(-1))[0, 1]
    assert correlation > 0.99


def test_the_cases_take_turns() -> None:
    order: list[int] = []

    class Noting(Passthrough):
        def __init__(self, number: int) -> None:
            self.number = number

        def enhance(self, y: np.ndarray, strength: float) -> np.ndarray:
            order.append(self.number)
            return y

    jpegs = camera_frames(64, 48)
    measure([Case(64, 48, 1, Noting(number), jpegs) for number in (1, 2)], seconds=0)
    turns = bench.WARM_UP + bench.FEWEST
    assert order[: 2 * turns] == [1, 2] * turns
    # The pipeline's distances between frames need one frame more.
    flow = bench.FEWEST + 1
    assert order[2 * turns :] == ([1] * flow + [2] * flow) * bench.TURNS


def test_a_student_that_fails_is_no_fast_student() -> None:
    class Failing(Passthrough):
        calls = 0

        def enhance(self, y: np.ndarray, strength: float) -> np.ndarray:
            self.calls += 1
            if self.calls > bench.WARM_UP + bench.FEWEST:
                raise RuntimeError("no memory")
            return y

    case = Case(64, 48, 1, Failing(), camera_frames(64, 48))
    with pytest.raises(SharpCamError, match="no memory"):
        measure([case], seconds=0)
