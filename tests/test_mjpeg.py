"""A camera's JPEGs, by each decoder that is there: colours, ranges, samplings, and damage."""

from __future__ import annotations

import io
import logging
import threading

import cv2
import numpy as np
import pytest
from clips import SAMPLE
from numpy.typing import NDArray
from PIL import Image

from sharpcam import mjpeg
from sharpcam.buffers import Buffers
from sharpcam.mjpeg import DAMAGED_IN_A_ROW, FfmpegJpeg, JpegDecoder, MjpegDecoder, fastest
from sharpcam.system.libturbojpeg import LIBRARY_HINT, TurboJpeg, loaded
from sharpcam.video import VideoReader
from sharpcam.yuv import DamagedError, from_bgr, i420_shape, parts

Bytes = NDArray[np.uint8]

SAMPLINGS = {"4:4:4": 0x111111, "4:2:2": 0x211111, "4:2:0": 0x221111, "4:4:0": 0x121111} | {
    "4:1:1": 0x411111
}
"""As OpenCV's encoder takes them."""
EOI = b"\xff\xd9"


def turbo() -> JpegDecoder:
    try:
        return TurboJpeg()
    except OSError as error:
        pytest.skip(str(error))


@pytest.fixture(params=[turbo, FfmpegJpeg], ids=["libjpeg-turbo", "FFmpeg"])
def decoder(request: pytest.FixtureRequest) -> JpegDecoder:
    return request.param()


@pytest.fixture(scope="module")
def scene() -> Bytes:
    """A frame of a bundled clip: BGR."""
    with VideoReader(SAMPLE.with_name("book.mkv")) as video:
        i420, _ = next(iter(video))
    return np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420), np.uint8)


def coded(picture: Bytes, sampling: str = "4:2:2", quality: int = 90) -> Bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling]]
    return np.asarray(cv2.imencode(".jpg", picture, options)[1], np.uint8)


def decode(decoder: JpegDecoder, jpeg: Bytes) -> Bytes:
    return MjpegDecoder(Buffers(), decoder).decode(jpeg)


def as_opencv(jpeg: Bytes) -> Bytes:
    """By RGB."""
    picture = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)
    return from_bgr(picture, np.empty(i420_shape(*picture.shape[:2]), np.uint8))


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_the_picture_is_the_one_that_the_way_by_rgb_gives(
    decoder: JpegDecoder, scene: Bytes, sampling: str
) -> None:
    jpeg = coded(scene, sampling)
    ours, theirs = decode(decoder, jpeg), as_opencv(jpeg)
    assert ours.shape == theirs.shape
    # OpenCV takes a colour from one of the four pixels that share it.
    for plane, same, most in zip(parts(ours), parts(theirs), (2, 8, 8), strict=True):
        apart = np.abs(plane.astype(int) - same)
        assert apart.mean() < 1
        assert np.percentile(apart, 99) <= most


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(
    ("colour", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((0, 0, 255), (81, 90, 240)),
        ((0, 255, 0), (145, 54, 34)),
        ((255, 0, 0), (41, 240, 110)),
    ],
)
def test_colours_are_those_of_bt601_in_the_limited_range(
    decoder: JpegDecoder, colour: tuple[int, int, int], yuv: tuple[int, int, int], sampling: str
) -> None:
    i420 = decode(decoder, coded(np.full((48, 64, 3), colour, np.uint8), sampling))
    for plane, level in zip(parts(i420), yuv, strict=True):
        assert np.abs(plane.astype(int) - level).max() <= 1


def test_a_grey_jpeg_has_no_colour(decoder: JpegDecoder) -> None:
    grey = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    y, u, v = parts(decode(decoder, coded(grey)))
    assert np.abs(y - (16 + grey * (219 / 255))).max() <= 2
    assert np.unique([u, v]).tolist() == [128]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("size", [(49, 65), (48, 65), (49, 64), (50, 66)], ids=str)
def test_an_odd_side_loses_its_last_column_or_row(
    decoder: JpegDecoder, scene: Bytes, size: tuple[int, int], sampling: str
) -> None:
    smooth = np.asarray(cv2.resize(scene, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    jpeg = coded(smooth, sampling, quality=100)
    i420 = decode(decoder, jpeg)
    assert i420.shape == i420_shape(*size)
    apart = np.abs(i420.astype(int) - as_opencv(jpeg))
    assert apart[: size[0] & ~1].mean() < 0.5
    assert apart.mean() < 2


def test_the_decoders_agree(scene: Bytes) -> None:
    jpeg = coded(scene)
    apart = np.abs(decode(turbo(), jpeg).astype(int) - decode(FfmpegJpeg(), jpeg))
    assert apart.max() <= 2


def test_what_is_not_yuv_goes_by_rgb(decoder: JpegDecoder, scene: Bytes) -> None:
    written = io.BytesIO()
    picture = Image.fromarray(scene[:48, :64, ::-1].copy())
    picture.convert("CMYK").save(written, "JPEG", quality=95)
    jpeg = np.frombuffer(written.getvalue(), np.uint8)
    assert np.abs(decode(decoder, jpeg).astype(int) - as_opencv(jpeg)).max() == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 64), (48, 1)], ids=str)
