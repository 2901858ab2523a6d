"""Pictures in buffers of real memory, laid out as PipeWire's headers say."""

from __future__ import annotations

import ctypes
import time

import numpy as np
import pytest
from fake_pipewire import SharedBuffer
from fakes import picture

from sharpcam.system import libpipewire as pw
from sharpcam.system.spa import Pixels
from sharpcam.system.spa_buffer import fill, layout

SIZE = 32, 16


def test_structures_are_as_large_as_the_compilers() -> None:
    sizes = {pw.Chunk: 16, pw.Data: 40, pw.SpaBuffer: 24, pw.Meta: 16, pw.Header: 32, pw.Events: 96}
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        pytest.skip("the numbers are those of 64 bits")
    for structure, size in sizes.items():
        assert ctypes.sizeof(structure) == size, structure
    assert (pw.Data.fd.offset, pw.Data.chunk.offset) == (8, 32)
    assert pw.Events.param_changed.offset == 40


def test_i420_goes_in_as_it_is() -> None:
    i420 = bytearray(picture(1).tobytes())
    buffer = SharedBuffer(len(i420))
    fill(buffer.spa, i420, SIZE, Pixels.I420, 5)
    assert buffer.picture() == i420
    assert layout(Pixels.I420, *SIZE) == (768, 32)
    assert (buffer.chunk.offset, buffer.chunk.stride, buffer.chunk.flags) == (0, 32, 0)


def test_yuy2_keeps_every_value_and_has_each_line_of_chroma_twice() -> None:
    i420 = picture(2)
    buffer = SharedBuffer(layout(Pixels.YUY2, *SIZE)[0])
    fill(buffer.spa, bytearray(i420.tobytes()), SIZE, Pixels.YUY2, 5)
    packed = np.frombuffer(buffer.picture(), np.uint8).reshape(16, 16, 4)
    planes = i420[16:].reshape(2, 8, 16)
    np.testing.assert_array_equal(packed[:, :, ::2].reshape(16, 32), i420[:16])
    for row in range(16):
        np.testing.assert_array_equal(packed[row, :, 1], planes[0, row // 2])
        np.testing.assert_array_equal(packed[row, :, 3], planes[1, row // 2])
    assert (buffer.chunk.size, buffer.chunk.stride) == (1024, 64)


def test_the_time_and_the_number_stand_beside_the_picture() -> None:
    buffer = SharedBuffer(768)
    before = time.monotonic_ns()
    fill(buffer.spa, bytearray(768), SIZE, Pixels.I420, 41)
    assert before <= buffer.header.pts <= time.monotonic_ns()
    assert (buffer.header.seq, buffer.header.flags) == (41, 0)


@pytest.mark.parametrize("buffer", [SharedBuffer(767), SharedBuffer(768, mapped=False)])
def test_a_buffer_that_cannot_take_the_picture_is_marked(buffer: SharedBuffer) -> None:
    fill(buffer.spa, bytearray(b"\x01" * 768), SIZE, Pixels.I420, 1)
    assert (buffer.picture(), buffer.chunk.flags) == (b"", pw.CHUNK_CORRUPTED)
    assert bytes(buffer.memory) == bytes(len(buffer.memory))
