"""Curves: a row per evaluation, as CSV and for TensorBoard."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from training.curves import Curves


def write(folder: Path) -> None:
    for start in (0, 4):  # a run, and the same run resumed
        curves = Curves(folder, "net", start)
        for step in (start + 2, start + 4):
            curves.add(step, {"rate": 0.5, "score": step / 10})
        curves.close()


def test_a_resumed_run_adds_to_its_csv(tmp_path: Path) -> None:
    write(tmp_path)
    with (tmp_path / "net.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["score"]) for row in rows] == [
        ("2", "0.2"), ("4", "0.4"), ("6", "0.6"), ("8", "0.8"),
    ]  # fmt: skip


def test_without_tensorboard_there_is_the_csv_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["net.csv"]


def test_tensorboard_reads_the_same_figures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard needs: pip install -e '.[curves]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "net"))
    events.Reload()
    scores = {event.step: event.value for event in events.Scalars("score")}
    assert scores == pytest.approx({2: 0.2, 4: 0.4, 6: 0.6, 8: 0.8})