def test_a_picture_too_small_for_chroma_is_refused(
    decoder: JpegDecoder, size: tuple[int, int]
) -> None:
    with pytest.raises(DamagedError):
        decode(decoder, coded(np.full((*size, 3), 90, np.uint8)))


def damaged(jpeg: Bytes) -> dict[str, Bytes]:
    whole = jpeg.tobytes()
    flipped = bytearray(whole)
    for place in range(len(whole) // 3, len(whole) - 99, len(whole) // 7):
        flipped[place] ^= 0x5A
    kinds = {
        "cut in half": whole[: len(whole) // 2],
        "the last packet is missing": whole[:-1000],
        "a header and no picture": whole[: whole.index(b"\xff\xda") + 20],
        "half a header": whole[:100],
        "flipped bytes": bytes(flipped),
        "nothing": b"",
        "zeros": bytes(5000),
        "noise": np.random.default_rng(1).bytes(5000),
    }
    return {kind: np.frombuffer(data, np.uint8) for kind, data in kinds.items()}


def test_a_damaged_picture_is_refused_and_the_next_one_is_shown(
    decoder: JpegDecoder, scene: Bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    jpeg = coded(scene)
    expected = decode(decoder, jpeg).copy()
    for kind, broken in damaged(jpeg).items():
        pictures = MjpegDecoder(Buffers(), decoder)
        with pytest.raises(DamagedError) as caught:
            pictures.decode(broken)
        assert str(caught.value), kind
        np.testing.assert_array_equal(pictures.decode(jpeg), expected)
    assert capfd.readouterr().err == ""


def test_no_memory_is_taken_for_a_size_that_no_camera_has(scene: Bytes) -> None:
    huge = coded(scene).copy()
    header = huge.tobytes().index(b"\xff\xc0")
    huge[header + 5 : header + 9] = tuple((60_000).to_bytes(2) * 2)
    with pytest.raises(DamagedError, match="60000x60000"):
        decode(turbo(), huge)
    with pytest.raises(DamagedError):
        decode(FfmpegJpeg(), huge)


@pytest.mark.parametrize("behind", [b"\0" * 700, b"\xff" * 10, b"junk" * 30])
def test_what_drivers_put_behind_the_picture_does_no_harm(
    decoder: JpegDecoder, scene: Bytes, behind: bytes
) -> None:
    jpeg = coded(scene)
    padded = np.frombuffer(jpeg.tobytes() + behind, np.uint8)
    np.testing.assert_array_equal(decode(decoder, padded), decode(decoder, jpeg))


def test_a_few_bytes_too_many_at_the_end_of_the_picture_do_no_harm(
    decoder: JpegDecoder, scene: Bytes
) -> None:
    jpeg = coded(scene)
    inside = np.frombuffer(jpeg.tobytes()[:-2] + bytes(range(1, 30)) + EOI, np.uint8)
    np.testing.assert_array_equal(decode(decoder, inside), decode(decoder, jpeg))


def test_jpegs_without_their_usual_tables_are_understood(
    decoder: JpegDecoder, scene: Bytes
) -> None:
    """Many webcams leave the Huffman tables out, as AVI's MJPEG does."""
    whole = coded(scene).tobytes()
    without, place = whole[:2], 2
    while whole[place + 1] != 0xDA:
        length = 2 + int.from_bytes(whole[place + 2 : place + 4], "big")
        if whole[place + 1] != 0xC4:
            without += whole[place : place + length]
        place += length
    without += whole[place:]
    assert len(without) < len(whole) - 300
    shown = decode(decoder, np.frombuffer(without, np.uint8))
    np.testing.assert_array_equal(shown, decode(decoder, np.frombuffer(whole, np.uint8)))


def test_a_camera_whose_pictures_are_all_damaged_is_shown_as_it_is(
    decoder: JpegDecoder, scene: Bytes, caplog: pytest.LogCaptureFixture
) -> None:
    jpegs = [coded(scene, quality=quality)[:-3000] for quality in range(60, 90)]
    pictures = MjpegDecoder(Buffers(), decoder)
    with caplog.at_level(logging.WARNING):
        for jpeg in jpegs[:DAMAGED_IN_A_ROW]:
            with pytest.raises(DamagedError):
                pictures.decode(jpeg)
        shown = [pictures.decode(jpeg) for jpeg in jpegs[DAMAGED_IN_A_ROW:]]
    assert len(caplog.messages) == 1
    whole = as_opencv(coded(scene))
    top = len(whole) // 3
    assert all(np.abs(i420[:top].astype(int) - whole[:top]).mean() < 4 for i420 in shown)
    with pytest.raises(DamagedError):  # which is no picture at all
        pictures.decode(np.zeros(5000, np.uint8))


def test_after_a_while_damaged_ones_are_refused_again(
    decoder: JpegDecoder, scene: Bytes, caplog: pytest.LogCaptureFixture
) -> None:
    jpegs = [coded(scene), coded(scene[::-1].copy())]
    half = jpegs[0][: len(jpegs[0]) // 2]
    pictures = MjpegDecoder(Buffers(), decoder)
    for _ in range(2):
        for _ in range(DAMAGED_IN_A_ROW):
            with pytest.raises(DamagedError):
                pictures.decode(half)
        for index in range(mjpeg.LENIENT_PICTURES - 1):
            pictures.decode(jpegs[index % 2])
        pictures.decode(jpegs[1][: len(half)])
    assert len(caplog.messages) == 1


def test_now_and_then_a_damaged_one_is_no_reason_to_show_them(
    decoder: JpegDecoder, scene: Bytes
) -> None:
    pictures = MjpegDecoder(Buffers(), decoder)
    for quality in range(60, 60 + 3 * DAMAGED_IN_A_ROW):
        jpeg = coded(scene, quality=quality)
        for _ in range(DAMAGED_IN_A_ROW - 1):
            with pytest.raises(DamagedError):
                pictures.decode(jpeg[: len(jpeg) // 2])
        pictures.decode(jpeg)


class CountingDecoder(FfmpegJpeg):
    calls = 0

    def planes(self, jpeg: Bytes, strict: bool = True) -> mjpeg.Planes | None:
        self.calls += 1
        return super().planes(jpeg, strict)


def test_the_same_jpeg_again_is_not_decoded_again(scene: Bytes) -> None:
    decoder = CountingDecoder()
    pictures = MjpegDecoder(Buffers(), decoder)
    first, other = coded(scene), coded(scene[::-1].copy())
    shown = [pictures.decode(jpeg.copy()) for jpeg in (first, first, first, other, first)]
    assert decoder.calls == 3
    assert shown[0] is shown[1] is shown[2]
    np.testing.assert_array_equal(shown[4], shown[0])
    assert not np.array_equal(shown[3], shown[0])


def test_pictures_that_are_still_shown_are_not_written_over(
    decoder: JpegDecoder, scene: Bytes
) -> None:
    pictures = MjpegDecoder(Buffers(), decoder)
    jpegs = [coded(np.roll(scene, 8 * step, 1)) for step in range(12)]
    shown = [pictures.decode(jpeg) for jpeg in jpegs]
    for i420, jpeg in zip(shown, jpegs, strict=True):
        np.testing.assert_array_equal(i420, decode(decoder, jpeg))


def test_decoding_starts_no_threads(decoder: JpegDecoder, scene: Bytes) -> None:
    pictures = MjpegDecoder(Buffers(), decoder)
    pictures.decode(coded(scene))
    before = _threads()
    for quality in range(60, 80):
        pictures.decode(coded(scene, quality=quality))
    assert _threads() <= before  # some of other tests may just have ended


def _threads() -> set[int | None]:
    """Of this process, those of libraries among them where the system tells."""
    try:
        from pathlib import Path

        return {int(task.name) for task in Path("/proc/self/task").iterdir()}
    except OSError:
        return {thread.native_id for thread in threading.enumerate()}


def test_a_system_without_libturbojpeg_takes_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise OSError(f"it is not there ({LIBRARY_HINT})")

    monkeypatch.setattr("sharpcam.system.libturbojpeg.loaded", missing)
    mjpeg._has_turbo.cache_clear()
    try:
        assert fastest().name == "FFmpeg"
    finally:
        mjpeg._has_turbo.cache_clear()


def test_the_library_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharpcam.system.libturbojpeg.LIBRARY", "libnone.so.0")
    loaded.cache_clear()
    try:
        with pytest.raises(OSError, match="sudo apt install"):
            loaded()
    finally:
        loaded.cache_clear()
