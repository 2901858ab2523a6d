"""`sharpcam bench --app` on the real program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from own_home import move_in

from sharpcam import bench_app
from sharpcam.cli import main


def test_it_measures_both_states_and_touches_nothing_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    move_in(monkeypatch, tmp_path)
    monkeypatch.setattr(bench_app, "SETTLE_SECONDS", 0.2)
    monkeypatch.setattr(bench_app, "TOGGLES", 10)  # in a second a frame comes on any machine
    assert main(["bench", "--app", "--seconds", "0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    figures = json.loads(lines[-1])
    assert figures["size"] == "1280x720"
    assert figures["watched_fps"] > 0
    assert figures["longest_gap_toggled_ms"] > 0
    assert figures["idle_memory_mb"] > 10
    assert figures["idle_cpu_percent"] < figures["watched_cpu_percent"]
    assert "idle cpu percent" in "".join(lines)
    # Which engine is the fastest is measured once for all programs.
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} <= {"engine.json"}
