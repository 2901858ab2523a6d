"""One small training run as a program, for torchrun and for being killed: see test_parallel.py.

python shared_run.py FOLDER [KILL_AT_STEP]
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from training.config import Stage
from training.fit import Batch, choose_device, fit
from training.parallel import place, processes

STAGE = Stage(steps=12, batch=4, crop=8, rate=0.01, evaluate_every=3, patience=100)
TRUTH = torch.tensor([[1.0], [-2.0], [0.5]])


def batches(steps: range) -> Iterator[Batch]:
    rank, count = place()
    for step in steps:
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        part = slice(rank * 4 // count, (rank + 1) * 4 // count)
        yield [x[part], x[part] @ TRUTH]


def main(folder: Path, kill_at: int | None) -> None:
    def loss(model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        assert len(batch[0]) == 4 // place()[1]
        return {"square": (model(batch[0]) - batch[1]).square().mean()}

    def evaluate(model: nn.Module) -> dict[str, float]:
        assert place()[0] == 0, "only the first process evaluates"
        return {"score": -float((model.weight.T - TRUTH).abs().sum())}

    torch.manual_seed(0)
    with processes():
        best = fit(
            "net",
            nn.Linear(3, 1, bias=False),
            STAGE,
            batches=batches,
            loss=loss,
            evaluate=evaluate,
            folder=folder,
            device=choose_device("cpu", "fp32"),
            about={},
            identity="same",
            checkpoint_minutes=0.0,
        )
        torch.save(best.weight, folder / f"process{place()[0]}of{place()[1]}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
