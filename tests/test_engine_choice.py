"""The choice of an engine: fastest of those that compute the same, remembered, never fatal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import write_adder, write_identity

from sharpcam import engine_choice
from sharpcam.engine_choice import choose_engine, fastest, measure
from sharpcam.engines import CHOICES, EXACT, Choice, Program
from sharpcam.errors import SharpCamError
from sharpcam.model import load_model


class Fake:
    """An engine that adds so much to every pixel, or fails."""

    def __init__(self, added: int = 0, fails: bool = False) -> None:
        self.added, self.fails = added, fails
        self.compiled = 0

    def compile(self, data: bytes, threads: int) -> Program:
        self.compiled += 1
        if self.fails:
            raise RuntimeError("no such instruction")
        return self

    def run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        return y + np.uint8(self.added)


class FakeChoice:
    """A Choice with an engine of the test's."""

    def __init__(self, name: str, engine: Fake, installed: bool = True) -> None:
        self.name = self.label = name
        self.package = "numpy"
        self.exact, self.sparse, self.cells = True, False, False
        self.installed = installed
        self._engine = engine

    def engine(self) -> Fake:
        return self._engine


@pytest.fixture(autouse=True)
def tiny_student(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write_adder(tmp_path / "lite.onnx")
    monkeypatch.setattr(engine_choice, "asset", lambda _: path)


def test_every_installed_engine_computes_the_same_and_is_timed(tmp_path: Path) -> None:
    installed = [choice for choice in CHOICES.values() if choice.installed]
    assert EXACT in installed
    times_ms = measure(installed, load_model(write_adder(tmp_path / "x.onnx")), threads=1)
    assert list(times_ms) == [choice.name for choice in installed]
    assert all(ms > 0 for ms in times_ms.values())


def test_an_engine_that_fails_or_computes_something_else_is_left_out(tmp_path: Path) -> None:
    model = load_model(write_identity(tmp_path / "x.onnx"))
    right, wrong, broken = Fake(), Fake(added=3), Fake(fails=True)
    choices = [FakeChoice("right", right), FakeChoice("wrong", wrong), FakeChoice("broken", broken)]
    assert list(measure(choices, model, threads=1)) == ["right"]
    assert right.compiled == wrong.compiled == broken.compiled == 1


def test_the_choice_is_remembered_until_something_changes(tmp_path: Path) -> None:
    store = tmp_path / "state" / "engine.json"
    chosen = fastest(1, store)
    assert json.loads(store.read_text())["engine"] == chosen.name
    # The remembered word counts: a measurement would hardly choose what is written here.
    content = json.loads(store.read_text())
    for name in CHOICES:
        store.write_text(json.dumps(content | {"engine": name}))
        assert fastest(1, store).name == name
    store.write_text(json.dumps(content | {"engine": "onnxruntime-fp32", "key": "another"}))
    assert fastest(1, store).name in CHOICES
    assert json.loads(store.read_text())["key"] == content["key"]


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b'{"key": 1}', b"[" * 100_000])
def test_a_damaged_memory_is_measured_anew(tmp_path: Path, content: bytes) -> None:
    store = tmp_path / "engine.json"
    store.write_bytes(content)
    assert fastest(1, store).name in CHOICES
    assert json.loads(store.read_text())["engine"] in CHOICES


def test_where_nothing_can_be_written_or_compared_there_is_still_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert fastest(1, tmp_path / "file" / "engine.json").name in CHOICES
    assert fastest(1, None).name in CHOICES
    monkeypatch.setattr(engine_choice, "asset", lambda _: tmp_path / "missing.onnx")
    assert fastest(1, None) is EXACT


def test_an_engine_is_chosen_by_name() -> None:
    assert choose_engine("onnxruntime-fp32", 1) is EXACT
    with pytest.raises(SharpCamError, match="no engine 'abacus'") as caught:
        choose_engine("abacus", 1)
    assert "openvino" in caught.value.hint


def test_an_engine_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "sharpcam.engines.openvino", raising=False)
    with pytest.raises(SharpCamError, match="OpenVINO, 8 bit is not installed") as caught:
        choose_engine("openvino", 1)
    assert caught.value.hint == "install it: pip install openvino"


def test_names_of_engines_are_those_of_the_settings() -> None:
    from sharpcam.settings import ENGINES

    assert set(ENGINES) == {"auto", *CHOICES}
    assert all(isinstance(choice, Choice) for choice in CHOICES.values())
