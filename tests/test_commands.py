"""Programs that are asked, with real ones."""

from __future__ import annotations

import sys

import pytest

from sharpcam.system import commands
from sharpcam.system.commands import Answer, run


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(commands, "SECONDS", 120)


def python(code: str) -> Answer | None:
    return run(sys.executable, "-c", code)


def test_both_outputs_and_the_exit_code_are_the_answer() -> None:
    assert python("print('one', flush=True); import sys; sys.exit('two')") == Answer(1, "one\ntwo")


def test_a_program_that_is_not_there_answers_nothing() -> None:
    assert run("no-such-program-anywhere", "--version") is None


def test_a_program_that_hangs_answers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "SECONDS", 0.1)
    assert python("import time; time.sleep(60)") is None


def test_programs_answer_in_english_and_cannot_ask_back() -> None:
    code = "import os; print(os.environ['LC_ALL'], repr(__import__('sys').stdin.read()))"
    assert python(code) == Answer(0, "C ''")


def test_what_is_no_text_is_shown_as_well_as_it_can_be() -> None:
    answer = python("import sys; sys.stdout.buffer.write(b'caf\\xe9')")
    assert answer == Answer(0, "caf\N{REPLACEMENT CHARACTER}")
