"""SPA PODs by hand: the typed values in which PipeWire's peers agree on formats and buffers.

A POD is its body's size and type, two uint32, then the body padded to eight bytes. An object's body
is its type, what it is for, and properties: key, flags, POD. The numbers are those of PipeWire's
headers (spa/utils/type.h, spa/param) and part of its protocol. Pure functions; no thread owns
anything here.
"""

from __future__ import annotations

import struct
import sys
from enum import IntEnum


class Param(IntEnum):
    """What an object is for."""

    ENUM_FORMAT = 3
    FORMAT = 4
    BUFFERS = 5
    META = 6


class Pixels(IntEnum):
    """The formats of ours."""

    I420 = 2
    YUY2 = 4


class Kind(IntEnum):
    """Types of PODs."""

    ID = 3
    INT = 4
    RECTANGLE = 10
    FRACTION = 11
    OBJECT = 15
    CHOICE = 19
    FORMAT_OBJECT = 0x40003
    BUFFERS_OBJECT = 0x40004
    META_OBJECT = 0x40005


class FormatKey(IntEnum):
    """Properties of a format."""

    MEDIA_TYPE = 1
    MEDIA_SUBTYPE = 2
    PIXELS = 0x20001
    SIZE = 0x20003
    RATE = 0x20004
    COLOUR_RANGE = 0x2000C
    COLOUR_MATRIX = 0x2000D
    TRANSFER = 0x2000E
    PRIMARIES = 0x2000F


class BuffersKey(IntEnum):
    """Properties of a wish for buffers."""

    COUNT = 1
    BLOCKS = 2
    SIZE = 3
    STRIDE = 4
    MEMORY = 6


class MetaKey(IntEnum):
    """Properties of a wish for data beside the picture."""

    TYPE = 1
    SIZE = 2


MEDIA_VIDEO, MEDIA_RAW = 2, 1
LIMITED_RANGE, BT601, SRGB, BT709_PRIMARIES = 2, 4, 7, 1
"""What `frame.py` promises of the colours."""
CHOICE_RANGE, CHOICE_FLAGS = 1, 4
SHARED_MEMORY = 1 << 2
MOST_BUFFERS = 32
META_HEADER, META_HEADER_SIZE = 1, 32
META_BUSY, META_BUSY_SIZE = 7, 8


def offered_format(pixels: Pixels, width: int, height: int, fps: float) -> bytes:
    """One format that a reader may take.

    Browsers skip a format whose pixels or size are a choice, take a range's lowest rate for the
    camera's, and cut a rate down to a whole number: so each format stands by itself, with one whole
    rate.
    """
    return _object(
        Kind.FORMAT_OBJECT,
        Param.ENUM_FORMAT,
        {
            FormatKey.MEDIA_TYPE: _id(MEDIA_VIDEO),
            FormatKey.MEDIA_SUBTYPE: _id(MEDIA_RAW),
            FormatKey.PIXELS: _id(pixels),
            FormatKey.SIZE: _pod(Kind.RECTANGLE, struct.pack("=II", width, height)),
            FormatKey.RATE: _pod(Kind.FRACTION, struct.pack("=II", max(1, round(fps)), 1)),
            FormatKey.COLOUR_RANGE: _id(LIMITED_RANGE),
            FormatKey.COLOUR_MATRIX: _id(BT601),
            FormatKey.TRANSFER: _id(SRGB),
            FormatKey.PRIMARIES: _id(BT709_PRIMARIES),
        },
    )


def wanted_buffers(size: int, stride: int) -> bytes:
    """Shared memory, with buffers for several readers to hold: one block of `size` bytes each,
    `stride` bytes a line."""
    return _object(
        Kind.BUFFERS_OBJECT,
        Param.BUFFERS,
        {
            BuffersKey.COUNT: _choice(CHOICE_RANGE, 8, 2, MOST_BUFFERS),
            BuffersKey.BLOCKS: _int(1),
            BuffersKey.SIZE: _int(size),
            BuffersKey.STRIDE: _int(stride),
            BuffersKey.MEMORY: _choice(CHOICE_FLAGS, SHARED_MEMORY),
        },
    )


def wanted_header() -> bytes:
    """Room for a time and a number beside every picture; browsers read it without asking whether
    it is there."""
    return _object(
        Kind.META_OBJECT,
        Param.META,
        {MetaKey.TYPE: _id(META_HEADER), MetaKey.SIZE: _int(META_HEADER_SIZE)},
    )


def agreed_pixels(pod: bytes) -> Pixels | None:
    """What a format object says; None where that is not one of ours."""
    place = 16  # behind the object's size, kind, type and purpose
    while place + 16 <= len(pod):
        key, _, size, kind = struct.unpack_from("=IIII", pod, place)
        body = place + 16
        if key == FormatKey.PIXELS:
            if kind == Kind.CHOICE:  # of one: agreed upon, but still in its wrapping
                body += 16
            number = int.from_bytes(pod[body : body + 4], sys.byteorder)
            return Pixels(number) if number in set(Pixels) else None
        place = body + size + -size % 8
    return None


def _pod(kind: int, body: bytes) -> bytes:
    return struct.pack("=II", len(body), kind) + body + bytes(-len(body) % 8)


def _id(value: int) -> bytes:
    return _pod(Kind.ID, struct.pack("=I", value))


def _int(value: int) -> bytes:
    return _pod(Kind.INT, struct.pack("=i", value))


def _choice(choice: int, *values: int) -> bytes:
    """Of ints; the default first, then what this kind of choice is made of."""
    return _pod(Kind.CHOICE, struct.pack(f"=IIII{len(values)}i", choice, 0, 4, Kind.INT, *values))


def _object(kind: int, purpose: int, properties: dict[int, bytes]) -> bytes:
    body = b"".join(struct.pack("=II", key, 0) + pod for key, pod in properties.items())
    return _pod(Kind.OBJECT, struct.pack("=II", kind, purpose) + body)
