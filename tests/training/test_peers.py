"""The rivals: their size, their training through the command, and their files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sharpcam.errors import SharpCamError
from training import peers
from training.checkpoint import read_about, save_weights
from training.peer_enhancer import PeerEnhancer
from training.peers import PEERS, load_peer


def macs_per_pixel(model: nn.Module) -> float:
    """Multiply-adds of the convolutions per pixel of the picture."""
    counted = []

    def count(layer: nn.Conv2d, _: object, out: torch.Tensor) -> None:
        counted.append(layer.weight.numel() * out[0, 0].numel() / 64**2)

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        model(torch.rand(1, 1, 64, 64), torch.zeros(1, 4))
    return sum(counted)


@pytest.mark.parametrize(("net", "expected"), [("fsrcnn", 3382), ("seed", 112_427)])
def test_a_rival_costs_what_its_description_says(net: str, expected: int) -> None:
    assert macs_per_pixel(PEERS[net]()) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("net", PEERS)
def test_a_rival_is_trained_resumed_and_used(
    net: str, few_photographs: Path, tmp_path: Path
) -> None:
    flags = ["--net", net, "--data", str(few_photographs), "--runs", str(tmp_path)]
    flags += ["--batch", "1", "--workers", "0", "--threads", "1", "--crops-per-photo", "2"]
    assert peers.main([*flags, "--steps", "1"]) == 0
    assert peers.main([*flags, "--steps", "2"]) == 0  # goes on: one step more
    with (tmp_path / "peers" / f"{net}.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2"]
    weights = tmp_path / "peers" / f"{net}.safetensors"
    about = read_about(weights)
    assert (about["net"], about["stage"]["batch"]) == (net, 1)
    assert about["seconds"] > 0


@pytest.mark.parametrize("net", PEERS)
def test_the_exported_rival_computes_what_was_trained(net: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = PEERS[net]().eval()
    for parameter in model.parameters():  # nothing stays at its zero start
        parameter.data += 0.02 * torch.randn_like(parameter)
    if net == "seed":  # an untrained last layer would leave black pictures
        model.refine.weight.data = torch.eye(3)[:, :, None, None]
    save_weights(tmp_path / "net.safetensors", model, {})
    y = np.random.default_rng(0).integers(0, 256, (67, 91), dtype=np.uint8)
    made = PeerEnhancer(net, 1, tmp_path / "net.safetensors").enhance(y)
    assert made.shape == y.shape
    padded = np.pad(y, ((0, 1), (0, 1)), mode="edge")
    with torch.no_grad():
        wanted, _ = model(torch.from_numpy(padded)[None, None] / 255, torch.zeros(1, 4))
    wanted = (wanted.clamp(0, 1)[0, 0, :67, :91] * 255).numpy()
    assert np.abs(made - wanted).max() <= 1
    assert made.std() > 1


def test_a_rival_that_was_never_trained_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SharpCamError, match="has no weights"):
        load_peer("fsrcnn", tmp_path / "none.safetensors")
