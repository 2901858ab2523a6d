"""Writes the README's pictures from the bundled clip: docs/before-after.webp, an animation with a
line that wanders between before and after, and docs/before-after.png, both side by side.

    python -m installer.animation

Every pixel of the clip is shown twice as large; the profile is the one that SharpCam learns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sharpcam.assets import asset
from sharpcam.compare import side_by_side, split, zoomed
from sharpcam.enhancer import load_enhancer
from sharpcam.estimator import ProfileEstimator
from sharpcam.frame import Frame
from sharpcam.profile_tracker import ProfileTracker
from sharpcam.video import VideoReader

FOLDER = Path(__file__).parents[1] / "docs"
PLACE = 0.5, 0.1
"""Of width and height: where the face is."""
EVERY = 3
"""Of the clip's 30 frames a second."""
QUALITY = 70


def main() -> None:
    """Write both files."""
    pairs = list(restored())
    shown = [
        split(before, after, 0.5 + 0.4 * math.sin(2 * math.pi * index / len(pairs)))
        for index, (before, after) in enumerate(pairs)
    ]
    first, *others = (to_picture(i420) for i420 in shown)
    first.save(
        FOLDER / "before-after.webp",
        save_all=True,
        append_images=others,
        duration=round(1000 * EVERY / 30),
        loop=0,
        quality=QUALITY,
        method=6,
    )
    before, after = pairs[0]
    to_picture(side_by_side(before, after)).save(FOLDER / "before-after.png", optimize=True)


def restored() -> Iterator[tuple[Frame, Frame]]:
    """Frames of the clip before and after, zoomed."""
    with VideoReader(asset("samples/soft.mkv")) as video:
        frames = [Frame(i420, index, at) for index, (i420, at) in enumerate(video)][::EVERY]
    estimator, tracker, enhancer = ProfileEstimator(), ProfileTracker(), load_enhancer(None, 2)
    for frame in frames:
        if estimate := estimator.estimate(frame.y):
            enhancer.set_profile(tracker.add(estimate))
    for frame in frames:
        after = frame.i420.copy()
        after[: frame.height] = enhancer.enhance(frame.y, 1.0)
        yield zoomed(frame, *PLACE), zoomed(replace(frame, i420=after), *PLACE)
    enhancer.close()


def to_picture(i420: NDArray[np.uint8]) -> Image.Image:
    """For Pillow."""
    return Image.fromarray(cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420))


if __name__ == "__main__":
    main()
