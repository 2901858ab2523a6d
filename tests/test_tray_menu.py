"""What the tray shows for every state: words, signs and items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sharpcam.icon import Sign
from sharpcam.profile import CameraProfile
from sharpcam.settings import Settings
from sharpcam.status import Spread, State, Status
from sharpcam.tray_menu import LONGEST, Item, View, faults, line, menu, sign, title

WATCHED = Status(
    State.SHARPENING,
    source="Acme",
    sinks=("SharpCam",),
    fps=29.97,
    camera_fps=30.0,
    watchers=1,
    delay=Spread(9.2, 12.0),
)
VIEW = View(
    WATCHED,
    profile=CameraProfile.of(1.2, 1.5, 0.3),
    cameras=(("Acme HD", "Acme HD"), ("Logi", "Logi")),
    tiers=frozenset({"standard"}),
    tier="standard",
)


def with_status(**changes: object) -> View:
    return replace(VIEW, status=replace(WATCHED, **changes))


def every(items: tuple[Item, ...]) -> Iterator[Item]:
    for item in items:
        yield item
        yield from every(item.items)


def found(view: View, text: str) -> Item:
    (item,) = (item for item in every(menu(view)) if item.text.startswith(text))
    return item


def test_while_somebody_watches_the_line_has_the_figures() -> None:
    assert line(VIEW) == "watched by 1 app · 30 fps · 9 ms"
    assert line(with_status(watchers=2)) == "watched by 2 apps · 30 fps · 9 ms"
    assert line(with_status(watchers=0)) == "nobody is watching · 30 fps · 9 ms"
    assert line(with_status(watchers=None, delay=None)) == "30 fps"


def test_a_camera_that_is_slow_by_itself_is_told_apart() -> None:
    assert "the camera gives 15 fps" in line(with_status(camera_fps=15.0))
    assert "the camera" not in line(with_status(camera_fps=29.0))


@pytest.mark.parametrize(
    ("state", "reason", "hint", "said"),
    [
        (
            *(State.STANDBY, "nobody watches, camera off", ""),
            'Nobody is watching, camera off: choose "SharpCam" in the meeting app',
        ),
        (State.NO_CAMERA, "camera unplugged", "plug it in", "Camera unplugged: plug it in"),
        (State.FAILED, "no virtual camera", "sudo x", "No virtual camera: sudo x"),
        (State.FAILED, "", "", "Failed"),
        (State.BYPASSED, "too slow", "", "Not sharpened: too slow"),
        (State.STARTING, "", "", "Starting Acme"),
        (State.PAUSED, "", "", "Camera paused"),
    ],
)
def test_each_state_has_its_line(state: State, reason: str, hint: str, said: str) -> None:
    assert line(with_status(state=state, reason=reason, hint=hint)) == said


def test_a_long_problem_is_cut_and_has_no_line_breaks() -> None:
    said = line(with_status(state=State.FAILED, reason="x\n" * 200))
    assert len(said) == LONGEST
    assert "\n" not in said


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        (VIEW, Sign.ON),
        (with_status(state=State.STANDBY), Sign.ON),
        (replace(VIEW, settings=Settings(enabled=False)), Sign.OFF),
        (replace(VIEW, settings=Settings(strength=0.0)), Sign.OFF),
        (replace(VIEW, paused=True), Sign.PAUSED),
        (with_status(state=State.NO_CAMERA), Sign.PROBLEM),
        (with_status(state=State.FAILED), Sign.PROBLEM),
        (with_status(state=State.BYPASSED), Sign.PROBLEM),
    ],
)
def test_the_sign_shows_the_state(view: View, shown: Sign) -> None:
    assert sign(view) is shown


def test_the_title_says_on_off_or_the_problem() -> None:
    assert title(VIEW) == "SharpCam on: watched by 1 app · 30 fps · 9 ms"
    broken = with_status(state=State.NO_CAMERA, reason="camera busy", hint="close Zoom")
    assert title(broken) == "SharpCam: Camera busy: close Zoom"


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (CameraProfile.of(1.2, 1.5, 0.3), "soft 1.2 px, little noise"),
        (CameraProfile.of(0.1, 0.0, 0.0), "sharp 0.1 px, no noise"),
        (CameraProfile.of(0.5, 5.0, 0.0), "slightly soft 0.5 px, some noise"),
        (CameraProfile.of(3.0, 16.0, 1.2), "very soft 3.0 px, much noise"),
    ],
)
def test_a_profile_is_told_in_words(profile: CameraProfile, said: str) -> None:
    assert faults(profile) == said


def test_a_click_switches_sharpening_and_nothing_else_is_the_default() -> None:
    (default,) = (item for item in every(menu(VIEW)) if item.default)
    assert (default.text, default.do, default.checked) == ("Sharpen", "toggle", True)
    assert found(replace(VIEW, settings=Settings(enabled=False)), "Sharpen").checked is False


def test_strengths_have_the_chosen_one_marked_even_an_odd_one() -> None:
    odd = replace(VIEW, settings=Settings(strength=0.6))
    items = found(odd, "Strength").items
    assert [item.text for item in items if item.checked] == ["60%"]
    assert "100% (as trained)" in [item.text for item in items]
    assert all(item.do == "strength" and 0 <= float(item.with_text) <= 1.5 for item in items)


def test_the_profile_is_in_the_menu_and_can_be_learnt_again() -> None:
    item = found(VIEW, "Camera profile")
    assert item.text == "Camera profile: soft 1.2 px, little noise"
    assert item.items[-1].do == "learn_again"
    assert found(replace(VIEW, profile=None), "Camera profile").text.endswith("being learnt")
    by_hand = replace(VIEW, settings=Settings(profile="1.2,1.5,0.3"))
    assert found(by_hand, "Camera profile").text.endswith("set by hand")


def test_cameras_are_listed_and_a_missing_one_stays_chosen() -> None:
    (cameras,) = (item for item in menu(VIEW) if item.text == "Camera")
    assert [item.text for item in cameras.items] == ["The first one: Acme HD", "Acme HD", "Logi"]
    assert [item.checked for item in cameras.items] == [True, False, False]
    gone = replace(VIEW, cameras=(), settings=Settings(camera="Logi"))
    (cameras,) = (item for item in menu(gone) if item.text == "Camera")
    assert [(item.text, item.checked) for item in cameras.items] == [
        ("The first one", False),
        ("Logi", True),
    ]


def test_only_networks_that_there_are_can_be_chosen() -> None:
    items = {item.with_text: item for item in found(VIEW, "Quality").items}
    assert [tier for tier, item in items.items() if item.enabled] == ["auto", "standard"]
    assert items["auto"].text == "Automatic: standard"
    assert items["auto"].checked


def test_pause_and_login_show_the_other_thing_next() -> None:
    assert found(VIEW, "Pause camera").do == "pause"
    assert found(replace(VIEW, paused=True), "Pause camera").do == "resume"
    assert found(VIEW, "Start at login").with_text == "on"
    assert found(replace(VIEW, autostart=True), "Start at login").with_text == "off"


def test_without_a_log_there_is_none_to_open() -> None:
    assert not found(replace(VIEW, has_log=False), "Open log").enabled
