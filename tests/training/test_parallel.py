"""A run shared by two processes is the run of one; a killed run goes on where it was."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shared_run
import torch

from sharpcam.errors import SharpCamError
from sharpcam.model import load_model
from sharpcam.profile import CameraProfile
from training import data
from training.checkpoint import load_state
from training.data import batches, jitter
from training.parallel import from_first

ROOT = Path(__file__).parents[2]
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def program(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def weight(file: Path) -> torch.Tensor:
    return torch.load(file, weights_only=True)


def test_two_processes_make_the_steps_of_one(tmp_path: Path) -> None:
    shared_run.main(tmp_path / "one", None)
    done = program(*TORCHRUN, shared_run.__file__, str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr
    expected = weight(tmp_path / "one" / "process0of1.pt")
    for process in (0, 1):
        got = weight(tmp_path / "two" / f"process{process}of2.pt")
        assert torch.allclose(got, expected, atol=1e-6)
    with (tmp_path / "two" / "net.csv").open() as file:  # written by the first alone
        assert [row["step"] for row in csv.DictReader(file)] == ["3", "6", "9", "12"]


def test_a_killed_run_goes_on_with_the_very_next_step(tmp_path: Path) -> None:
    shared_run.main(tmp_path / "straight", None)
    killed = program(sys.executable, shared_run.__file__, str(tmp_path / "killed"), "7")
    assert killed.returncode == -signal.SIGKILL
    assert load_state(tmp_path / "killed" / "net.state.pt")["step"] == 7
    shared_run.main(tmp_path / "killed", None)
    straight, resumed = (
        load_state(tmp_path / name / "net.state.pt") for name in ("straight", "killed")
    )
    for key in ("trained", "average", "best"):
        for name, tensor in straight[key].items():
            assert torch.equal(tensor, resumed[key][name])
    moments = (state["optimisers"][0]["state"][0]["exp_avg"] for state in (straight, resumed))
    assert torch.equal(*moments)


def test_processes_share_a_batch_without_overlap(
    bank: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(batches(bank, 64, 4, seed=1, steps=range(5, 7), workers=0))
    camera = torch.ones(4, CameraProfile().as_array().size)
    moved = jitter(camera, seed=1, step=3)
    parts, jitters = [], []
    for rank in (0, 1):
        monkeypatch.setattr(data, "place", lambda rank=rank: (rank, 2))
        monkeypatch.setattr(data, "share", lambda tensor, rank=rank: tensor.chunk(2)[rank])
        parts.append(list(batches(bank, 64, 4, seed=1, steps=range(5, 7), workers=0)))
        jitters.append(jitter(camera[:2], seed=1, step=3))
    for step, expected in enumerate(whole):
        for index, tensor in enumerate(expected):
            got = torch.cat([parts[0][step][index], parts[1][step][index]])
            assert torch.equal(got, tensor)
    assert torch.equal(torch.cat(jitters), moved)


def test_a_batch_that_cannot_be_shared_is_refused(
    bank: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "place", lambda: (0, 3))
    with pytest.raises(SharpCamError, match="cannot be shared by 3"):
        batches(bank, 64, 4, seed=1, steps=range(2), workers=0)


def test_alone_there_is_nothing_to_wait_for() -> None:
    assert from_first(lambda: 7) == 7


@pytest.mark.slow
def test_the_whole_recipe_runs_on_two_processes(few_photographs: Path, tmp_path: Path) -> None:
    flags = ["--preset", "smoke", "--data", str(few_photographs), "--runs", str(tmp_path)]
    flags += ["--crops-per-photo", "2", "--teacher", "bundled", "--threads", "1"]
    flags += ["--estimator-steps", "2", "--student-steps", "2"]
    done = program(*TORCHRUN, "-m", "training.distill", *flags)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "2 processes" in done.stdout
    assert load_model(tmp_path / "smoke" / "standard.onnx").spec.tier == "standard"
    assert load_state(tmp_path / "smoke" / "standard.state.pt")["step"] == 2
