"""`sharpcam run --sink pipewire` as a meeting sees it: Chromium and Firefox, through the portal."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from browsers import CHROMIUM, FIREFOX, Shown, meet
from clip import before_and_after, running, write_clip
from numbered import read
from numpy.typing import NDArray
from session import Session, missing

pytestmark = pytest.mark.desktop

DISTINCT = 20
SMALL, LARGE = (640, 480), (1280, 720)
Clips = Callable[[tuple[int, int]], Path]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """A clip of each size, made once."""
    return cache(lambda size: write_clip(tmp_path_factory.mktemp("clip") / "numbers.mkv", size))


def needs(browser: str) -> None:
    if missing(browser):
        pytest.skip(f"needs {browser}: `make test` installs it")


def enough(shown: list[Shown]) -> bool:
    return len({read(picture.luma) for picture in shown} - {None}) >= DISTINCT


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["480p", "720p"])
@pytest.mark.parametrize("browser", [CHROMIUM, FIREFOX])
def test_a_browser_lists_sharpcam_and_shows_its_pictures(
    desktop: Session, clips: Clips, browser: str, size: tuple[int, int]
) -> None:
    needs(browser)
    with running(desktop, clips(size)):
        meeting = meet(desktop, browser, size, enough)
    assert meeting.names == ["SharpCam"]
    assert {picture.size for picture in meeting.shown} == {size}
    numbered = sum(read(picture.luma) is not None for picture in meeting.shown)
    assert numbered >= 0.9 * len(meeting.shown)  # one may be torn on a machine under load


def test_the_other_side_of_a_call_gets_the_sharpened_pictures(
    desktop: Session, clips: Clips
) -> None:
    needs(CHROMIUM)
    clip = clips(SMALL)
    with running(desktop, clip):
        meeting = meet(desktop, CHROMIUM, SMALL, enough, call=True)
    known = list(before_and_after(clip))
    gains = []
    for picture in meeting.shown:
        number = read(picture.luma)
        if number is not None and picture.size == SMALL:
            soft, sharp = known[number]
            gains.append(psnr(picture.luma, sharp) - psnr(picture.luma, soft))
    assert len(gains) >= DISTINCT
    # A codec lies between, and still: what arrives is ours, not the camera's. (Measured: +20 dB,
    # and -21 dB with sharpening switched off.)
    assert np.median(gains) > 6, gains


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """In dB."""
    error = np.mean((first.astype(np.float32) - second) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
