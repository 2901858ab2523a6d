"""The mirrored source: left and right swapped in every plane, while that is asked for."""

from __future__ import annotations

import numpy as np
from fakes import FakeSource, picture

from sharpcam.mirror import Mirrored
from sharpcam.yuv import parts


def test_every_plane_is_mirrored_while_it_is_asked_for() -> None:
    answers = [False, True, False, *[True] * 12]
    source = FakeSource(len(answers))
    mirrored = Mirrored(source, lambda: answers[source.reads - 1])
    frames = [mirrored.read() for _ in answers]  # all still in use
    assert mirrored.read() is None
    for index, (frame, is_on) in enumerate(zip(frames, answers, strict=True)):
        assert frame
        assert frame.sequence == index
        for plane, original in zip(parts(frame.i420), parts(picture(index)), strict=True):
            np.testing.assert_array_equal(plane, original[:, ::-1] if is_on else original)


def test_closing_closes_the_source() -> None:
    source = FakeSource(1)
    Mirrored(source, lambda: True).close()
    assert source.closed == 1
