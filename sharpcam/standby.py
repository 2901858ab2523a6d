"""The standby picture: what meeting apps are shown while there is no picture of the camera.

Text is set with Pillow's bundled font, so that no system needs fonts.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

NAME = "SharpCam"
_CENTRE, _EDGE = (38, 44, 54), (20, 23, 29)
"""sRGB of the background; dark, but no black that looks like a broken camera."""
_BRIGHT, _QUIET, _ACCENT = (233, 237, 242), (160, 170, 184), (86, 156, 214)
_RED, _GREEN, _BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
"""What is drawn with them is told apart afterwards."""
_MARGIN = 0.08
"""Of the width, left free on both sides: apps crop what they show."""
_LINES = 2
_FINE_PIXELS = 1920 * 1440


@lru_cache(maxsize=4)
def standby_picture(size: tuple[int, int], reason: str) -> NDArray[np.uint8]:
    """The name and the reason on a calm ground: I420 with limited range, uint8 [H * 3 / 2, W],
    read-only. `size` is an even width and height."""
    picture = _background(size)
    written = _written(size, _shown(reason))
    for mask, colour in zip(written.transpose(2, 0, 1), (_BRIGHT, _ACCENT, _QUIET), strict=True):
        share = mask[:, :, None] / np.float32(255)
        picture += (np.array(colour, np.float32) - picture) * share
    picture += np.random.default_rng(0).random((*picture.shape[:2], 1), np.float32)  # no rings
    i420 = np.asarray(cv2.cvtColor(picture.astype(np.uint8), cv2.COLOR_RGB2YUV_I420), np.uint8)
    i420.flags.writeable = False
    return i420


def _background(size: tuple[int, int]) -> NDArray[np.float32]:
    """Brightest in the middle: float32 [H, W, 3], 0 to 255."""
    width, height = size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    far = np.clip(np.hypot(x, y) / np.sqrt(2), 0, 1)[:, :, None]
    return np.asarray(np.array(_CENTRE) * (1 - far) + np.array(_EDGE) * far, np.float32)


def _written(size: tuple[int, int], words: str) -> NDArray[np.uint8]:
    """How much of each pixel the name, the bar and the words cover: uint8 [H, W, 3]."""
    # Drawn large and shrunk: at its own size, small text would have uneven gaps.
    fine = max(1, math.isqrt(_FINE_PIXELS // (size[0] * size[1])))
    width, height = size[0] * fine, size[1] * fine
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    middle, unit = width / 2, min(height, width * 3 / 4)
    room = width * (1 - 2 * _MARGIN)
    draw.text(
        (middle, height / 2 - unit * 0.08), NAME, _RED, _fitting(NAME, unit * 0.13, room), "mm"
    )
    bar = height / 2 + unit * 0.035
    draw.rectangle((middle - unit * 0.055, bar, middle + unit * 0.055, bar + unit * 0.006), _GREEN)
    font = _fitting(words, unit * 0.058, room, least=unit * 0.045)
    text = "\n".join(_lines(words, font, room))
    draw.text((middle, bar + unit * 0.05), text, _BLUE, font, "ma", unit * 0.016, "center")
    return np.asarray(cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_AREA), np.uint8)


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


def _lines(text: str, font: ImageFont.FreeTypeFont, room: float) -> Iterator[str]:
    """Broken between words into as many lines as are shown; what is too much is cut off."""
    for last in [False] * (_LINES - 1) + [True]:
        line = text
        while line and font.getlength(line + ("..." if last and line != text else "")) > room:
            line = line[:-1] if last or " " not in line else line.rpartition(" ")[0]
        text = text[len(line) :].strip()
        yield line.strip() + ("..." if last and text else "")
