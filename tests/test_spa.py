"""PODs against bytes that PipeWire's own builder made, spa/pod/builder.h of 0.3.65."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharpcam.system.spa import (
    Pixels,
    agreed_pixels,
    offered_format,
    wanted_buffers,
    wanted_header,
)

FORMAT = """
e0000000 0f000000 03000400 03000000 01000000 00000000 04000000 03000000 02000000 00000000 02000000
00000000 04000000 03000000 01000000 00000000 01000200 00000000 04000000 03000000 04000000 00000000
03000200 00000000 08000000 0a000000 80020000 e0010000 04000200 00000000 08000000 0b000000 1e000000
01000000 0c000200 00000000 04000000 03000000 02000000 00000000 0d000200 00000000 04000000 03000000
04000000 00000000 0e000200 00000000 04000000 03000000 07000000 00000000 0f000200 00000000 04000000
03000000 01000000 00000000"""
BUFFERS = """
a8000000 0f000000 04000400 05000000 01000000 00000000 1c000000 13000000 01000000 00000000 04000000
04000000 08000000 02000000 20000000 00000000 02000000 00000000 04000000 04000000 01000000 00000000
03000000 00000000 04000000 04000000 00080700 00000000 04000000 00000000 04000000 04000000 80020000
00000000 06000000 00000000 14000000 13000000 04000000 00000000 04000000 04000000 04000000 00000000
"""
META = """
38000000 0f000000 05000400 06000000 01000000 00000000 04000000 03000000 01000000 00000000 02000000
00000000 04000000 04000000 20000000 00000000"""
AGREED_IN_A_CHOICE = """
60000000 0f000000 03000400 04000000 01000000 00000000 04000000 03000000 02000000 00000000 02000200
00000000 08000000 05000000 05000000 00000000 01000200 00000000 18000000 13000000 03000000 00000000
04000000 03000000 02000000 02000000"""


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (offered_format(Pixels.YUY2, 640, 480, 30.0), FORMAT),
        (offered_format(Pixels.YUY2, 640, 480, 29.97), FORMAT),
        (wanted_buffers(460_800, 640), BUFFERS),
        (wanted_header(), META),
    ],
)
def test_a_pod_is_what_pipewires_own_builder_makes(made: bytes, known: str) -> None:
    assert made == bytes.fromhex(known)


def test_the_slowest_rate_is_one() -> None:
    assert offered_format(Pixels.I420, 2, 2, 0.1)[128:136] == struct.pack("=II", 1, 1)


@pytest.mark.parametrize("pixels", list(Pixels))
def test_what_was_offered_can_be_agreed_upon(pixels: Pixels) -> None:
    assert agreed_pixels(offered_format(pixels, 1280, 720, 25)) is pixels


def test_an_agreement_may_still_be_wrapped_in_a_choice_behind_other_properties() -> None:
    assert agreed_pixels(bytes.fromhex(AGREED_IN_A_CHOICE)) is Pixels.I420


def test_other_pixels_and_other_objects_are_none_of_ours() -> None:
    other = bytes.fromhex(
        FORMAT.replace("03000000 04000000 00000000", "03000000 05000000 00000000")
    )
    assert other != bytes.fromhex(FORMAT)
    assert agreed_pixels(other) is None
    assert agreed_pixels(wanted_header()) is None
    assert agreed_pixels(b"") is None


@given(st.integers(0, 136), st.binary(max_size=16))
def test_a_torn_pod_is_read_without_harm(length: int, rest: bytes) -> None:
    pod = bytes.fromhex(FORMAT)[:length] + rest
    assert agreed_pixels(pod) in (None, *Pixels)
