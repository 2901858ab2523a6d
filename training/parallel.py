"""Several processes, one training: each takes its share of every batch, gradients are averaged.

    torchrun --nproc-per-node 4 -m training.distill --preset gpu

A batch has the same pictures however many processes share it, so a run may be resumed on another
number of cards. The networks are small: one sum over all gradients after the backward pass costs
less than the bookkeeping of DistributedDataParallel. The first process alone evaluates, writes and
prints. Started without torchrun, all of this is nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

Result = TypeVar("Result")
PATIENCE = timedelta(hours=1)
"""The others wait so long for the first process: it evaluates, and makes the bank of crops."""


def place() -> tuple[int, int]:
    """This process's number, from 0, and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return place()[0] == 0


def own_card() -> str:
    """The CUDA device of this process: torchrun numbers the processes of a machine."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if dist.is_initialized() else "cuda"


@contextmanager
def processes() -> Iterator[None]:
    """Join the other processes, when torchrun started more than one."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield
        return
    # gloo carries what stays in CPU memory, as the evaluation's figures.
    cards = torch.cuda.is_available()
    if cards:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if cards else "gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes."""
    _, count = place()
    if count == 1:
        return
    gradients = [it.grad for it in parameters if it.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(together)
    together /= count
    parts = together.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def share(tensor: Tensor) -> Tensor:
    """This process's part of what is made for a whole batch, [N, ...] to [N / count, ...]."""
    rank, count = place()
    return tensor.chunk(count)[rank]


def from_first(make: Callable[[], Result]) -> Result:
    """What the first process makes, for all."""
    rank, count = place()
    if count == 1:
        return make()
    box = [make() if rank == 0 else None]
    dist.broadcast_object_list(box, device=torch.device("cpu"))
    return box[0]  # type: ignore[return-value]


def meet() -> None:
    """Wait until every process has come here: what the first one writes is on disk then."""
    if dist.is_initialized():
        dist.barrier()


def first_before_others(make: Callable[[], Result]) -> Result:
    """Made by the first process, then by the others, who find on disk what it left there."""
    if not is_first():
        meet()
    result = make()
    if is_first():
        meet()
    return result
