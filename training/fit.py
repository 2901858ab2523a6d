"""The training loop, once, for every network of a run: step, evaluate, save, stop early, resume.

Exact resume needs no stored random state: the examples and the profile's jitter of step k are pure
functions of (seed, k), and the learning rate is a function of k.
"""

from __future__ import annotations

import copy
import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from sharpcam.errors import SharpCamError
from training.checkpoint import load_state, save_state, save_weights
from training.config import Stage

Batch = list[Tensor]
Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Device:
    """Where and how precisely a run computes."""

    torch_device: torch.device
    precision: str
    """fp32, bf16 or fp16."""

    def autocast(self) -> torch.autocast:
        """Mixed precision for the forward pass."""
        low = torch.float16 if self.precision == "fp16" else torch.bfloat16
        return torch.autocast(self.torch_device.type, low, enabled=self.precision != "fp32")


def choose_device(device: str, precision: str) -> Device:
    """The best device, and the fastest precision that it computes natively.

    bfloat16 on a CPU without AVX512-BF16 or AMX is emulated: measured ten times slower than
    float32.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        if device.startswith("cuda"):
            precision = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        elif device == "cpu" and torch.cpu._is_avx512_bf16_supported():
            precision = "bf16"
        else:
            precision = "fp32"
    return Device(torch.device(device), precision)


def learning_rate(stage: Stage, step: int) -> float:
    """Linear warm-up over a fiftieth of the steps, then a cosine down to a hundredth of the
    peak."""
    warm = max(1, stage.steps // 50)
    if step < warm:
        return stage.rate * (step + 1) / warm
    progress = (step - warm) / max(1, stage.steps - warm)
    return stage.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights towards the model's; faster at first, when there is little to
    keep."""
    decay = min(decay, (1 + step) / (10 + step))
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        kept.lerp_(new, 1 - decay)


def fit(
    name: str,
    model: nn.Module,
    stage: Stage,
    *,
    batches: Callable[[range], Iterator[Batch]],
    loss: Callable[[nn.Module, Batch, int], Terms],
    evaluate: Callable[[nn.Module], dict[str, float]],
    folder: Path,
    device: Device,
    about: dict[str, Any],
    identity: str,
    ema: float = 0.999,
    checkpoint_minutes: float = 3.0,
    extra: nn.Module | None = None,
) -> nn.Module:
    """Train `model` and return its best averaged weights; also left in folder/name.safetensors.

    Raises:
        SharpCamError: the folder holds a run begun with other settings.

    Args:
        batches: steps to an iterator of that many batches, a pure function of the steps.
        loss: weighted terms of one batch at one step, their sum is minimised.
        evaluate: figures of the averaged model; "score" is the one that must grow.
        about: what the weights file says about itself.
        identity: settings that must be the same to resume; see Config.identity.
        extra: parameters that train along and are thrown away (distillation adapters).
    """
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    model.to(device.torch_device, memory_format=torch.channels_last)
    average = copy.deepcopy(model).requires_grad_(False)
    best = copy.deepcopy(average)
    trained = nn.ModuleList([model, extra] if extra is not None else [model])
    trained.to(device.torch_device)
    optimiser = torch.optim.AdamW(trained.parameters(), lr=stage.rate, weight_decay=1e-4)
    scaler = torch.amp.GradScaler(device.torch_device.type, enabled=device.precision == "fp16")
    step, best_score, stale, done = 0, -math.inf, 0, False
    state_file = folder / f"{name}.state.pt"
    if state_file.exists():
        state = load_state(state_file)
        if state["identity"] != identity:
            raise SharpCamError(
                f"{state_file} was begun with other settings or data",
                "give the run another --name, or delete its folder",
            )
        step, best_score, stale = state["step"], state["best_score"], state["stale"]
        # A finished run is prolonged by asking for more steps; the rate follows the longer cosine.
        done = state["done"] and stage.steps <= state["wanted"]
        trained.load_state_dict(state["trained"])
        average.load_state_dict(state["average"])
        best.load_state_dict(state["best"])
        optimiser.load_state_dict(state["optimiser"])
        scaler.load_state_dict(state["scaler"])
        console.print(f"{name}: resumed at step {step}, best score {best_score:.3f}")

    def save() -> None:
        modules = {"trained": trained, "average": average, "best": best}
        save_state(
            state_file,
            {key: module.state_dict() for key, module in modules.items()}
            | {"optimiser": optimiser.state_dict(), "scaler": scaler.state_dict()}
            | {
                "identity": identity,
                "step": step,
                "best_score": best_score,
                "stale": stale,
                "done": done,
                "wanted": stage.steps,
            },
        )

    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    saved_at = time.monotonic()
    totals: dict[str, float] = {}
    summed = 0
    try:
        with Progress(*columns, TextColumn("{task.fields[loss]}"), console=console) as progress:
            task = progress.add_task(name, total=stage.steps, completed=step, loss="")
            for batch in batches(range(step, stage.steps if not done else step)):
                # --- step
                trained.train()
                rate = learning_rate(stage, step)
                for group in optimiser.param_groups:
                    group["lr"] = rate
                batch = [tensor.to(device.torch_device, non_blocking=True) for tensor in batch]
                with device.autocast():
                    terms = loss(model, batch, step)
                total = torch.stack(list(terms.values())).sum()
                optimiser.zero_grad(set_to_none=True)
                scaler.scale(total).backward()
                scaler.unscale_(optimiser)
                nn.utils.clip_grad_norm_(trained.parameters(), stage.clip)
                scaler.step(optimiser)
                scaler.update()
                update_average(average, model, ema, step)
                step, summed = step + 1, summed + 1
                for key, value in terms.items():
                    totals[key] = totals.get(key, 0.0) + float(value.detach())
                progress.update(task, completed=step, loss=f"{float(total.detach()):.4f}")

                # --- evaluate, log, stop early
                if step % stage.evaluate_every == 0 or step == stage.steps:
                    figures = evaluate(average.eval())
                    row = {key: value / summed for key, value in totals.items()}
                    totals, summed = {}, 0
                    _log(folder / f"{name}.csv", {"step": step, "rate": rate} | row | figures)
                    shown = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
                    progress.console.print(f"{name} {step}: {shown}", highlight=False)
                    stale += 1
                    if figures["score"] > best_score:
                        best_score, stale = figures["score"], 0
                        best.load_state_dict(average.state_dict())
                        save_weights(folder / f"{name}.safetensors", best, about | {"step": step})
                    if stale >= stage.patience:
                        progress.console.print(f"{name}: no better for {stale} evaluations, done")
                        break

                # --- save
                if time.monotonic() - saved_at > 60 * checkpoint_minutes:
                    save()
                    saved_at = time.monotonic()
        done = True
    finally:
        save()
    return best.eval()


def _log(path: Path, row: dict[str, float]) -> None:
    """Append one evaluation to the run's curve."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow({key: f"{value:.6g}" for key, value in row.items()})
