"""Video in and out: times, colours, audio, rotation, and never half a file."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import (
    SAMPLE,
    audio_of,
    audio_packets,
    rgb_frames,
    video_packets,
    write_clip,
    write_tone_only,
)
from numpy.typing import NDArray

from sharpcam.errors import SharpCamError
from sharpcam.video import VideoReader, VideoTags
from sharpcam.video_writer import VideoWriter

Timed = list[tuple[NDArray[np.uint8], float]]


def read(path: Path) -> Timed:
    with VideoReader(path) as video:
        return list(video)


def damage(path: Path, packets: list[bytes]) -> None:
    """Overwrite these packets of a file."""
    data = path.read_bytes()
    for packet in packets:
        data = data.replace(packet, b"\xff" * len(packet))
    path.write_bytes(data)


def copy(source: Path, target: Path) -> None:
    with VideoReader(source) as video:
        audio = source if video.has_audio else None
        with VideoWriter(target, video.width, video.height, video.fps, audio, video.tags) as out:
            for i420, seconds in video:
                out.write(i420, seconds)


def refusal(path: Path) -> SharpCamError:
    with pytest.raises(SharpCamError) as caught:
        read(path)
    assert path.name in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value


def test_the_sample_clip_has_its_frames_at_their_times() -> None:
    with VideoReader(SAMPLE) as video:
        assert (video.width, video.height, video.fps) == (640, 480, 30)
        assert video.duration == pytest.approx(2.2)
        frames = list(video)
    assert len(frames) == 65
    assert frames[0][0].shape == (720, 640)
    assert frames[0][1] == 0
    steps = np.diff([seconds for _, seconds in frames])
    assert np.allclose(steps, 1 / 30, atol=0.001)
    assert frames[0][0] is not frames[1][0]


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mov"])
def test_a_copy_has_the_same_frames_at_the_same_times(tmp_path: Path, extension: str) -> None:
    target = tmp_path / f"copy{extension}"
    copy(SAMPLE, target)
    before, after = read(SAMPLE), read(target)
    assert len(before) == len(after)
    for (old, old_seconds), (new, new_seconds) in zip(before, after, strict=True):
        assert new_seconds == pytest.approx(old_seconds, abs=1e-3)
        assert np.abs(new.astype(int) - old).mean() < 1.0


@pytest.mark.skipif(sys.platform == "win32", reason="no colons in names on Windows")
def test_a_name_with_a_colon_is_a_file_and_no_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "12:30.mkv", 3, tone="aac")
    copy(Path("12:30.mkv"), Path("12:31.mkv"))
    assert len(read(tmp_path / "12:31.mkv")) == 3
    assert audio_packets(tmp_path / "12:31.mkv") == audio_packets(tmp_path / "12:30.mkv")


def test_webm_is_written_as_vp9(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", tone="aac")
    copy(source, tmp_path / "out.webm")
    assert len(read(tmp_path / "out.webm")) == 12
    assert audio_of(tmp_path / "out.webm")[0] in ("opus", "libopus")


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "extension", "tags"),
    [
        ("libx264", "yuv420p", ".mp4", {"color_range": 1, "colorspace": 1}),
        ("libx264", "yuv420p", ".mp4", {"color_range": 1, "colorspace": 6}),
        ("libx264", "yuv420p", ".mkv", {"color_range": 2, "colorspace": 1}),
        ("libx264", "yuv444p", ".mkv", {"color_range": 2, "colorspace": 6}),
        ("libx264", "yuv420p10le", ".mkv", {"color_range": 1, "colorspace": 1}),
        ("mjpeg", "yuvj420p", ".avi", {"color_range": 2, "colorspace": 6}),
        ("mjpeg", "yuvj422p", ".mkv", {"color_range": 2, "colorspace": 6}),
        ("ffv1", "bgra", ".mkv", {}),
        ("ffv1", "gray", ".mkv", {}),
        ("rawvideo", "nv12", ".mkv", {}),
    ],
)
def test_colours_do_not_shift(
    tmp_path: Path, codec: str, pix_fmt: str, extension: str, tags: dict[str, int]
) -> None:
    source = write_clip(tmp_path / f"in{extension}", 3, codec=codec, pix_fmt=pix_fmt, **tags)
    target = tmp_path / "out.mp4"
    copy(source, target)
    for before, after in zip(rgb_frames(source), rgb_frames(target), strict=True):
        shift = (after.astype(int) - before).mean(axis=(0, 1))
        assert np.abs(shift).max() < 2, f"R, G, B moved by {shift}"


def test_variable_frame_rate_is_kept(tmp_path: Path) -> None:
    times = [0, 0.04, 0.08, 0.5, 0.51, 2.0]
    source = write_clip(tmp_path / "in.mkv", len(times), times=times)
    copy(source, tmp_path / "out.mp4")
    assert [seconds for _, seconds in read(tmp_path / "out.mp4")] == pytest.approx(times, abs=0.002)


@pytest.mark.parametrize("name", ["clip.264", "clip.mjpeg"])
def test_streams_without_times_get_those_of_their_rate(tmp_path: Path, name: str) -> None:
    if name.endswith("264"):
        source = write_clip(tmp_path / name, 5)
    else:
        source = write_clip(tmp_path / name, 5, codec="mjpeg", pix_fmt="yuvj420p", color_range=2)
    times = [seconds for _, seconds in read(source)]
    assert times == pytest.approx([index / 25 for index in range(5)], abs=0.001)


def test_rotation_and_pixel_aspect_are_kept(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", 3, rotation=90, sample_aspect_ratio=Fraction(4, 3))
    copy(source, tmp_path / "out.mp4")
    with VideoReader(tmp_path / "out.mp4") as video:
        assert video.tags.rotation == 90
        assert video.tags.pixel_aspect == Fraction(4, 3)


def test_odd_sides_lose_their_last_column_and_row(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "odd.mkv", 2, (65, 49), codec="ffv1", pix_fmt="yuv420p")
    with VideoReader(source) as video:
        assert (video.width, video.height) == (64, 48)
        assert [i420.shape for i420, _ in video] == [(72, 64)] * 2


def test_audio_is_copied_packet_by_packet(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", 50, tone="aac")
    for name in ("out.mp4", "out.mkv", "out.mov"):
        copy(source, tmp_path / name)
        assert audio_packets(tmp_path / name) == audio_packets(source), name


def test_audio_that_the_container_cannot_hold_is_encoded_anew(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.avi", 50, tone="pcm_mulaw")
    copy(source, tmp_path / "out.mp4")
    codec, seconds = audio_of(tmp_path / "out.mp4")
    assert codec == "aac"
    assert seconds == pytest.approx(2, abs=0.15)


def test_audio_stays_in_step_when_the_file_does_not_start_at_0(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.ts", 50, tone="aac")  # MPEG-TS starts at 1.4 s
    copy(source, tmp_path / "out.mp4")
    with VideoReader(tmp_path / "out.mp4") as video:
        assert video.duration == pytest.approx(2, abs=0.1)
    assert audio_of(tmp_path / "out.mp4")[1] == pytest.approx(2, abs=0.1)


def test_a_missing_or_empty_file_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path / "none.mp4")
    (tmp_path / "empty.mp4").touch()
    assert "0 bytes" in refusal(tmp_path / "empty.mp4").message


@pytest.mark.parametrize("faststart", [False, True])
@pytest.mark.parametrize("part", [0.01, 0.5, 0.97])
def test_a_truncated_mp4_is_refused(tmp_path: Path, faststart: bool, part: float) -> None:
    path = tmp_path / "cut.mp4"
    source = write_clip(tmp_path / "in.mkv", 50)
    flags = {"movflags": "faststart"} if faststart else {}
    with av.open(str(source)) as whole, av.open(str(path), "w", options=flags) as container:
        stream = container.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    refusal(path)


def test_a_file_without_video_is_refused(tmp_path: Path) -> None:
    assert "no video" in refusal(write_tone_only(tmp_path / "tone.m4a")).message


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("not a video" * 100)
    refusal(path)


def test_damage_in_the_middle_costs_only_the_damaged_frames(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mkv", 50, codec="mjpeg", pix_fmt="yuvj420p", color_range=2)
    damage(source, video_packets(source)[20:23])
    assert 47 <= len(read(source)) <= 50


def test_a_video_goes_on_behind_a_damaged_part_of_its_container(tmp_path: Path) -> None:
    jpeg = {"codec": "mjpeg", "pix_fmt": "yuvj420p", "color_range": 2}
    # The bytes, and with them what is hit, depend on the threads that encode.
    source = write_clip(tmp_path / "in.mkv", 50, thread_count=2, **jpeg)
    whole = read(source)
    data = bytearray(source.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 1500] = b"\xff" * 1500
    source.write_bytes(data)
    found = read(source)
    assert 40 <= len(found) <= 50
    assert [seconds for _, seconds in found[:20]] == [seconds for _, seconds in whole[:20]]
    np.testing.assert_array_equal(found[-1][0], whole[-1][0])


def test_damaged_audio_does_not_cost_the_picture(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mkv", 50, tone="aac")
    damage(source, audio_packets(source)[20:30])
    copy(source, tmp_path / "out.webm")
    assert len(read(tmp_path / "out.webm")) == 50
    assert audio_of(tmp_path / "out.webm")[1] == pytest.approx(2, abs=0.5)


def test_audio_that_a_container_only_claims_to_hold_is_encoded_anew(tmp_path: Path) -> None:
    copy(write_clip(tmp_path / "aac.mkv", 10, tone="aac"), tmp_path / "opus.webm")
    assert audio_of(tmp_path / "opus.webm")[0] in ("opus", "libopus")
    copy(tmp_path / "opus.webm", tmp_path / "out.mov")
    assert audio_of(tmp_path / "out.mov")[0] == "aac"


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.avi", "none/out.mp4"])
def test_an_output_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SharpCamError):
        VideoWriter(tmp_path / name, 64, 48, 25)
    assert not list(tmp_path.rglob("*"))


def test_an_output_below_a_file_or_on_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    for path in (tmp_path / "file" / "out.mp4", tmp_path / "folder.mp4"):
        with pytest.raises(SharpCamError):
            VideoWriter(path, 64, 48, 25)
    assert len(list(tmp_path.rglob("*"))) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SharpCamError("a", "b")])
def test_an_interrupted_recording_leaves_nothing(
    tmp_path: Path, error: type[BaseException] | BaseException
) -> None:
    kind = error if isinstance(error, type) else type(error)
    old = tmp_path / "out.mp4"
    old.write_bytes(b"the old file")

    def record() -> None:
        with VideoWriter(old, 64, 48, 25) as writer:
            writer.write(np.zeros((72, 64), np.uint8), 0)
            assert len(list(tmp_path.iterdir())) == 2
            raise error

    with pytest.raises(kind):
        record()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the old file"]


def test_a_recording_without_frames_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SharpCamError, match="no frame"), VideoWriter(tmp_path / "o.mp4", 64, 48, 9):
        pass
    assert not list(tmp_path.iterdir())


def test_times_that_stand_still_or_run_back_are_moved_on(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 64, 48, 25) as writer:
        for seconds in (0.0, 0.0, 1.0, 0.5):
            writer.write(np.full((72, 64), 90, np.uint8), seconds)
    times = [seconds for _, seconds in read(tmp_path / "out.mp4")]
    assert len(times) == 4
    assert times == sorted(times)


def test_what_opencv_converts_is_shown_in_the_same_colours(tmp_path: Path) -> None:
    rgb = np.full((48, 64, 3), (200, 90, 40), np.uint8)
    i420 = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    with VideoWriter(tmp_path / "out.mp4", 64, 48, 25) as writer:  # tagged by default
        writer.write(np.asarray(i420, np.uint8), 0)
    shift = rgb_frames(tmp_path / "out.mp4")[0].astype(int) - rgb
    assert np.abs(shift).max() <= 2  # rounding; another matrix or range moves them by ten
    with VideoReader(tmp_path / "out.mp4") as video:
        assert (video.tags.color_range, video.tags.colorspace) == (1, VideoTags().colorspace)
