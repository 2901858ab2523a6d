"""FileSource: every frame of a file, once or for ever, and at its own pace when live."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import SAMPLE, rgb_frames, write_clip, write_tone_only

from sharpcam import source as source_module
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.picture import Picture, picture_to_i420, write_picture
from sharpcam.source import PICTURE_FPS, FileSource
from sharpcam.video import VideoReader


class FakeTime:
    """A clock that only sleeping and the test move on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.naps: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.naps.append(seconds)
        self.now += seconds


class RecordingReader(VideoReader):
    """Remembers every one that was made, and how often each was closed."""

    made: list[RecordingReader] = []  # noqa: RUF012 - reset by the fixture

    def __init__(self, path: Path, as_camera: bool = False) -> None:
        self.closed = 0
        super().__init__(path, as_camera)
        self.made.append(self)

    def close(self) -> None:
        self.closed += 1
        super().close()


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[RecordingReader]:
    """The readers that sources open from now on."""
    RecordingReader.made = []
    monkeypatch.setattr(source_module, "VideoReader", RecordingReader)
    return RecordingReader.made


def picture(folder: Path, name: str = "still.png") -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (33, 48, 3), dtype=np.uint8)
    write_picture(folder / name, Picture(pixels))
    return folder / name


def frames_of(source: FileSource, at_most: int = 1000) -> Iterator[Frame]:
    """Until the end, which stays the end; the source is closed."""
    try:
        for _ in range(at_most):
            frame = source.read()
            if frame is None:
                assert source.read() is None
                return
            yield frame
    finally:
        source.close()


def live(path: Path, time: FakeTime, loop: bool = False) -> FileSource:
    return FileSource(path, live=True, loop=loop, clock=time.clock, sleep=time.sleep)


def refusal(path: Path) -> SharpCamError:
    with pytest.raises(SharpCamError) as caught:
        FileSource(path, live=False)
    assert path.name in caught.value.message
    assert caught.value.hint
    return caught.value


def test_every_frame_comes_in_order_and_bit_exact() -> None:
    frames = list(frames_of(FileSource(SAMPLE, live=False)))
    with VideoReader(SAMPLE) as video:
        for frame, (i420, seconds) in zip(frames, video, strict=True):
            np.testing.assert_array_equal(frame.i420, i420)
            assert frame.pts == seconds
    assert [frame.sequence for frame in frames] == list(range(65))


def test_size_rate_and_name_are_the_files() -> None:
    source = FileSource(SAMPLE, live=False)
    assert (source.width, source.height, source.fps) == (640, 480, 30.0)
    assert (source.name, source.live) == ("yes.mkv", False)
    source.close()
    assert FileSource(SAMPLE, live=False, name="the demo").name == "the demo"


def test_a_file_that_is_not_live_never_waits(tmp_path: Path) -> None:
    time = FakeTime()
    path = write_clip(tmp_path / "clip.mkv", 5)
    source = FileSource(path, live=False, clock=time.clock, sleep=time.sleep)
    assert [frame.captured_at for frame in frames_of(source)] == [100.0] * 5
    assert time.naps == []


