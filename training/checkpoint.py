"""Checkpoints: written whole or not at all, read without unpickling code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from sharpcam.errors import SharpCamError


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write what a resumed run needs: tensors, numbers and strings only."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def load_state(path: Path) -> dict[str, Any]:
    """Read a run's state.

    Raises:
        SharpCamError: unreadable or truncated.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a different type for every kind of damage
        raise SharpCamError(
            f"cannot resume from {path}: {error}", "delete the file to train this part from scratch"
        ) from error
    return state


def save_weights(path: Path, model: nn.Module, about: dict[str, Any], half: bool = False) -> None:
    """Write weights as safetensors, with what they are in the metadata, in a folder that is made
    where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (tensor.half() if half else tensor).contiguous().cpu()
        for name, tensor in model.state_dict().items()
    }
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata={key: json.dumps(value) for key, value in about.items()})
    partial.replace(path)


def read_about(path: Path) -> dict[str, Any]:
    """What a file made by `save_weights` says about itself.

    Raises:
        SharpCamError: missing or damaged.
    """
    with _opened(path) as file:
        return {key: json.loads(value) for key, value in (file.metadata() or {}).items()}


def load_weights(path: Path, model: nn.Module) -> dict[str, Any]:
    """Fill a model from a file made by `save_weights`; returns what the file says about itself.

    Raises:
        SharpCamError: missing, damaged, or weights of another network.
    """
    with _opened(path) as file:
        names = file.keys()
        model.load_state_dict({name: file.get_tensor(name).float() for name in names})
    return read_about(path)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise SharpCamError(
            f"cannot use the weights in {path}: {error}", "train them again, or give another file"
        ) from error
