"""The table of settings: what each allows, in text and in files, and what is said of the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharpcam.cli import build_parser
from sharpcam.errors import SharpCamError
from sharpcam.settings import ENTRIES, Settings, help_of, kind_of, parsed

GOOD = {
    "enabled": [("off", False), ("TRUE", True), ("1", True), (" no ", False)],
    "strength": [("0", 0.0), ("1.5", 1.5), ("0.70", 0.7)],
    "denoise": [("off", False)],
    "camera": [("auto", "auto"), (" C920 ", "C920"), ("046d:0825", "046d:0825")],
    "size": [("640x480", (640, 480)), ("1920X1080", (1920, 1080))],
    "fps": [("60", 60.0), ("29.97", 29.97)],
    "mirror": [("yes", True)],
    "profile": [("auto", "auto"), ("AUTO", "auto"), ("1.2,2,0.3", "1.2,2,0.3")],
    "tier": [("lite", "lite"), ("High", "high")],
    "engine": [("openvino", "openvino")],
    "cpu_budget_percent": [("5", 5.0), ("100", 100.0)],
    "sinks": [("auto", ("auto",)), ("PipeWire, v4l2loopback", ("pipewire", "v4l2loopback"))],
    "on_demand": [("off", False)],
    "standby_message": [("off", False)],
    "log_level": [("debug", "debug")],
}
BAD = {
    "enabled": ["", "maybe", "2"],
    "strength": ["", "1.51", "-0.1", "nan", "inf", "strong"],
    "denoise": ["much"],
    "camera": ["", "  ", "a" * 201, "two\nlines"],
    "size": ["", "640", "641x480", "8x8", "640x480x3", "9000x480"],
    "fps": ["0", "-1", "nan", "241"],
    "mirror": ["left"],
    "profile": ["", "soft", "1,2", "99,0,0", "nan,0,0"],
    "tier": ["", "best"],
    "engine": ["abacus"],
    "cpu_budget_percent": ["4", "101", "nan"],
    "sinks": ["", "auto,obs", "obs,obs", "printer"],
    "on_demand": ["often"],
    "standby_message": [""],
    "log_level": ["loud"],
}
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["auto", "lite", "640x480", "v4l2loopback", "1.2,2,0.3"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def pairs(table: dict[str, list[Any]]) -> list[tuple[str, Any]]:
    return [(key, each) for key, values in table.items() for each in values]


def test_every_setting_is_tested_here_and_says_what_it_does() -> None:
    assert GOOD.keys() == BAD.keys() == ENTRIES.keys()
    for entry in ENTRIES.values():
        assert kind_of(entry).allows(entry.default)
        assert kind_of(entry).expected
        assert help_of(entry)


@pytest.mark.parametrize(("key", "case"), pairs(GOOD))
def test_text_becomes_a_value(key: str, case: tuple[str, Any]) -> None:
    text, value = case
    assert getattr(Settings().with_text(key, text), key) == value


@pytest.mark.parametrize(("key", "text"), pairs(BAD))
def test_what_is_not_allowed_is_refused_with_what_is(key: str, text: str) -> None:
    with pytest.raises(SharpCamError, match=key) as caught:
        Settings().with_text(key, text)
    assert kind_of(ENTRIES[key]).expected in caught.value.hint


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SharpCamError, match="no setting 'strenght'") as caught:
        Settings().with_text("strenght", "1")
    assert "did you mean 'strength'?" in caught.value.hint
    with pytest.raises(SharpCamError) as caught:
        Settings().with_text("zzz", "1")
    assert "log_level" in caught.value.hint


@pytest.mark.parametrize(("key", "case"), pairs(GOOD))
def test_a_value_comes_back_from_json_as_it_was(key: str, case: tuple[str, Any]) -> None:
    settings = Settings().with_text(key, case[0])
    plain = json.loads(json.dumps(settings.as_plain()))
    assert Settings.from_plain(plain) == (settings, [])


def test_faults_in_a_file_are_named_one_by_one_and_cost_only_themselves() -> None:
    plain = {"strength": 7, "mirror": True, "strenght": 1, "fps": "fast", "size": "320x240"}
    settings, wrong = Settings.from_plain(plain)
    assert settings == Settings(mirror=True, size=(320, 240))
    assert wrong == [
        "strength: expected 0 to 1.5, got '7'; 1.0 is used",
        "unknown setting 'strenght': did you mean 'strength'?",
        "fps: expected 1 to 240, got 'fast'; 30.0 is used",
    ]


def test_whole_numbers_and_single_words_are_good_enough_in_a_file() -> None:
    settings, wrong = Settings.from_plain({"strength": 1, "fps": 25, "sinks": "pipewire"})
    assert (settings, wrong) == (Settings(fps=25.0, sinks=("pipewire",)), [])
    assert isinstance(settings.fps, float)


@given(st.dictionaries(st.sampled_from([*ENTRIES, "other"]), PLAIN))
def test_no_file_content_does_harm(plain: dict[str, Any]) -> None:
    settings, wrong = Settings.from_plain(plain)
    good = [key for key in plain if key in ENTRIES and not any(it.startswith(key) for it in wrong)]
    assert len(good) + len(wrong) == len(plain)
    assert Settings.from_plain(settings.as_plain()) == (settings, [])


@given(st.sampled_from(sorted(ENTRIES)), st.text(max_size=20))
def test_no_text_does_harm(key: str, text: str) -> None:
    try:
        value = parsed(ENTRIES[key], text)
    except SharpCamError:
        return
    assert kind_of(ENTRIES[key]).allows(value)


@pytest.mark.parametrize("value", [True, "1.0", None, [1.0]])
def test_a_value_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="strength: expected"):
        Settings(strength=value)


def test_flags_have_the_tables_defaults_and_words(capsys: pytest.CaptureFixture[str]) -> None:
    args = build_parser().parse_args(["run", "--size", "640x480"])
    assert (args.size, args.fps, args.strength) == ((640, 480), 30.0, 1.0)
    with pytest.raises(SystemExit):
        build_parser().parse_args(["run", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for key in ("size", "fps", "strength", "profile"):
        assert help_of(ENTRIES[key]) in shown


def test_the_table_is_read_without_numpy() -> None:
    code = (
        "import sys; from sharpcam.settings import Settings; Settings.from_plain({'fps': 9});"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