def test_a_loop_goes_on_with_the_same_pictures_and_rising_times(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", 4)
    frames = list(frames_of(FileSource(path, live=False, loop=True), at_most=12))
    assert [frame.sequence for frame in frames] == list(range(12))
    steps = [after.pts - before.pts for before, after in pairwise(frames)]
    assert steps == pytest.approx([1 / 25] * 11, abs=0.002)
    for first, second in zip(frames[:4], frames[4:8], strict=True):
        np.testing.assert_array_equal(first.i420, second.i420)


def test_a_limit_ends_at_the_files_own_time() -> None:
    assert len(list(frames_of(FileSource(SAMPLE, live=False, seconds=1.0)))) == 30


@pytest.mark.parametrize(
    ("seconds", "loop", "frames"), [(99.0, False, 4), (0.0, False, 0), (0.39, True, 10)]
)
def test_a_limit_may_lie_before_and_after_the_end(
    tmp_path: Path, seconds: float, loop: bool, frames: int
) -> None:
    path = write_clip(tmp_path / "clip.mkv", 4)
    source = FileSource(path, live=False, loop=loop, seconds=seconds)
    assert len(list(frames_of(source))) == frames


@pytest.mark.parametrize("name", ["still.png", "STILL.PNG", "still.webp"])
def test_a_picture_is_shown_once(tmp_path: Path, name: str) -> None:
    path = picture(tmp_path, name)
    source = FileSource(path, live=False)
    assert (source.width, source.height, source.fps) == (48, 32, PICTURE_FPS)
    (frame,) = frames_of(source)
    np.testing.assert_array_equal(frame.i420, picture_to_i420(path))


def test_a_looping_picture_is_shown_for_ever(tmp_path: Path) -> None:
    source = FileSource(picture(tmp_path), live=False, loop=True)
    frames = list(frames_of(source, at_most=40))
    assert len(frames) == 40
    assert [frame.pts for frame in frames] == pytest.approx([index / 30 for index in range(40)])


def test_a_limit_ends_a_picture_that_is_shown_for_ever(tmp_path: Path) -> None:
    source = FileSource(picture(tmp_path), live=False, loop=True, seconds=0.49)
    assert len(list(frames_of(source))) == 15


def test_a_live_picture_is_shown_for_ever_like_a_camera(tmp_path: Path) -> None:
    time = FakeTime()
    frames = list(frames_of(live(picture(tmp_path), time), at_most=40))
    due = [100 + index / 30 for index in range(40)]
    assert [frame.captured_at for frame in frames] == pytest.approx(due)


def test_a_live_clip_comes_at_its_own_pace(tmp_path: Path) -> None:
    time = FakeTime()
    frames = list(frames_of(live(write_clip(tmp_path / "clip.mkv", 5), time)))
    due = [100 + index / 25 for index in range(5)]
    assert [frame.captured_at for frame in frames] == pytest.approx(due, abs=0.002)


def test_a_live_loop_keeps_its_pace_over_the_seam(tmp_path: Path) -> None:
    time = FakeTime()
    source = live(write_clip(tmp_path / "clip.mkv", 3), time, loop=True)
    frames = list(frames_of(source, at_most=9))
    due = [100 + index / 25 for index in range(9)]
    assert [frame.captured_at for frame in frames] == pytest.approx(due, abs=0.005)


@pytest.mark.parametrize("color_range", [1, 2])
@pytest.mark.parametrize("colorspace", [1, 6])
def test_a_live_clip_has_the_colours_that_windows_take_it_for(
    tmp_path: Path, colorspace: int, color_range: int
) -> None:
    path = write_clip(tmp_path / "a.mkv", 3, colorspace=colorspace, color_range=color_range)
    source = live(path, FakeTime())
    assert (source.tags.colorspace, source.tags.color_range) == (6, 1)
    for frame, shown in zip(frames_of(source), rgb_frames(path), strict=True):
        rgb = cv2.cvtColor(frame.i420, cv2.COLOR_YUV2RGB_I420)
        assert np.abs(rgb.astype(int) - shown).mean() < 2
    source.close()


def test_only_the_rest_of_the_time_is_waited(tmp_path: Path) -> None:
    time = FakeTime()
    for _ in frames_of(live(picture(tmp_path), time), at_most=5):
        time.now += 0.02  # what the taker does with it
    assert time.naps == pytest.approx([1 / 30 - 0.02] * 4)


def test_the_clock_starts_with_the_first_frame(tmp_path: Path) -> None:
    time = FakeTime()
    source = live(picture(tmp_path), time)
    time.now += 50.0
    captured = [frame.captured_at for frame in frames_of(source, at_most=2)]
    assert captured == pytest.approx([150.0, 150.0 + 1 / 30])


def test_a_short_delay_is_made_up_for(tmp_path: Path) -> None:
    time = FakeTime()
    captured = []
    for frame in frames_of(live(picture(tmp_path), time), at_most=20):
        captured.append(frame.captured_at)
        time.now += 0.5 if frame.sequence == 2 else 0.0
    late = captured[3]
    assert late == pytest.approx(100 + 2 / 30 + 0.5)
    assert captured[3:17] == pytest.approx([late] * 14)  # all of them were due long ago
    assert captured[19] == pytest.approx(100 + 19 / 30)


def test_after_a_standstill_it_goes_on_from_there_without_a_rush(tmp_path: Path) -> None:
    time = FakeTime()
    captured = []
    for frame in frames_of(live(picture(tmp_path), time), at_most=8):
        captured.append(frame.captured_at)
        time.now += 3600.0 if frame.sequence == 2 else 0.0
    late = 100 + 2 / 30 + 3600
    assert captured[3:] == pytest.approx([late + index / 30 for index in range(5)])


@pytest.mark.parametrize("name", ["none.mkv", "none.png"])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["empty.mkv", "empty.png"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "0 bytes" in refusal(tmp_path / name).message


@pytest.mark.parametrize("name", ["text.mkv", "text.png", "text.txt", "text"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("neither a video nor a picture")
    refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["cut.mp4", "cut.png"])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    whole = picture(tmp_path) if path.suffix == ".png" else write_clip(tmp_path / "whole.mp4")
    path.write_bytes(whole.read_bytes()[:-300])
    refusal(path)


@pytest.mark.parametrize("name", ["folder", "folder.mkv", "folder.png"])
def test_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    refusal(tmp_path / name)


def test_a_file_with_sound_only_is_refused(tmp_path: Path) -> None:
    refusal(write_tone_only(tmp_path / "tone.m4a"))


def test_a_picture_of_one_pixel_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 1), np.uint8))
    refusal(tmp_path / "dot.png")


def test_closing_closes_the_file(readers: list[RecordingReader]) -> None:
    source = FileSource(SAMPLE, live=False)
    source.read()
    assert [reader.closed for reader in readers] == [0]
    source.close()
    assert readers[0].closed


def test_a_loop_closes_the_file_each_time(tmp_path: Path, readers: list[RecordingReader]) -> None:
    source = FileSource(write_clip(tmp_path / "clip.mkv", 2), live=False, loop=True)
    assert len(list(frames_of(source, at_most=6))) == 6
    assert len(readers) == 3
    assert all(reader.closed for reader in readers)


def test_a_loop_whose_file_is_gone_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FileSource(write_clip(tmp_path / "clip.mkv", 2), live=False, loop=True)
    # Not by deleting it: Windows keeps what is open.
    monkeypatch.setattr(
        source_module, "VideoReader", lambda *_, **__: VideoReader(tmp_path / "gone.mkv")
    )
    frames = frames_of(source)
    assert [next(frames).sequence, next(frames).sequence] == [0, 1]
    with pytest.raises(SharpCamError, match=r"gone\.mkv"):
        next(frames)


def test_a_loop_whose_file_has_another_size_now_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readers: list[RecordingReader]
) -> None:
    source = FileSource(write_clip(tmp_path / "clip.mkv", 2), live=False, loop=True)
    other = write_clip(tmp_path / "other.mkv", 2, (32, 32))
    monkeypatch.setattr(source_module, "VideoReader", lambda *_, **__: RecordingReader(other))
    frames = frames_of(source)
    assert [next(frames).width, next(frames).width] == [64, 64]
    with pytest.raises(SharpCamError, match=r"clip\.mkv was replaced"):
        next(frames)
    assert len(readers) == 2
    assert all(reader.closed for reader in readers)
