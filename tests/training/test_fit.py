"""The loop: resumes exactly, stops early, keeps the best, refuses another run's state."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sharpcam.errors import SharpCamError
from training.checkpoint import load_state
from training.config import Stage
from training.fit import Batch, choose_device, fit, learning_rate, update_average

CPU = choose_device("cpu", "fp32")
STAGE = Stage(steps=24, batch=4, crop=8, rate=0.01, evaluate_every=4, patience=100)


def batches(steps: range) -> Iterator[Batch]:
    for step in steps:
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        yield [x, x @ torch.tensor([[1.0], [-2.0], [0.5]])]


def loss(model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
    return {"square": (model(batch[0]) - batch[1]).square().mean()}


def distance(model: nn.Module) -> dict[str, float]:
    return {"score": -float((model.weight - torch.tensor([[1.0, -2.0, 0.5]])).abs().sum())}


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 1, bias=False)


def run(folder: Path, loss=loss, evaluate=distance, stage=STAGE, identity="same", extra=None):
    return fit(
        "net",
        linear(),
        stage,
        batches=batches,
        loss=loss,
        evaluate=evaluate,
        folder=folder,
        device=CPU,
        about={"who": "test"},
        identity=identity,
        extra=extra,
    )


@pytest.mark.parametrize("stop_at", [3, 4, 17])
def test_a_stopped_run_resumes_to_the_same_weights(tmp_path: Path, stop_at: int) -> None:
    straight = run(tmp_path / "straight")

    def stopped(model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        if step == stop_at:
            raise KeyboardInterrupt
        return loss(model, batch, step)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", loss=stopped)
    assert load_state(tmp_path / "broken" / "net.state.pt")["step"] == stop_at
    resumed = run(tmp_path / "broken")
    assert torch.equal(resumed.weight, straight.weight)
    whole, parts = (load_state(tmp_path / name / "net.state.pt") for name in ("straight", "broken"))
    assert torch.equal(whole["trained"]["0.weight"], parts["trained"]["0.weight"])


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first = run(tmp_path)

    def refuse(*_: object) -> dict[str, Tensor]:
        raise AssertionError("trained again")

    assert torch.equal(run(tmp_path, loss=refuse).weight, first.weight)


def test_it_learns_and_logs_a_row_per_evaluation(tmp_path: Path) -> None:
    run(tmp_path)
    with (tmp_path / "net.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [4, 8, 12, 16, 20, 24]
    assert float(rows[-1]["score"]) > float(rows[0]["score"])


def test_it_stops_early_and_keeps_the_best(tmp_path: Path) -> None:
    scores = iter([1.0, 5.0, 4.0, 3.0, 9.0, 9.0])
    kept = []

    def evaluate(model: nn.Module) -> dict[str, float]:
        kept.append(model.weight.clone())
        return {"score": next(scores)}

    stage = Stage(steps=24, batch=4, crop=8, rate=0.01, evaluate_every=4, patience=2)
    best = run(tmp_path, evaluate=evaluate, stage=stage)
    assert len(kept) == 4
    assert torch.equal(best.weight, kept[1])


def test_a_finished_run_is_prolonged_by_asking_for_more_steps(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path)  # done: nothing is added
    run(tmp_path, stage=replace(STAGE, steps=STAGE.steps + 8))
    with (tmp_path / "net.csv").open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file)]
    assert steps == [4, 8, 12, 16, 20, 24, 28, 32]


def test_a_run_with_other_settings_is_not_continued(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(SharpCamError, match="other settings"):
        run(tmp_path, identity="different")


def test_a_checkpoint_says_how_it_was_made_and_how_long_it_took(tmp_path: Path) -> None:
    run(tmp_path)
    state = load_state(tmp_path / "net.state.pt")
    assert json.loads(state["about"]) == {"who": "test"}
    run(tmp_path, stage=replace(STAGE, steps=STAGE.steps + 1))
    assert load_state(tmp_path / "net.state.pt")["seconds"] >= state["seconds"]


def test_a_damaged_checkpoint_is_a_clear_error(tmp_path: Path) -> None:
    run(tmp_path)
    state = tmp_path / "net.state.pt"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(SharpCamError, match="cannot resume"):
        run(tmp_path)


def test_the_adapter_trains_along(tmp_path: Path) -> None:
    extra = nn.Linear(1, 1)
    before = extra.weight.detach().clone()

    def both(model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        return {"square": (extra(model(batch[0])) - batch[1]).square().mean()}

    run(tmp_path, loss=both, extra=extra)
    assert not torch.equal(extra.weight, before)


def test_the_rate_warms_up_and_falls_to_a_hundredth() -> None:
    stage = Stage(steps=1000, batch=1, crop=8, rate=1.0, evaluate_every=1)
    rates = [learning_rate(stage, step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[19] == pytest.approx(1.0)
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert rates[-1] == pytest.approx(0.01, rel=0.01)


def test_the_average_follows_quickly_at_first_and_slowly_later() -> None:
    ones = nn.Linear(1, 1)
    nn.init.ones_(ones.weight)
    early, late = nn.Linear(1, 1), nn.Linear(1, 1)
    for average, step in ((early, 0), (late, 10**6)):
        nn.init.zeros_(average.weight)
        update_average(average, ones, 0.999, step)
    assert early.weight.item() == pytest.approx(0.9)
    assert late.weight.item() == pytest.approx(0.001)
