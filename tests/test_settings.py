"""Settings: their bounds, and the steps of the keys."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from sharpcam.cli import build_parser
from sharpcam.settings import MAX_STRENGTH, STRENGTH_STEP, Settings


def test_sharpening_is_on_and_as_trained_by_default() -> None:
    assert Settings() == Settings(enabled=True, strength=1.0)


def test_toggling_twice_changes_nothing() -> None:
    settings = Settings(strength=0.7)
    assert settings.toggled() == Settings(enabled=False, strength=0.7)
    assert settings.toggled().toggled() == settings


def test_a_step_is_a_tenth_up_or_down() -> None:
    assert Settings(strength=0.5).stronger(1).strength == 0.6
    assert Settings(strength=0.5).stronger(-1).strength == 0.4
    assert Settings(strength=0.5).stronger(0).strength == 0.5


def test_a_step_leaves_the_switch_alone() -> None:
    assert not Settings(enabled=False).stronger(1).enabled


def test_many_steps_stay_on_round_numbers_and_come_back() -> None:
    settings = Settings(strength=0.0)
    seen = [settings.strength]
    for _ in range(15):
        settings = settings.stronger(1)
        seen.append(settings.strength)
    assert seen == [index / 10 for index in range(16)]
    for _ in range(15):
        settings = settings.stronger(-1)
    assert settings.strength == 0.0


@pytest.mark.parametrize(("steps", "end"), [(1, MAX_STRENGTH), (99, MAX_STRENGTH), (-99, 0.0)])
def test_steps_end_at_the_bounds(steps: int, end: float) -> None:
    settings = Settings(strength=MAX_STRENGTH - STRENGTH_STEP / 2).stronger(steps)
    assert settings.strength == end


@pytest.mark.parametrize("strength", [0.0, 0.05, 1.0, MAX_STRENGTH])
def test_strengths_within_the_bounds_are_kept(strength: float) -> None:
    assert Settings(strength=strength).strength == strength


@pytest.mark.parametrize("strength", [-0.01, 1.51, float("inf"), float("-inf"), float("nan")])
def test_strengths_beyond_the_bounds_are_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        Settings(strength=strength)


def test_the_command_line_has_the_same_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    parse = build_parser().parse_args
    assert parse(["run", "--strength", str(MAX_STRENGTH)]).strength == MAX_STRENGTH
    with pytest.raises(SystemExit):
        parse(["run", "--strength", str(MAX_STRENGTH + 0.01)])
    assert str(MAX_STRENGTH) in capsys.readouterr().err


def test_settings_cannot_be_changed_while_a_frame_is_made_with_them() -> None:
    settings = Settings()
    with pytest.raises(FrozenInstanceError):
        settings.strength = 0.5  # type: ignore[misc]
