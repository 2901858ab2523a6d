"""Comparing variants: the command on two tiny trainings, and what it measures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training import ablate
from training.config import PRESETS, Config


@pytest.mark.slow
def test_variants_are_trained_once_and_measured(
    few_photographs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = {"as shipped": {}, "InstanceNorm": {"norm": "instance"}}
    monkeypatch.setitem(ablate.GROUPS, "parts", chosen)
    flags = ["--group", "parts", "--preset", "smoke", "--data", str(few_photographs)]
    flags += ["--runs", str(tmp_path), "--workers", "0", "--threads", "1"]
    flags += ["--json", str(tmp_path / "rows.json")]
    assert ablate.main([*flags, "--steps", "15"]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    printed = capsys.readouterr().out
    for name, row in rows.items():
        assert f"| {name} | {row['score']:.2f} |" in printed
        assert row["ms"] > 0
        assert row["spread"] == 0
    assert rows["as shipped"]["pumping"] == 0
    assert rows["as shipped"]["kmac"] == rows["InstanceNorm"]["kmac"] == pytest.approx(3.024)
    curves = list((tmp_path / "ablate").rglob("standard.csv"))
    before = [curve.read_text() for curve in curves]
    assert ablate.main([*flags, "--steps", "15"]) == 0
    assert [curve.read_text() for curve in curves] == before


def test_every_variant_is_a_training_of_its_own() -> None:
    base = PRESETS["smoke"]
    for group, variants in ablate.GROUPS.items():
        made = [ablate.config_of(base, group, name, 1) for name in variants]
        assert all(isinstance(config, Config) for config in made)
        assert len({config.name for config in made}) == len(variants)
        assert len({config.identity("student") for config in made}) == len(variants)
        first = made[0] if group != "sizes" else made[3]
        assert (first.channels, first.blocks, first.norm) == (32, 2, "none")


def test_a_network_that_looks_at_the_whole_picture_pumps() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (64, 512), dtype=np.uint8)
    assert ablate.pumping(lambda y: y, frame) == 0
    assert ablate.pumping(lambda y: (y * 0.5 + 0.5 * y.mean()).astype(np.uint8), frame) > 1
