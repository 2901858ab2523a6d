"""The model card: what is said of the networks, and whose figures stand in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny import write_identity

from sharpcam.assets import asset
from sharpcam.errors import SharpCamError
from training import card
from training.card import fingerprint, write_card


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(asset("model/standard.onnx"), folder)
    write_identity(folder / "lite-int8.onnx")
    write_identity(folder / "profile.onnx")
    return folder


def scores(models: Path, *seen: str) -> Path:
    """An evaluation that saw these files as they are, and the others as they once were."""
    stems = ("standard", "lite-int8")
    rows = {"identity": {"psnr": 30.0, "gain": 0.0}, "oracle unsharp": {"psnr": 31, "gain": 1.0}}
    rows |= {f"{stem}, auto": {"psnr": 32.5, "gain": 2.5} for stem in stems}
    rows |= {"standard, blind": {"psnr": 31.5, "gain": 9.75}}
    file = models.parent / "scores.json"
    known = {stem: fingerprint(models / f"{stem}.onnx") if stem in seen else "0" for stem in stems}
    found = {
        "models": known,
        "pictures": 14,
        "cores": 2,
        "processor": "Acme 1",
        "buckets": {"webcam-mild": rows, "clean": rows},
        "milliseconds_720p": {"1": {"standard": 9.5}, "2": {"standard": 5.25}},
    }
    file.write_text(json.dumps(found))
    return file


def test_a_card_names_every_student_its_data_and_its_licence(models: Path) -> None:
    text = write_card(models, models.parent / "none.json").read_text()
    assert "| `standard.onnx` | 32 x 2 | 3.0 |" in text
    assert "`lite-int8.onnx`" in text
    assert "| `profile.onnx`" not in text
    assert "283 to train, 27 to validate, 19 to test" in text
    assert "GPL-2.0-or-later" in text
    assert "Not evaluated yet." in text
    assert "{" not in text


def test_figures_stand_beside_the_rivals(models: Path) -> None:
    text = write_card(models, scores(models, "standard", "lite-int8")).read_text()
    assert "| identity | 30.0 | 30.0 |  |" in text
    assert "| oracle unsharp | +1.00 | 31.0 |  |" in text
    assert "| standard, auto | +2.50 | 32.5 | 9.5 / 5.2 |" in text
    assert "| lite-int8, auto | +2.50 | 32.5 |  |" in text
    assert "9.75" not in text  # a person does not run it blind
    assert "Exported anew" not in text


def test_a_student_that_was_exported_since_has_no_figures(models: Path) -> None:
    text = write_card(models, scores(models, "lite-int8")).read_text()
    assert "| standard, auto" not in text
    assert "Exported anew since the last evaluation: `standard.onnx`." in text


def test_damaged_scores_are_a_clear_error(
    models: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = models / "scores.json"
    damaged.write_text('{"buckets": {}}')
    with pytest.raises(SharpCamError, match="is not an evaluation's"):
        write_card(models, damaged)
    monkeypatch.setattr(card.write_card, "__defaults__", (models, damaged))
    assert card.main(["--scores", str(damaged)]) == 1
    assert "hint: python -m training.evaluate" in capsys.readouterr().err
