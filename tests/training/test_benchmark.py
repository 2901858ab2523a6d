"""The benchmark against other programs: what is timed, what is compared, what is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import write_adder, write_identity

from benchmarks import peers, upscalers
from benchmarks.peers import Way, crisp_frames, figures, measure
from benchmarks.plot import draw
from benchmarks.upscalers import UPSCALERS, Upscaler
from sharpcam import bench_turns
from sharpcam.errors import SharpCamError


def test_frames_are_crisp_pictures_at_720p() -> None:
    first, second = crisp_frames()
    assert first.shape == second.shape == (720, 1280)
    assert first.dtype == np.uint8
    assert (first != second).any()


def test_every_way_has_its_turn_in_every_round_and_slow_ones_in_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(bench_turns.time, "perf_counter", lambda: next(clock) / 10)
    monkeypatch.setattr(bench_turns, "SLOW_S", 0.15)
    turns: list[str] = []

    def way(name: str, ticks: int) -> Way:
        def run(y: np.ndarray) -> np.ndarray:
            turns.append(name)
            for _ in range(ticks):
                next(clock)
            return y

        return Way("fake", run)

    ways = {"fast": way("fast", 0), "slow": way("slow", 3)}
    measure(ways, count=6)
    seen = turns[2 * 2 * peers.FRAMES :]  # after the gains on two cameras
    # Two frames to tell what is slow, then six rounds, of which a slow way has every fifth.
    row = ["fast"] * (1 + bench_turns.IN_A_ROW)
    assert seen == ["fast"] * 2 + ["slow"] * 2 + [*row, "slow"] + row * 5 + ["slow"]
    found = figures(ways, "fast")
    assert found["slow"]["ratio"] == pytest.approx(4)
    assert found["fast"]["ms"] == pytest.approx(100)
    assert (found["fast"]["rounds"], found["slow"]["rounds"]) == (6, 2)


def test_gains_are_those_of_what_was_made() -> None:
    targets = iter(crisp_frames() * len(peers.CAMERAS))
    ways = {
        "nothing": Way("fake", lambda y: y),
        "oracle": Way("fake", lambda y: next(targets, y)),
    }
    measure(ways, count=1)
    for camera in peers.CAMERAS:
        assert ways["nothing"].gains[camera] == 0
        assert ways["oracle"].gains[camera] > 20


def test_the_command_compares_prints_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_here(name: str, threads: int) -> None:
        raise SharpCamError("it is not here", "install it")

    monkeypatch.setattr(peers, "PeerEnhancer", not_here)
    monkeypatch.setattr(peers, "Upscaler", not_here)
    students = write_identity(tmp_path / "standard.onnx"), write_adder(tmp_path / "lite.onnx")
    flags = [part for file in students for part in ("--model", str(file))]
    flags += ["--plot", str(tmp_path / "plot.png"), "--json", str(tmp_path / "figures.json")]
    assert peers.main([*flags, "--rounds", "2", "--threads", "1"]) == 0
    out = capsys.readouterr().out
    printed = json.loads(out.splitlines()[-1])
    assert printed == json.loads((tmp_path / "figures.json").read_text())
    assert printed["reference"] == "SharpCam standard"
    rows = printed["rows"]
    assert rows["SharpCam standard"]["gain_db"] == {name: 0 for name in peers.CAMERAS}
    assert rows["SharpCam lite"]["gain_db"]["webcam-mild"] < 0
    assert rows["unsharp mask"]["gain_db"]["webcam-mild"] > 0.5
    assert set(printed["missing"]) == {"FSRCNN-size net", "the seed's student", *UPSCALERS}
    assert "SPAN: it is not here (install it)" in out
    assert Image.open(tmp_path / "plot.png").size == (1200, 700)


def test_an_upscaler_that_is_not_installed_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upscalers, "find_spec", lambda name: None)
    with pytest.raises(SharpCamError, match="ncnn is not installed"):
        Upscaler("SPAN", 1)


@pytest.mark.parametrize("name", UPSCALERS)
def test_an_upscaler_gives_the_frame_back_at_its_size(name: str) -> None:
    pytest.importorskip("ncnn", reason="the upscalers need: pip install -e '.[benchmark]'")
    try:
        upscaler = Upscaler(name, 1)
    except SharpCamError as error:
        pytest.skip(error.message)
    y = crisp_frames()[0][:120, :160]
    made = upscaler.enhance(y)
    assert made.shape == y.shape
    assert abs(float(made.mean()) - float(y.mean())) < 5


def test_the_plot_shows_ours_and_theirs_in_their_colours(tmp_path: Path) -> None:
    points = {"ours": (10.0, 2.0, True), "theirs": (1000.0, 0.2, False)}
    draw(points, "a title", tmp_path / "plot.png")
    colours = {colour for _, colour in Image.open(tmp_path / "plot.png").getcolors(1 << 20)}
    assert {(214, 69, 26), (70, 100, 160)} <= colours
