"""Picture files, with all that they hold: depth, transparency, EXIF, colour profile.

Bytes are read and written by Python and only decoded by OpenCV: its own file functions fail on
names outside the code page of Windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.atomic import replacing
from sharpcam.enhancer import Enhancer
from sharpcam.errors import SharpCamError

PICTURE_EXTENSIONS = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"))

_WITH_METADATA = frozenset((".png", ".jpg", ".jpeg", ".webp"))
_JPEG = (".jpg", ".jpeg")
_JPEG_OPTIONS = [
    cv2.IMWRITE_JPEG_QUALITY,
    95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]
# Clockwise turns and mirrorings that show the picture upright, by EXIF orientation.
_UPRIGHT = {
    2: (None, True),
    3: (cv2.ROTATE_180, False),
    4: (cv2.ROTATE_180, True),
    5: (cv2.ROTATE_90_CLOCKWISE, True),
    6: (cv2.ROTATE_90_CLOCKWISE, False),
    7: (cv2.ROTATE_90_COUNTERCLOCKWISE, True),
    8: (cv2.ROTATE_90_COUNTERCLOCKWISE, False),
}

Pixels = NDArray[Any]
"""uint8 or uint16, [H, W] grey, [H, W, 3] BGR or [H, W, 4] BGRA."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture as its file has it: not turned upright yet (`orientation`)."""

    pixels: Pixels
    metadata: tuple[tuple[int, bytes], ...] = ()
    """Kind (cv2.IMAGE_METADATA_*) and bytes: EXIF, XMP, colour profile."""
    lossless: bool = True
    """Whether the file held the pixels exactly."""

    @property
    def orientation(self) -> int:
        """1 to 8 as EXIF counts; 1 is upright."""
        exif = next((data for kind, data in self.metadata if kind == cv2.IMAGE_METADATA_EXIF), b"")
        return _exif_orientation(exif)

    def upright(self) -> Picture:
        """Turned as a viewer shows it, without the metadata that says so."""
        turn, mirror = _UPRIGHT.get(self.orientation, (None, False))
        pixels = self.pixels if turn is None else cv2.rotate(self.pixels, turn)
        pixels = cv2.flip(pixels, 1) if mirror else pixels
        kept = tuple(item for item in self.metadata if item[0] != cv2.IMAGE_METADATA_EXIF)
        return replace(self, pixels=pixels, metadata=kept)


def read_picture(path: Path) -> Picture:
    """Read a picture as it is.

    Raises:
        SharpCamError: missing, empty, cut short, damaged, or pixels of a kind we do not know.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SharpCamError(
            f"cannot read {path}: {error.strerror or error}", "check the name and the folder"
        ) from error
    if not data:
        raise SharpCamError(f"{path} is empty (0 bytes)", "copy or download it again")
    damaged = SharpCamError(
        f"{path} is damaged, cut short or not a picture",
        "copy or download it again, and check that a viewer shows all of it",
    )
    if data.startswith(b"\xff\xd8") and not _jpeg_is_whole(data):
        raise damaged  # OpenCV 4 fills what is missing with grey
    with _quiet():
        try:
            pixels, kinds, chunks = cv2.imdecodeWithMetadata(
                np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED
            )
        except cv2.error as error:
            raise damaged from error
    if pixels is None:
        raise damaged
    if pixels.dtype not in (np.uint8, np.uint16) or (pixels.ndim == 3 and pixels.shape[2] == 2):
        raise SharpCamError(
            f"{path} has pixels of the kind {pixels.dtype} {pixels.shape[2:]}, not 8 or 16 bits",
            "save it as an 8 or 16 bit picture",
        )
    metadata = tuple(
        (int(kind), np.asarray(chunk).tobytes()) for kind, chunk in zip(kinds, chunks, strict=True)
    )
    lossy = data.startswith(b"\xff\xd8") or (data[:4] == b"RIFF" and b"VP8L" not in data[:4096])
    return Picture(pixels, metadata, not lossy)


def write_picture(path: Path, picture: Picture) -> None:
    """Write in the format of the extension, whole or not at all: PNG, BMP and TIFF lossless, JPEG
    at quality 95 with full chroma, WebP lossless where the source was.

    What a format cannot hold is left out: transparency and 16 bits in JPEG, metadata in BMP and
    TIFF (where the picture is turned upright instead).

    Raises:
        SharpCamError: unknown extension, too large for the format, or not writable.
    """
    extension = path.suffix.lower()
    if extension not in PICTURE_EXTENSIONS:
        raise SharpCamError(
            f"cannot write a picture as {path.name!r}: unknown kind {path.suffix!r}",
            f"use one of {' '.join(sorted(PICTURE_EXTENSIONS))}",
        )
    if extension not in _WITH_METADATA:
        picture = replace(picture.upright(), metadata=())
    pixels = picture.pixels
    if extension in (*_JPEG, ".webp", ".bmp") and pixels.dtype == np.uint16:
        pixels = to_8_bit(pixels)
    if extension in _JPEG and pixels.ndim == 3:
        pixels = np.ascontiguousarray(pixels[:, :, :3])
    options: list[int] = []
    if extension in _JPEG:
        options = _JPEG_OPTIONS
    elif extension == ".webp":
        options = [cv2.IMWRITE_WEBP_QUALITY, 101 if picture.lossless else 95]
    with _quiet():
        try:
            done, data = cv2.imencodeWithMetadata(
                extension,
                pixels,
                [kind for kind, _ in picture.metadata],
                [np.frombuffer(chunk, np.uint8) for _, chunk in picture.metadata],
                options,
            )
        except cv2.error:
            done = False
    if not done:
        height, width = pixels.shape[:2]
        raise SharpCamError(
            f"cannot write {path}: {width}x{height} does not fit into {extension}",
            "write a .png instead",
        )
    with replacing(path) as partial:
        partial.write_bytes(data.tobytes())


def to_8_bit(pixels: Pixels) -> NDArray[np.uint8]:
    """Round 16 bits to 8; 8 bits stay as they are."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    return cv2.convertScaleAbs(pixels, alpha=1 / 257).astype(np.uint8, copy=False)


