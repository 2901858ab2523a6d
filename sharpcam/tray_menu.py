"""What the tray shows: sign, line and menu, from one frozen view of the program. Pure.

Every item names what it does by a word and a text, which `tray.py` carries out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sharpcam.icon import Sign
from sharpcam.profile import CameraProfile
from sharpcam.settings import TIERS, Settings
from sharpcam.status import State, Status

STRENGTHS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
TIER_WORDS = {
    "lite": "Lite, for slow computers",
    "standard": "Standard",
    "high": "High, for fast computers",
}
LONGEST = 90
"""Characters of a line; menus do not break lines."""
DIM = 0.75
"""A camera below this share of the rate that was asked for is slow by itself."""


@dataclass(frozen=True, slots=True)
class View:
    """All that the tray shows depends on this."""

    status: Status = field(default_factory=Status)
    settings: Settings = field(default_factory=Settings)
    paused: bool = False
    profile: CameraProfile | None = None
    cameras: tuple[tuple[str, str], ...] = ()
    """Those plugged in: how they are shown, and what the setting `camera` has to be."""
    tiers: frozenset[str] = frozenset()
    """Networks that there are."""
    tier: str = ""
    """The one in use."""
    autostart: bool = False
    has_log: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the menu; one without text is a separator."""

    text: str = ""
    do: str = ""
    """What happens: a word that `tray.py` knows; empty for nothing."""
    with_text: str = ""
    checked: bool | None = None
    """None where there is no mark at all."""
    radio: bool = False
    enabled: bool = True
    default: bool = False
    """What a click on the icon does."""
    items: tuple[Item, ...] = ()


SEPARATOR = Item()


def sign(view: View) -> Sign:
    """The icon's."""
    state = view.status.state
    if view.paused or state is State.PAUSED:
        return Sign.PAUSED
    if state in (State.FAILED, State.NO_CAMERA, State.BYPASSED):
        return Sign.PROBLEM
    return Sign.ON if view.settings.enabled and view.settings.strength else Sign.OFF


def line(view: View) -> str:
    """What is going on, in one line: "watched by 1 app · 30 fps · 9 ms"."""
    status = view.status
    if status.state is State.PAUSED or view.paused:
        return "Camera paused"
    if status.state in (State.FAILED, State.NO_CAMERA):
        return _short(_sentence(status.reason or status.state.value, status.hint))
    if status.state is State.STANDBY:
        choose = f': choose "{status.sinks[0]}" in the meeting app' if status.sinks else ""
        return _short(f"Nobody is watching, camera off{choose}")
    if status.state is State.BYPASSED:
        return _short(f"Not sharpened: {status.reason}")
    if status.state in (State.STARTING, State.STOPPED):
        return _short(_sentence(f"{status.state.value} {status.source}".strip(), ""))
    parts = [_watchers(status.watchers), f"{status.fps:.0f} fps"]
    if status.delay:
        parts.append(f"{status.delay.median:.0f} ms")
    if 0 < status.camera_fps < DIM * view.settings.fps:
        parts.append(f"the camera gives {status.camera_fps:.0f} fps")
    return _short(" · ".join(part for part in parts if part))


def title(view: View) -> str:
    """What the icon says when the mouse is over it."""
    switched = "" if sign(view) in (Sign.PAUSED, Sign.PROBLEM) else f" {sign(view).value}"
    return f"SharpCam{switched}: {line(view)}"


def faults(profile: CameraProfile) -> str:
    """A profile in words: "soft 1.2 px, little noise"."""
    blur = _grade(profile.blur_px, (0.35, "sharp"), (0.8, "slightly soft"), (1.6, "soft"))
    noise = _grade(profile.noise, (0.8, "no noise"), (3, "little noise"), (7, "some noise"))
    return f"{blur or 'very soft'} {profile.blur_px:.1f} px, {noise or 'much noise'}"


def menu(view: View) -> tuple[Item, ...]:
    """Every item, the line of what is going on first."""
    settings = view.settings
    pause = Item("Pause camera", "resume" if view.paused else "pause", checked=view.paused)
    login = Item("Start at login", "autostart", "off" if view.autostart else "on", view.autostart)
    return (
        Item(line(view), enabled=False),
        SEPARATOR,
        Item("Sharpen", "toggle", checked=settings.enabled, default=True),
        Item("Strength", items=tuple(_strengths(settings.strength))),
        Item(_profile_words(view), items=tuple(_profile(view))),
        Item("Camera", items=tuple(_cameras(view))),
        Item("Quality", items=tuple(_tiers(view))),
        SEPARATOR,
        Item("Preview", "preview"),
        pause,
        login,
        SEPARATOR,
        Item("Open log", "log", enabled=view.has_log),
        Item("Quit", "quit"),
    )


def _strengths(strength: float) -> Iterator[Item]:
    for value in sorted({*STRENGTHS, strength}):
        note = " (as trained)" if value == 1 else ""
        chosen = value == strength
        yield Item(f"{value:.0%}{note}", "strength", f"{value:g}", chosen, radio=True)


def _profile_words(view: View) -> str:
    by_hand = "" if view.settings.profile == "auto" else ", set by hand"
    return f"Camera profile: {faults(view.profile) + by_hand if view.profile else 'being learnt'}"


def _profile(view: View) -> Iterator[Item]:
    if view.profile:
        yield Item(str(view.profile).capitalize(), enabled=False)
    yield Item("Learn again", "learn_again")


def _cameras(view: View) -> Iterator[Item]:
    chosen = view.settings.camera
    first = f": {view.cameras[0][0]}" if view.cameras else ""
    yield Item(f"The first one{first}", "camera", "auto", chosen == "auto", radio=True)
    known = {value for _, value in view.cameras} | {"auto"}
    for shown, value in view.cameras:
        yield Item(_short(shown), "camera", value, value == chosen, radio=True)
    if chosen not in known:
        yield Item(_short(chosen), "camera", chosen, True, radio=True)


def _tiers(view: View) -> Iterator[Item]:
    for tier in TIERS:
        if tier == "auto":
            words = f"Automatic: {view.tier}" if view.tier else "Automatic"
        else:
            words = TIER_WORDS[tier]
        there = tier == "auto" or tier in view.tiers
        yield Item(words, "tier", tier, tier == view.settings.tier, radio=True, enabled=there)


def _watchers(count: int | None) -> str:
    if count is None:
        return ""
    return f"watched by {count} app{'' if count == 1 else 's'}" if count else "nobody is watching"


def _grade(value: float, *grades: tuple[float, str]) -> str:
    """The first word whose bound is above the value; empty where there is none."""
    return next((word for bound, word in grades if value < bound), "")


def _sentence(reason: str, hint: str) -> str:
    words = f"{reason}: {hint}" if hint else reason
    return words[:1].upper() + words[1:]


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
