"""Icon: the program's sign and the tray's four states, as shapes drawn with Pillow or written as
SVG. Each state has a shape of its own, so that nobody needs to see colours; each stands on its own
ground, so that it is read on light and on dark panels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from PIL import Image, ImageDraw

UNITS = 64
"""Shapes live in a square of this side."""
_FINE = 8
"""Drawn so many times as large and shrunk, for smooth edges."""
GROUND, RIM = "#1b2530", "#eef3f7"
BLUE, GREY, AMBER, RED, WHITE = "#39b5f0", "#93a1ad", "#ffb52e", "#ff5a4d", "#ffffff"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A square with round corners."""

    low: float
    high: float
    radius: float
    fill: str


@dataclass(frozen=True, slots=True)
class Disc:
    """In the middle; a ring where `hole` is above 0."""

    radius: float
    fill: str
    hole: float = 0.0


@dataclass(frozen=True, slots=True)
class Area:
    """A polygon."""

    points: tuple[Point, ...]
    fill: str


Shape = Box | Disc | Area


class Sign(Enum):
    """What the icon can say."""

    ON = "on"
    OFF = "off"
    PAUSED = "paused"
    PROBLEM = "problem"


def _bar(left: float, top: float, right: float, bottom: float, fill: str) -> Area:
    return Area(((left, top), (right, top), (right, bottom), (left, bottom)), fill)


def _star(out: float, inside: float, fill: str) -> Area:
    """Four points around the middle: a picture in focus."""
    middle = UNITS / 2
    turns = ((0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1))
    return Area(
        tuple(
            (middle + x * (inside if x and y else out), middle + y * (inside if x and y else out))
            for x, y in turns
        ),
        fill,
    )


_BADGE: tuple[Shape, ...] = (Box(1, 63, 15, RIM), Box(4, 60, 12, GROUND))
SHAPES: dict[Sign, tuple[Shape, ...]] = {
    Sign.ON: (*_BADGE, Disc(22, BLUE), _star(19, 5.5, WHITE)),
    Sign.OFF: (*_BADGE, Disc(21, GREY, 15)),
    Sign.PAUSED: (*_BADGE, _bar(18, 15, 28, 49, AMBER), _bar(36, 15, 46, 49, AMBER)),
    Sign.PROBLEM: (
        *_BADGE,
        Area(((32, 9), (56, 53), (8, 53)), RED),
        _bar(29, 24, 35, 39, WHITE),
        _bar(29, 43, 35, 49, WHITE),
    ),
}


@lru_cache(maxsize=16)
def drawn(sign: Sign, size: int = UNITS, *, flat: bool = False) -> Image.Image:
    """RGBA of this side in pixels; `flat` without transparent corners, for trays that know none."""
    scale = size * _FINE / UNITS
    side = size * _FINE
    image = Image.new("RGBA", (side, side), GROUND if flat else (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for shape in SHAPES[sign]:
        match shape:
            case Box(low, high, radius, fill):
                box = low * scale, low * scale, high * scale, high * scale
                draw.rounded_rectangle(box, 0 if flat else radius * scale, fill)
            case Disc(radius, fill, hole):
                middle, outer = side / 2, radius * scale
                box = middle - outer, middle - outer, middle + outer, middle + outer
                draw.ellipse(box, None if hole else fill, fill, round((radius - hole) * scale))
            case Area(points, fill):
                draw.polygon([(x * scale, y * scale) for x, y in points], fill)
    return image.resize((size, size), Image.Resampling.BOX)


def as_svg(sign: Sign) -> str:
    """The same as the text of an SVG file."""
    body = "\n".join(f"  {line}" for line in _elements(SHAPES[sign]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {UNITS} {UNITS}">\n{body}\n</svg>\n'
    )


def _elements(shapes: Iterable[Shape]) -> Iterable[str]:
    for shape in shapes:
        match shape:
            case Box(low, high, radius, fill):
                side = high - low
                yield (
                    f'<rect x="{low:g}" y="{low:g}" width="{side:g}" height="{side:g}" '
                    f'rx="{radius:g}" fill="{fill}"/>'
                )
            case Disc(radius, fill, hole) if hole:
                yield (
                    f'<circle cx="32" cy="32" r="{(radius + hole) / 2:g}" fill="none" '
                    f'stroke="{fill}" stroke-width="{radius - hole:g}"/>'
                )
            case Disc(radius, fill, _):
                yield f'<circle cx="32" cy="32" r="{radius:g}" fill="{fill}"/>'
            case Area(points, fill):
                path = " ".join(f"{x:g},{y:g}" for x, y in points)
                yield f'<polygon points="{path}" fill="{fill}"/>'
