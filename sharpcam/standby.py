"""The standby picture: what meeting apps are shown while there is no picture of the camera.

Text is set with Pillow's bundled font, so that no system needs fonts.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

NAME = "SharpCam"
_CENTRE, _EDGE = (38, 44, 54), (20, 23, 29)
"""sRGB of the background; dark, but no black that looks like a broken camera."""
_BRIGHT, _QUIET, _ACCENT = (233, 237, 242), (160, 170, 184), (86, 156, 214)
_MARGIN = 0.08
"""Of the width, left free on both sides: apps crop what they show."""


@lru_cache(maxsize=4)
def standby_picture(size: tuple[int, int], reason: str) -> NDArray[np.uint8]:
    """The name and the reason on a calm ground: I420 with limited range, uint8 [H * 3 / 2, W],
    read-only. `size` is an even width and height."""
    image = Image.fromarray(_background(size))
    width, height = size
    draw = ImageDraw.Draw(image)
    unit = min(height, width * 3 / 4)
    room = width * (1 - 2 * _MARGIN)
    middle = width / 2, height * 0.46
    draw.text(middle, NAME, _BRIGHT, _fitting(NAME, unit * 0.13, room), anchor="mm")
    bar = unit * 0.055, max(1.0, unit * 0.004)
    line = height * 0.46 + unit * 0.12
    draw.rectangle(
        (middle[0] - bar[0], line - bar[1], middle[0] + bar[0], line + bar[1]), fill=_ACCENT
    )
    words = _shown(reason)
    font = _fitting(words, unit * 0.058, room, least=unit * 0.036)
    draw.text((middle[0], line + unit * 0.085), _cut(words, font, room), _QUIET, font, anchor="mm")
    i420 = np.asarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2YUV_I420), np.uint8)
    i420.flags.writeable = False
    return i420


def _background(size: tuple[int, int]) -> NDArray[np.uint8]:
    """A vignette, uint8 [H, W, 3]; dithered, because eight bits would show rings."""
    width, height = size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    far = np.clip(np.hypot(x, y) / np.sqrt(2), 0, 1)[:, :, None]
    colours = np.array(_CENTRE) * (1 - far) + np.array(_EDGE) * far
    noise = np.random.default_rng(0).random((height, width, 1), np.float32)
    return np.asarray(colours + noise, np.uint8)


def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(max(6.0, size))
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels have FreeType
    return font


def _fitting(text: str, size: float, room: float, least: float = 0) -> ImageFont.FreeTypeFont:
    """The font at `size` pixels, or as much smaller as `text` needs, down to `least`."""
    font = _font(size)
    wide = font.getlength(text)
    return font if wide <= room else _font(max(least, size * room / wide))


def _shown(text: str) -> str:
    """One line with what the font has: letters without their accents, and no boxes for the rest."""
    font = _font(16)
    box = bytes(font.getmask("\N{REPLACEMENT CHARACTER}"))
    kept = (
        character if character.isspace() or bytes(font.getmask(character)) != box else " "
        for character in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(character)
    )
    return " ".join("".join(kept).split())


def _cut(text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """As much of the text as there is room for."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "...") > room:
        text = text[:-1]
    return text.rstrip() + "..."
