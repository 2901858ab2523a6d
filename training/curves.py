"""A run's curves: a row of figures per evaluation, as CSV, and for TensorBoard where that is
installed (`pip install tensorboard`, then `tensorboard --logdir runs`)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any


class Curves:
    """The curves of one network; a resumed run adds to them."""

    def __init__(self, folder: Path, name: str, step: int) -> None:
        """`step` is where the run starts: what TensorBoard has from beyond it is dropped."""
        self._csv = folder / f"{name}.csv"
        self._board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._board = SummaryWriter(str(folder / "tensorboard" / name), purge_step=step + 1)

    def add(self, step: int, figures: dict[str, float]) -> None:
        """Append one evaluation."""
        row = {"step": step} | figures
        new = not self._csv.exists()
        with self._csv.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow({key: f"{value:.6g}" for key, value in row.items()})
        if self._board is not None:
            for key, value in figures.items():
                self._board.add_scalar(key, value, step)
            self._board.flush()

    def close(self) -> None:
        if self._board is not None:
            self._board.close()
