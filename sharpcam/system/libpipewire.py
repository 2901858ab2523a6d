"""libpipewire-0.3 through ctypes: its structures, its functions, and whether it would work here.

Only what a stream that sends pictures needs; the layouts are those of its public headers
(pipewire/stream.h, spa/buffer/buffer.h, spa/buffer/meta.h). Nothing is loaded on import, and no
thread owns anything here.
"""

from __future__ import annotations

import ctypes
import os
import socket
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from pathlib import Path

from sharpcam.system.shared_library import load

LIBRARY = "libpipewire-0.3.so.0"
LIBRARY_HINT = "sudo apt install libpipewire-0.3-0"
DAEMON_HINT = "systemctl --user start pipewire wireplumber"

SYSTEM_RUNTIME = Path("/run/pipewire")
"""Where a daemon for the whole system listens; asked after the user's own."""

OUTPUT = 1
ANY_ID = 0xFFFFFFFF
MAP_BUFFERS, DRIVER, RT_PROCESS = 1 << 2, 1 << 3, 1 << 4
ERROR, UNCONNECTED, CONNECTING, PAUSED, STREAMING = -1, 0, 1, 2, 3
CHUNK_CORRUPTED = 1


class Chunk(Structure):
    """Which part of a block is the picture."""

    _fields_ = [
        ("offset", c_uint32),
        ("size", c_uint32),
        ("stride", c_int32),
        ("flags", c_int32),
    ]


class Data(Structure):
    """A block of memory."""

    _fields_ = [
        ("type", c_uint32),
        ("flags", c_uint32),
        ("fd", c_int64),
        ("mapoffset", c_uint32),
        ("maxsize", c_uint32),
        ("data", c_void_p),
        ("chunk", POINTER(Chunk)),
    ]


class Header(Structure):
    """What is said beside a picture."""

    _fields_ = [
        ("flags", c_uint32),
        ("offset", c_uint32),
        ("pts", c_int64),
        ("dts_offset", c_int64),
        ("seq", c_uint64),
    ]


class Busy(Structure):
    """How many use a buffer; all of them count in the same memory."""

    _fields_ = [("flags", c_uint32), ("count", c_uint32)]


class Meta(Structure):
    """Where something is said beside a picture."""

    _fields_ = [("type", c_uint32), ("size", c_uint32), ("data", c_void_p)]


class SpaBuffer(Structure):
    """A picture's blocks, and what is said beside them."""

    _fields_ = [
        ("n_metas", c_uint32),
        ("n_datas", c_uint32),
        ("metas", POINTER(Meta)),
        ("datas", POINTER(Data)),
    ]


class Buffer(Structure):
    """A buffer on its way through a stream; later versions append to it."""

    _fields_ = [
        ("buffer", POINTER(SpaBuffer)),
        ("user_data", c_void_p),
        ("size", c_uint64),
    ]


StateChanged = CFUNCTYPE(None, c_void_p, c_int, c_int, c_char_p)
ParamChanged = CFUNCTYPE(None, c_void_p, c_uint32, c_void_p)
BufferChanged = CFUNCTYPE(None, c_void_p, POINTER(Buffer))


class Events(Structure):
    """What a stream calls, from the loop's thread with the loop's lock held."""

    _fields_ = [
        ("version", c_uint32),
        ("destroy", c_void_p),
        ("state_changed", StateChanged),
        ("control_info", c_void_p),
        ("io_changed", c_void_p),
        ("param_changed", ParamChanged),
        ("add_buffer", BufferChanged),
        ("remove_buffer", BufferChanged),
        ("process", c_void_p),
        ("drained", c_void_p),
        ("command", c_void_p),
        ("trigger_done", c_void_p),
    ]


EVENTS_VERSION = 2

_FUNCTIONS = {
    "pw_init": (None, c_void_p, c_void_p),
    "pw_properties_new_string": (c_void_p, c_char_p),
    "pw_thread_loop_new": (c_void_p, c_char_p, c_void_p),
    "pw_thread_loop_get_loop": (c_void_p, c_void_p),
    "pw_thread_loop_start": (c_int, c_void_p),
    "pw_thread_loop_stop": (None, c_void_p),
    "pw_thread_loop_lock": (None, c_void_p),
    "pw_thread_loop_unlock": (None, c_void_p),
    "pw_thread_loop_destroy": (None, c_void_p),
    "pw_stream_new_simple": (c_void_p, c_void_p, c_char_p, c_void_p, POINTER(Events), c_void_p),
    "pw_stream_connect": (c_int, c_void_p, c_int, c_uint32, c_int, POINTER(c_char_p), c_uint32),
    "pw_stream_get_state": (c_int, c_void_p, c_void_p),
    "pw_stream_get_core": (c_void_p, c_void_p),
    "pw_stream_get_node_id": (c_uint32, c_void_p),
    "pw_stream_update_params": (c_int, c_void_p, POINTER(c_char_p), c_uint32),
    "pw_stream_dequeue_buffer": (POINTER(Buffer), c_void_p),
    "pw_stream_queue_buffer": (c_int, c_void_p, POINTER(Buffer)),
    "pw_stream_trigger_process": (c_int, c_void_p),
    "pw_stream_destroy": (None, c_void_p),
    "pw_proxy_destroy": (None, c_void_p),
}
"""Result, then arguments."""


@cache
def loaded() -> ctypes.CDLL:
    """The library, its functions declared.

    Raises:
        OSError: it is not installed.
    """
    return load(LIBRARY, LIBRARY_HINT, _FUNCTIONS, use_errno=True)


def pods(values: list[bytes]) -> ctypes.Array[c_char_p]:
    """As libpipewire takes them; it copies them during the call."""
    return (c_char_p * len(values))(*values)


def failure(what: str, number: int = 0) -> OSError:
    """What to raise after a call has failed, with its error number or else the last one."""
    return OSError(f"{what}: {os.strerror(number or ctypes.get_errno())} ({DAEMON_HINT})")


def available() -> bool:
    """Whether the library is installed and a daemon answers; takes about a millisecond."""
    try:
        loaded()
    except OSError:
        return False
    return any(_answers(path) for path in _sockets())


def _sockets() -> list[Path]:
    """Where a daemon listens, in the order in which libpipewire looks."""
    name = os.environ.get("PIPEWIRE_REMOTE") or "pipewire-0"
    user = os.environ.get("PIPEWIRE_RUNTIME_DIR") or os.environ.get("XDG_RUNTIME_DIR")
    folders = [Path(user)] if user else []
    return [folder / name for folder in (*folders, SYSTEM_RUNTIME)]  # an absolute name stays itself


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True
