"""Picture files keep what they hold, and only luma changes."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sharpcam.enhancer import Passthrough
from sharpcam.errors import SharpCamError
from sharpcam.picture import (
    PICTURE_EXTENSIONS,
    Picture,
    enhance_picture,
    luma_of,
    picture_to_i420,
    read_picture,
    to_8_bit,
    write_picture,
)


class Adding(Passthrough):
    """Adds a constant to luma."""

    def __init__(self, added: int) -> None:
        self.added = added

    def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        return np.clip(y.astype(int) + self.added, 0, 255).astype(np.uint8)


def pixels(*shape: int, dtype: type = np.uint8) -> NDArray[np.uint8]:
    """Smooth colours, so that lossy formats stay close."""
    height, width = shape[:2]
    ramp = np.add.outer(np.arange(height), np.arange(width)) * 180 // (height + width) + 30
    planes = np.stack([ramp, 255 - ramp, ramp // 2 + 60, 200 - ramp // 2], -1)
    return (planes[:, :, : shape[2]] if len(shape) == 3 else ramp).astype(dtype)


def exif_file(path: Path, kind: str, orientation: int) -> Path:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "a note"
    picture = Image.fromarray(pixels(24, 40, 3))
    picture.save(path, kind, exif=exif, icc_profile=bytes(range(200)))
    return path


def refusal(path: Path) -> SharpCamError:
    with pytest.raises(SharpCamError) as caught:
        read_picture(path)
    assert path.name in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("extension", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (17, 31), (17, 31, 3), (16, 16, 4)])
def test_lossless_formats_give_back_every_bit(
    tmp_path: Path, extension: str, dtype: type, shape: tuple[int, ...]
) -> None:
    path = tmp_path / f"picture{extension}"
    original = pixels(*shape, dtype=dtype) * (257 if dtype == np.uint16 else 1)
    write_picture(path, Picture(original))
    again = read_picture(path)
    assert again.pixels.dtype == dtype
    assert again.lossless
    np.testing.assert_array_equal(again.pixels, original)


@pytest.mark.parametrize("extension", sorted(PICTURE_EXTENSIONS))
def test_every_format_takes_16_bit_transparent_pictures(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"picture{extension.upper()}"
    original = pixels(40, 60, 4, dtype=np.uint16) * 257
    write_picture(path, Picture(original, lossless=False))
    again = to_8_bit(read_picture(path).pixels)[:, :, :3]
    assert np.abs(again.astype(int) - original[:, :, :3] // 257).mean() < 3


def test_webp_stays_lossless_or_lossy(tmp_path: Path) -> None:
    original = pixels(30, 30, 3)
    for lossless in (True, False):
        path = tmp_path / "picture.webp"
        write_picture(path, Picture(original, lossless=lossless))
        assert read_picture(path).lossless is lossless
        assert np.array_equal(read_picture(path).pixels, original) is lossless


def test_names_may_hold_any_letters(tmp_path: Path) -> None:
    path = tmp_path / "Übergröße 写真.png"
    write_picture(path, Picture(pixels(8, 8)))
    assert read_picture(path).pixels.shape == (8, 8)


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", ".jpg"), ("PNG", ".png")])
def test_metadata_and_orientation_survive(tmp_path: Path, kind: str, extension: str) -> None:
    picture = read_picture(exif_file(tmp_path / "in", kind, orientation=6))
    assert picture.orientation == 6
    path = tmp_path / f"out{extension}"
    write_picture(path, picture)
    with Image.open(path) as again:
        assert again.size == (40, 24)
        assert again.getexif()[0x0112] == 6
        assert again.getexif()[0x010E] == "a note"
        if kind == "JPEG":  # PNG readers drop a colour profile that is not a real one
            assert again.info["icc_profile"] == bytes(range(200))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_what_opencv_shows(tmp_path: Path, orientation: int) -> None:
    path = exif_file(tmp_path / "in.png", "PNG", orientation)
    shown = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read_picture(path).upright().pixels, shown)


def test_formats_without_orientation_are_turned_upright(tmp_path: Path) -> None:
    picture = read_picture(exif_file(tmp_path / "in.jpg", "JPEG", orientation=6))
    write_picture(tmp_path / "out.bmp", picture)
    assert read_picture(tmp_path / "out.bmp").pixels.shape == (40, 24, 3)


@pytest.mark.parametrize("extension", sorted(PICTURE_EXTENSIONS))
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_a_truncated_picture_is_refused(tmp_path: Path, extension: str, part: float) -> None:
    path = tmp_path / f"cut{extension}"
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    write_picture(path, Picture(noise))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    refusal(path)


def test_a_jpeg_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    noise = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    write_picture(path, Picture(noise))
    data = path.read_bytes()
    for length in range(1, len(data) - 1, 97):
        path.write_bytes(data[:length])
        refusal(path)
    path.write_bytes(data + b"what a phone appends \xff\xda and more")
    assert read_picture(path).pixels.shape == (32, 32, 3)


def test_a_jpeg_with_a_thumbnail_is_judged_by_its_own_end(tmp_path: Path) -> None:
    thumbnail, whole = io.BytesIO(), io.BytesIO()
    Image.fromarray(pixels(8, 8, 3)).save(thumbnail, "JPEG")
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00" + thumbnail.getvalue()
    Image.fromarray(pixels(64, 64, 3)).save(whole, "JPEG", exif=exif, progressive=True)
    path = tmp_path / "photo.jpg"
    path.write_bytes(whole.getvalue())
    assert read_picture(path).pixels.shape == (64, 64, 3)
    path.write_bytes(whole.getvalue()[:-40])
    refusal(path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8", b"\xff\xd8\xff\xe0"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    refusal(path)


def test_a_missing_picture_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path / "none.png")


def test_pixels_of_unknown_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "float.tiff"
    path.write_bytes(cv2.imencode(".tiff", np.ones((4, 4), np.float32))[1].tobytes())
    assert "float32" in refusal(path).message


@pytest.mark.parametrize("name", ["out.gif", "out", "missing/out.png"])
def test_what_cannot_be_written_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SharpCamError):
        write_picture(tmp_path / name, Picture(pixels(4, 4)))
    assert not list(tmp_path.rglob("*"))


def test_a_picture_too_wide_for_its_format_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SharpCamError, match="20000x2"):
        write_picture(tmp_path / "out.webp", Picture(pixels(2, 20_000, 3)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (300, 7, 4)])
def test_an_enhancer_that_changes_nothing_leaves_every_bit(
    shape: tuple[int, ...], dtype: type
) -> None:
    original = pixels(*shape, dtype=dtype) * (200 if dtype == np.uint16 else 1)
    result = enhance_picture(original, Passthrough(), 1.0)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, original)


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1), (np.uint16, 257)])
def test_luma_moves_all_colours_alike_and_transparency_stays(dtype: type, scale: int) -> None:
    original = pixels(300, 9, 4, dtype=dtype) * scale
    result = enhance_picture(original, Adding(5), 1.0)
    difference = result.astype(int) - original
    assert (difference[:, :, :3] == 5 * scale).all()
    assert (difference[:, :, 3] == 0).all()


def test_black_and_white_do_not_wrap_around() -> None:
    assert enhance_picture(np.full((2, 2, 3), 254, np.uint8), Adding(9), 1.0).max() == 255
    assert enhance_picture(np.full((2, 2), 65280, np.uint16), Adding(9), 1.0).max() == 65535
    assert enhance_picture(np.full((2, 2), 3, np.uint8), Adding(-9), 1.0).min() == 0


def test_luma_is_bt601_full_range() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert luma_of(colours).tolist() == [[29, 150, 76, 255]]


def test_a_picture_becomes_i420_with_even_sides(tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    write_picture(path, Picture(np.full((7, 9, 3), 255, np.uint8)))
    i420 = picture_to_i420(path)
    assert i420.shape == (9, 8)
    assert (i420[:6] == 235).all()
    assert (i420[6:] == 128).all()


@pytest.mark.parametrize("shape", [(1, 1), (8, 1, 3)])
def test_a_picture_of_one_pixel_across_has_no_i420(tmp_path: Path, shape: tuple[int, ...]) -> None:
    write_picture(tmp_path / "thin.png", Picture(pixels(*shape)))
    with pytest.raises(SharpCamError, match="one pixel"):
        picture_to_i420(tmp_path / "thin.png")


def test_grey_transparent_and_turned_pictures_become_i420(tmp_path: Path) -> None:
    for number, shape in enumerate([(8, 8), (8, 8, 4)]):
        path = tmp_path / f"{number}.png"
        write_picture(path, Picture(pixels(*shape)))
        assert picture_to_i420(path).shape == (12, 8)
    assert picture_to_i420(exif_file(tmp_path / "x.jpg", "JPEG", 6)).shape == (60, 24)
