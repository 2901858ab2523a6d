"""`sharpcam bench`: every case with every stage, and a last line that a program can read."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import SAMPLE
from tiny import write_identity

from sharpcam import bench, bench_path, bench_turns
from sharpcam.bench import Case
from sharpcam.bench_frames import FRAMES, as_jpeg, as_yuyv, clip_frames
from sharpcam.bench_path import INPUTS, PathCase, paths_of
from sharpcam.bench_turns import take_turns
from sharpcam.cli import main
from sharpcam.engines import CHOICES
from sharpcam.enhancer import Passthrough
from sharpcam.errors import SharpCamError
from sharpcam.unpack import Unpacker
from sharpcam.video import VideoReader


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_path, "SIZES", ((64, 48),))
    monkeypatch.setattr(bench_path, "FPS", 500.0)


def test_the_last_line_is_json_with_every_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "SIZES", ((64, 48), (128, 96)))
    threads_before = cv2.getNumThreads()
    model = write_identity(tmp_path / "identity.onnx")
    assert main(["bench", "--seconds", "0.001", "--model", str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "128x96" in "".join(lines[:-1])
    summary = json.loads(lines[-1])
    cases = summary["cases"]
    assert [(case["size"], case["threads"]) for case in cases] == [
        ("64x48", 1),
        ("64x48", 2),
        ("128x96", 1),
        ("128x96", 2),
    ]
    for case in cases:
        assert case["frames"] >= bench_turns.TURNS * bench_turns.FEWEST
        assert list(case["stages"]) == ["decode", "denoise", "enhance", "pack", "pipeline"]
        for figures in case["stages"].values():
            assert 0 < figures["median_ms"] <= figures["p95_ms"]
    assert cv2.getNumThreads() == threads_before
    installed = [name for name, choice in CHOICES.items() if choice.installed]
    told = {(it["engine"], it["threads"]) for it in summary["engines"] if it["tier"] == "lite"}
    assert told == {(name, threads) for name in installed for threads in (1, 2)}
    assert all(0 < it["median_ms"] <= it["p95_ms"] for it in summary["engines"])
    assert [(path["size"], path["input"], path["threads"]) for path in summary["path"]] == [
        ("64x48", name, threads) for name in INPUTS for threads in (1, 2)
    ]
    for path in summary["path"]:
        assert set(path["stages"]) >= {"colour", "enhance", "publish"}
        assert ("decode" in path["stages"]) == (path["input"] != "YUYV")
        assert path["frames"] >= bench_turns.TURNS * bench_turns.FEWEST
        assert path["cpu_ms"] > 0
        assert 0 < path["delay"]["median_ms"] <= path["delay"]["p95_ms"]


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
    frames = clip_frames(640, 480)
    assert len(frames) == FRAMES
    with VideoReader(SAMPLE.with_name("book.mkv")) as video:
        first, _ = next(iter(video))
    for name, sent in (("MJPG", as_jpeg(frames[0])), ("YUYV", as_yuyv(frames[0]))):
        i420 = Unpacker(name).unpack(sent)
        assert i420.shape == (720, 640)
        for shown, plane in ((i420[:480], first[:480]), (i420[480:], first[480:])):
            assert np.corrcoef(shown.reshape(-1), plane.reshape(-1))[0, 1] > 0.99


def test_the_cases_take_turns() -> None:
    order: list[int] = []

    class Noting(Passthrough):
        def __init__(self, number: int) -> None:
            self.number = number

        def enhance(self, y: np.ndarray, strength: float) -> np.ndarray:
            order.append(self.number)
            return y

    jpegs = [as_jpeg(i420) for i420 in clip_frames(64, 48)]
    take_turns([Case(64, 48, 1, Noting(number), jpegs) for number in (1, 2)], seconds=0)
    warm, row = 2 * bench_turns.WARM_UP, 1 + bench_turns.IN_A_ROW
    alone = warm + 2 * row * bench_turns.FEWEST
    assert order[:warm] == [1, 2] * bench_turns.WARM_UP
    assert order[warm:alone] == ([1] * row + [2] * row) * bench_turns.FEWEST
    # The pipeline's distances between frames need one frame more.
    flow = bench_turns.FEWEST + 1
    assert order[alone:] == ([1] * flow + [2] * flow) * bench_turns.TURNS


def test_a_student_that_fails_is_no_fast_student() -> None:
    class Failing(Passthrough):
        calls = 0

        def enhance(self, y: np.ndarray, strength: float) -> np.ndarray:
            self.calls += 1
            alone = bench_turns.FEWEST * (1 + bench_turns.IN_A_ROW)
            if self.calls > bench_turns.WARM_UP + alone:
                raise RuntimeError("no memory")
            return y

    case = Case(64, 48, 1, Failing(), [as_jpeg(i420) for i420 in clip_frames(64, 48)])
    with pytest.raises(SharpCamError, match="no memory"):
        take_turns([case], seconds=0)


def test_the_path_is_the_real_one_and_what_is_written_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_path, "WARM_UP_S", np.inf)
    shown: dict[str, list[np.ndarray]] = {}

    class Noting(Passthrough):
        def __init__(self, sends: str) -> None:
            self.seen = shown.setdefault(sends, [])

        def enhance(self, y: np.ndarray, strength: float) -> np.ndarray:
            self.seen.append(y.copy())
            return y

    pixels = 64 * 48
    decoded = {"MJPG": 2 * pixels, "YUYV": 0, "MJPG by BGR": 3 * pixels}
    expected = [i420[:48] for i420 in clip_frames(64, 48)]
    for case in paths_of({2: Passthrough()}):
        case.enhancer = Noting(case.sends)
        case.run_stages(0)
        case.run_pipeline(0)
        assert case.written.get("decode", 0) == decoded[case.sends]
        assert case.written["colour"] == 1.5 * pixels
        assert case.written["publish"] == 3 * pixels
        assert len(case.delays) == bench_turns.FEWEST
    assert set(shown) == set(INPUTS)
    for seen in shown.values():
        assert len(seen) >= 1 + bench_path.WARM_UP + bench_turns.FEWEST
        for y in seen:
            assert min(np.abs(y.astype(int) - sharp).mean() for sharp in expected) < 3


def test_a_slow_path_is_not_warmed_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_path, "WARM_UP_S", 0.0)
    calls = []

    class Noting(Passthrough):
        def enhance(self, y: np.ndarray, strength: float) -> np.ndarray:
            calls.append(1)
            time.sleep(0.05)  # so long that nothing is ahead of what is sent
            return y

    sent = [as_yuyv(i420) for i420 in clip_frames(64, 48)]
    case = PathCase(64, 48, "YUYV", 1, Noting(), sent)
    case.run_pipeline(0)
    assert len(case.delays) == bench_turns.FEWEST
    assert len(calls) < bench_path.WARM_UP


def test_a_student_that_fails_has_no_path() -> None:
    class Failing(Passthrough):
        def enhance(self, y: np.ndarray, strength: float) -> np.ndarray:
            raise RuntimeError("no memory")

    case = PathCase(64, 48, "YUYV", 1, Failing(), [as_yuyv(i420) for i420 in clip_frames(64, 48)])
    with pytest.raises(SharpCamError, match="no memory"):
        case.run_pipeline(0)


class Counting:
    """A case that notes which frames it was given, and of which a time was kept."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        self.frames: list[int] = []

    def run_stages(self, index: int) -> None:
        self.frames.append(index)
        self.times.setdefault("frame", []).append(float(index))

    def run_pipeline(self, seconds: float) -> None:
        self.times.setdefault("pipeline", []).append(seconds)


def test_a_turn_is_some_frames_in_a_row_of_which_the_first_is_not_counted() -> None:
    cases = [Counting(), Counting()]
    bench_turns.take_turns(cases, 0.0)
    row = bench_turns.IN_A_ROW
    turns = range(0, bench_turns.FEWEST * (1 + row), 1 + row)
    for case in cases:
        assert case.frames[bench_turns.WARM_UP :] == list(range(bench_turns.FEWEST * (1 + row)))
        assert case.times["frame"] == [
            first + step for first in turns for step in range(1, 1 + row)
        ]
        assert len(case.times["pipeline"]) == bench_turns.TURNS


def test_on_a_slow_machine_a_turn_is_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_turns, "SLOW_S", -1.0)
    case = Counting()
    bench_turns.take_turns([case], 0.0)
    counted = list(range(bench_turns.FEWEST))
    assert case.frames[bench_turns.WARM_UP :] == counted
    assert case.times["frame"] == counted
