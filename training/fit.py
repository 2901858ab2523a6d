"""The training loop, once, for every network of a run: step, evaluate, save, stop early, resume.

One process or several (parallel.py), the same loop.

Exact resume needs no stored random state: the examples and the profile's jitter of step k are pure
functions of (seed, k), and the learning rate is a function of k.
"""

from __future__ import annotations

import copy
import json
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
from training.curves import Curves
from training.muon import optimisers as make_optimisers
from training.parallel import average_gradients, from_first, is_first, meet, own_card

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
    if device == "cuda":
        device = own_card()
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


def channels_last(model: nn.Module) -> None:
    """Lay ordinary convolutions out as the hardware likes them."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)


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
    console = Console(quiet=not is_first())
    channels_last(model.to(device.torch_device))
    average = copy.deepcopy(model).requires_grad_(False)
    best = copy.deepcopy(average)
    trained = nn.ModuleList([model, extra] if extra is not None else [model])
    trained.to(device.torch_device)
    optimisers = make_optimisers(stage.optimiser, trained, stage.rate)
    scaler = torch.amp.GradScaler(device.torch_device.type, enabled=device.precision == "fp16")
    step, best_score, stale, done = 0, -math.inf, 0, False
    seconds_before, started_at = 0.0, time.monotonic()
    state_file = folder / f"{name}.state.pt"
    if state_file.exists():
        state = load_state(state_file)
        if state["identity"] != identity:
            raise SharpCamError(
                f"{state_file} was begun with other settings or data",
                "give the run another --name, or delete its folder",
            )
        step, best_score, stale = state["step"], state["best_score"], state["stale"]
        seconds_before = state.get("seconds", 0.0)
        # A finished run is prolonged by asking for more steps; the rate follows the longer cosine.
        done = state["done"] and stage.steps <= state["wanted"]
        trained.load_state_dict(state["trained"])
        average.load_state_dict(state["average"])
        best.load_state_dict(state["best"])
        for optimiser, was in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(was)
        scaler.load_state_dict(state["scaler"])
        console.print(f"{name}: resumed at step {step}, best score {best_score:.3f}")

    def seconds() -> float:
        """Spent on this network so far, over all its sittings."""
        return round(seconds_before + time.monotonic() - started_at, 1)

    def save() -> None:
        if not is_first():
            return
        modules = {"trained": trained, "average": average, "best": best}
        save_state(
            state_file,
            {key: module.state_dict() for key, module in modules.items()}
            | {
                "optimisers": [optimiser.state_dict() for optimiser in optimisers],
                "scaler": scaler.state_dict(),
                "identity": identity,
                "about": json.dumps(about),
                "step": step,
                "best_score": best_score,
                "stale": stale,
                "done": done,
                "wanted": stage.steps,
                "seconds": seconds(),
            },
        )

    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    curves = Curves(folder, name, step) if is_first() else None
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
                for optimiser in optimisers:
                    optimiser.zero_grad(set_to_none=True)
                    for group in optimiser.param_groups:
                        group["lr"] = rate
                batch = [tensor.to(device.torch_device, non_blocking=True) for tensor in batch]
                with device.autocast():
                    terms = loss(model, batch, step)
                total = torch.stack(list(terms.values())).sum()
                scaler.scale(total).backward()
                average_gradients(trained.parameters())
                for optimiser in optimisers:
                    scaler.unscale_(optimiser)
                nn.utils.clip_grad_norm_(trained.parameters(), stage.clip)
                for optimiser in optimisers:
                    scaler.step(optimiser)
                scaler.update()
                update_average(average, model, ema, step)
                step, summed = step + 1, summed + 1
                for key, value in terms.items():
                    totals[key] = totals.get(key, 0.0) + float(value.detach())
                progress.update(task, completed=step, loss=f"{float(total.detach()):.4f}")

                # --- evaluate, log, stop early
                if step % stage.evaluate_every == 0 or step == stage.steps:
                    figures = from_first(lambda: evaluate(average.eval()))
                    row = {key: value / summed for key, value in totals.items()}
                    totals, summed = {}, 0
                    if curves is not None:
                        curves.add(step, {"rate": rate} | row | figures)
                    shown = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
                    progress.console.print(f"{name} {step}: {shown}", highlight=False)
                    stale += 1
                    if figures["score"] > best_score:
                        best_score, stale = figures["score"], 0
                        best.load_state_dict(average.state_dict())
                        told = about | {"step": step, "seconds": seconds()}
                        if is_first():
                            save_weights(folder / f"{name}.safetensors", best, told)
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
        if curves is not None:
            curves.close()
    meet()
    return best.eval()
