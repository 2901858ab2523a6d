"""The benchmark as one picture: milliseconds against gain, drawn with Pillow."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIZE, MARGIN = (1200, 700), (110, 60, 90, 90)
"""Pixels; left, top, right, bottom."""
INK, GRID, OURS, THEIRS = (40, 40, 46), (225, 225, 230), (214, 69, 26), (70, 100, 160)


def draw(points: dict[str, tuple[float, float, bool]], title: str, path: Path) -> None:
    """Write a scatter plot.

    Args:
        points: name to milliseconds per frame, gain in dB, and whether it is ours.
        title: what is plotted, in one line.
        path: the picture's file.
    """
    image = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(20), ImageFont.load_default(17)
    times = [ms for ms, _, _ in points.values()]
    gains = [gain for _, gain, _ in points.values()]
    decades = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    low, high = math.floor(min(0.0, *gains)), math.ceil(max(gains) * 2 + 0.2) / 2
    left, top, right, bottom = MARGIN[0], MARGIN[1], SIZE[0] - MARGIN[2], SIZE[1] - MARGIN[3]

    def across(ms: float) -> float:
        return left + (right - left) * (math.log10(ms) - decades[0]) / (decades[1] - decades[0])

    def down(gain: float) -> float:
        return bottom - (bottom - top) * (gain - low) / (high - low)

    for decade in range(decades[0], decades[1] + 1):
        x = across(10.0**decade)
        pen.line([(x, top), (x, bottom)], GRID, 2)
        pen.text((x, bottom + 8), f"{10.0**decade:g} ms", INK, small, anchor="mt")
    every = 0.5 if high - low <= 4 else 1.0
    for step in range(int((high - low) / every) + 1):
        gain = low + step * every
        pen.line([(left, down(gain)), (right, down(gain))], GRID, 3 if gain == 0 else 1)
        pen.text((left - 10, down(gain)), f"{gain:+.1f} dB", INK, small, anchor="rm")
    pen.text((SIZE[0] / 2, 18), title, INK, font, anchor="mt")
    pen.text((SIZE[0] / 2, SIZE[1] - 30), "time per 720p frame", INK, font, anchor="mt")
    dots = {
        name: (across(ms) - 8, down(gain) - 8, across(ms) + 8, down(gain) + 8)
        for name, (ms, gain, _) in points.items()
    }
    taken: list[tuple[float, ...]] = list(dots.values())
    for name, (ms, gain, ours) in sorted(points.items(), key=lambda item: item[1]):
        x, y, colour = across(ms), down(gain), OURS if ours else THEIRS
        pen.ellipse(dots[name], colour)
        sides = [("lm", x + 14), ("rm", x - 14)]
        if x >= (left + right) / 2:
            sides.reverse()
        # Names must not lie on each other or on a point.
        for shift, (anchor, at) in product((0, 22, -22, 44, -44, 66), sides):
            box = pen.textbbox((at, y + shift), name, small, anchor=anchor)
            if not any(_overlap(box, other) for other in taken):
                break
        taken.append(box)
        pen.text((at, y + shift), name, colour, small, anchor=anchor)
    image.save(path)


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
