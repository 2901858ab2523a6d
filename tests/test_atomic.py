"""A file is there whole or not at all, whenever somebody presses Ctrl-C."""

from __future__ import annotations

from io import BufferedWriter
from pathlib import Path

import pytest

from sharpcam.atomic import replacing
from sharpcam.errors import SharpCamError


def test_it_appears_at_the_end_under_its_name(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.txt") as partial:
        partial.write_text("whole")
        assert not (tmp_path / "a.txt").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "whole"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_was_there_stays_when_writing_is_broken_off(
    error: type[BaseException], tmp_path: Path
) -> None:
    def broken_off() -> None:
        with replacing(tmp_path / "a.txt") as partial:
            partial.write_text("half")
            raise error

    (tmp_path / "a.txt").write_text("before")
    with pytest.raises(error):
        broken_off()
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


def test_ctrl_c_right_after_the_hidden_file_was_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Path.open

    def interrupted(self: Path, mode: str) -> BufferedWriter:
        really(self, mode).close()
        assert self.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "open", interrupted)
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.txt"):
        pytest.fail("not interrupted")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_place_that_cannot_be_written_is_an_error_with_a_hint(
    folder: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SharpCamError, match="cannot write") as caught,
        replacing(tmp_path / folder / "a.txt"),
    ):
        pytest.fail("written")
    assert "choose a folder that exists" in caught.value.hint
