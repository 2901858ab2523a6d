"""Video4Linux, as much of it as feeding v4l2loopback takes: layouts, numbers, the kernel's calls,
and what its errors mean.

Layouts are those of 64-bit Linux (include/uapi/linux/videodev2.h); numbers are derived from them.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import Any

CAPTURE, OUTPUT = 1, 2
"""V4L2_BUF_TYPE_VIDEO_*: what comes out of a device, what goes in."""
CAN_CAPTURE, CAN_OUTPUT = 1, 2
"""V4L2_CAP_VIDEO_*."""
CLIENT_USAGE = 0x0800_0000 + 0x08E0_0000 + 1
"""V4L2_EVENT_PRI_CLIENT_USAGE: v4l2loopback 0.13 and newer says how many programs read."""
SEND_INITIAL = 1
"""V4L2_EVENT_SUB_FL_SEND_INITIAL."""
COLOURS = {
    "colorspace": 8,  # V4L2_COLORSPACE_SRGB
    "priv": 0xFEEDCAFE,  # V4L2_PIX_FMT_PRIV_MAGIC: what follows is meant
    "ycbcr_enc": 1,  # V4L2_YCBCR_ENC_601
    "quantization": 2,  # V4L2_QUANTIZATION_LIM_RANGE
    "xfer_func": 2,  # V4L2_XFER_FUNC_SRGB
}
"""Fields of a format that say what `frame.py` promises: sRGB as BT.601 in limited range."""


class Capability(ctypes.Structure):
    """struct v4l2_capability"""

    _fields_ = (
        *(("driver", ctypes.c_char * 16), ("card", ctypes.c_char * 32)),
        *(("bus_info", ctypes.c_char * 32), ("version", ctypes.c_uint32)),
        *(("capabilities", ctypes.c_uint32), ("device_caps", ctypes.c_uint32)),
        ("reserved", ctypes.c_uint32 * 3),
    )


class Format(ctypes.Structure):
    """struct v4l2_format with struct v4l2_pix_format in it"""

    _fields_ = (
        *(("type", ctypes.c_uint32), ("_align", ctypes.c_uint32)),
        *(("width", ctypes.c_uint32), ("height", ctypes.c_uint32)),
        *(("pixelformat", ctypes.c_uint32), ("field", ctypes.c_uint32)),
        *(("bytesperline", ctypes.c_uint32), ("sizeimage", ctypes.c_uint32)),
        *(("colorspace", ctypes.c_uint32), ("priv", ctypes.c_uint32), ("flags", ctypes.c_uint32)),
        *(("ycbcr_enc", ctypes.c_uint32), ("quantization", ctypes.c_uint32)),
        *(("xfer_func", ctypes.c_uint32), ("_rest", ctypes.c_uint8 * 152)),
    )


class StreamParameters(ctypes.Structure):
    """struct v4l2_streamparm with struct v4l2_outputparm in it"""

    _fields_ = (
        *(("type", ctypes.c_uint32), ("capability", ctypes.c_uint32)),
        *(("mode", ctypes.c_uint32), ("numerator", ctypes.c_uint32)),
        *(("denominator", ctypes.c_uint32), ("_rest", ctypes.c_uint8 * 184)),
    )


class Subscription(ctypes.Structure):
    """struct v4l2_event_subscription"""

    _fields_ = (
        *(("type", ctypes.c_uint32), ("id", ctypes.c_uint32), ("flags", ctypes.c_uint32)),
        ("reserved", ctypes.c_uint32 * 5),
    )


class Event(ctypes.Structure):
    """struct v4l2_event with v4l2loopback's struct v4l2_event_client_usage in it"""

    _fields_ = (
        *(("type", ctypes.c_uint32), ("_align", ctypes.c_uint32), ("count", ctypes.c_uint32)),
        *(("_payload", ctypes.c_uint8 * 60), ("pending", ctypes.c_uint32)),
        *(("sequence", ctypes.c_uint32), ("timestamp", ctypes.c_int64 * 2)),
        *(("id", ctypes.c_uint32), ("reserved", ctypes.c_uint32 * 8), ("_end", ctypes.c_uint32)),
    )


def _number(direction: int, number: int, data: type[ctypes.Structure] | type[ctypes.c_int]) -> int:
    """The kernel's _IOC macro; direction 1 passes data in, 2 out, 3 both."""
    return direction << 30 | ctypes.sizeof(data) << 16 | ord("V") << 8 | number


QUERYCAP = _number(2, 0, Capability)
G_FMT, S_FMT = _number(3, 4, Format), _number(3, 5, Format)
STREAMON = _number(1, 18, ctypes.c_int)
S_PARM = _number(3, 22, StreamParameters)
DQEVENT = _number(2, 89, Event)
SUBSCRIBE_EVENT = _number(1, 90, Subscription)


def fourcc(code: str) -> int:
    """A pixel format's four characters as a number."""
    return int.from_bytes(code.encode("ascii"), "little")


class Kernel:
    """The calls themselves; all raise OSError with the kernel's errno, and none of them waits."""

    def open(self, path: str) -> int:
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def ioctl(self, descriptor: int, number: int, data: Any) -> None:
        """`data`, a structure of this module or a ctypes.c_int, is changed in place."""
        from fcntl import ioctl  # Windows has none

        ioctl(descriptor, number, data)

    def read(self, descriptor: int, count: int) -> bytes:
        return os.read(descriptor, count)

    def write(self, descriptor: int, data: Any) -> int:
        return os.write(descriptor, data)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)


def in_words(error: OSError, device: str) -> OSError:
    """What a call on a v4l2loopback device failed with, in words that say what to do."""
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            words = "is not there: is the module v4l2loopback loaded?"
        case errno.EACCES | errno.EPERM:
            words = (
                f"belongs to the group '{_group(device)}', and you are not in it: "
                f"sudo usermod -aG {_group(device)} $USER, then log in again"
            )
        case errno.EBUSY | errno.EINVAL:
            words = f"is fed by another program already: close it (`fuser -v {device}` names it)"
        case _:
            words = f"fails: {error.strerror or error}"
    return OSError(f"{device} {words}")


def _group(device: str) -> str:
    try:
        return Path(device).group()
    except (OSError, KeyError, NotImplementedError):  # Windows has no groups of files
        return "video"