def luma_of(pixels: Pixels) -> NDArray[np.uint8]:
    """BT.601 luma, full range, uint8 [H, W]."""
    if pixels.ndim == 2:
        return to_8_bit(pixels)
    code = cv2.COLOR_BGRA2GRAY if pixels.shape[2] == 4 else cv2.COLOR_BGR2GRAY
    return to_8_bit(cv2.cvtColor(pixels, code))


def enhance_picture(pixels: Pixels, enhancer: Enhancer, strength: float) -> Pixels:
    """Restore a picture's luma; returns pixels of the same shape and type.

    What the enhancer adds to luma is added to B, G and R alike, which changes nothing else: chroma
    and transparency stay, and where the enhancer changes nothing the result is bit-exact.
    """
    luma = luma_of(pixels)
    restored = enhancer.enhance(luma, strength)
    limit, scale = (255, 1) if pixels.dtype == np.uint8 else (65535, 257)
    result = pixels.copy()
    for top in range(0, len(pixels), 256):  # in strips: an 8K picture in int32 is 400 MB
        rows = slice(top, top + 256)
        added = (restored[rows].astype(np.int32) - luma[rows]) * scale
        if pixels.ndim == 2:
            result[rows] = np.clip(pixels[rows] + added, 0, limit)
        else:
            result[rows, :, :3] = np.clip(pixels[rows, :, :3] + added[:, :, None], 0, limit)
    return result


def picture_to_i420(path: Path) -> NDArray[np.uint8]:
    """A picture as an I420 frame, upright, BT.601 limited range: uint8 [H * 3 / 2, W].

    An odd side loses its last column or row; transparency is ignored.

    Raises:
        SharpCamError: as `read_picture`, or one pixel wide or high.
    """
    pixels = to_8_bit(read_picture(path).upright().pixels)
    height, width = pixels.shape[0] & ~1, pixels.shape[1] & ~1
    if not height or not width:
        raise SharpCamError(f"{path} is one pixel wide or high", "give a larger picture")
    pixels = np.ascontiguousarray(pixels[:height, :width])
    if pixels.ndim == 2:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    code = cv2.COLOR_BGRA2YUV_I420 if pixels.shape[2] == 4 else cv2.COLOR_BGR2YUV_I420
    return cv2.cvtColor(pixels, code).astype(np.uint8, copy=False)


_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # in coded data: neither stuffing nor restart


def _jpeg_is_whole(data: bytes) -> bool:
    """Walk the segments up to the end marker. A search for its two bytes alone would find the one
    of the embedded thumbnail, or miss it in front of what phones append."""
    place = 2
    while place + 4 <= len(data):
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        place += 2 + length
        if marker != 0xDA:
            continue
        found = _MARKER.search(data, place)
        if found is None:
            return False
        place = found.start()
        if data[place + 1] == 0xD9:
            return True
    return data[place : place + 2] == b"\xff\xd9"


def _exif_orientation(exif: bytes) -> int:
    """The orientation of an EXIF block (TIFF header first), 1 where there is none."""
    start = exif.find(b"II*\x00") if b"II*\x00" in exif[:16] else exif.find(b"MM\x00*")
    if start < 0:
        return 1
    little = exif[start : start + 2] == b"II"

    def number(place: int, size: int) -> int:
        field = exif[start + place : start + place + size]
        return int.from_bytes(field, "little" if little else "big")

    table = number(4, 4)
    for entry in range(table + 2, table + 2 + 12 * min(number(table, 2), 512), 12):
        if number(entry, 2) == 0x0112:
            value = number(entry + 8, 2)
            return value if 1 <= value <= 8 else 1
    return 1


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV's own lines off the terminal; our error says it."""
    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)
