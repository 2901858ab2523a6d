"""Pictures in PipeWire's buffers, in the pixels that were agreed upon.

The memory belongs to libpipewire: whoever calls this holds the lock that keeps it there.
"""

from __future__ import annotations

import ctypes
import time

from sharpcam.system.libpipewire import CHUNK_CORRUPTED, Header, SpaBuffer
from sharpcam.system.spa import META_HEADER, META_HEADER_SIZE, Pixels


def layout(pixels: Pixels, width: int, height: int) -> tuple[int, int]:
    """Bytes per picture and per line; in I420 per line of luma."""
    if pixels is Pixels.YUY2:
        return width * height * 2, width * 2
    return width * height * 3 // 2, width


def fill(
    buffer: SpaBuffer, i420: bytearray, size: tuple[int, int], pixels: Pixels, sequence: int
) -> None:
    """Write one picture of `size`, width and height, with its time and number."""
    length, stride = layout(pixels, *size)
    data = buffer.datas[0]
    chunk = data.chunk.contents
    chunk.offset, chunk.size, chunk.stride, chunk.flags = 0, length, stride, 0
    if not data.data or data.maxsize < length:  # it could not be mapped into our memory
        chunk.size, chunk.flags = 0, CHUNK_CORRUPTED
    elif pixels is Pixels.YUY2:
        _pack((ctypes.c_uint8 * length).from_address(data.data), i420, *size)
    else:
        ctypes.memmove(data.data, (ctypes.c_uint8 * length).from_buffer(i420), length)
    for meta in buffer.metas[: buffer.n_metas]:
        if meta.type == META_HEADER and meta.size >= META_HEADER_SIZE:
            header = Header.from_address(meta.data)
            header.flags = header.offset = header.dts_offset = 0
            header.pts, header.seq = time.monotonic_ns(), sequence


def _pack(target: ctypes.Array[ctypes.c_uint8], i420: bytearray, width: int, height: int) -> None:
    """YUY2 has twice as many lines of chroma: each of ours stands twice, no value changes."""
    import cv2  # not above: `sharpcam.system` is also loaded by commands that never see a picture
    import numpy as np

    planes = np.frombuffer(i420, np.uint8)
    luma = planes[: width * height].reshape(height, width // 2, 2)
    u, v = planes[width * height :].reshape(2, height // 2, width // 2).repeat(2, axis=1)
    packed = np.ctypeslib.as_array(target).reshape(height, width // 2, 4)  # Y U Y V
    cv2.mixChannels([luma, u, v], [packed], [0, 0, 2, 1, 1, 2, 3, 3])
