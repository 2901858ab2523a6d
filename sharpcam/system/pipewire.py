"""PipeWireCamera: a camera in PipeWire's graph, which browsers and OBS list; no kernel module.

Three threads meet under the loop's lock (`_locked`), which guards the stream, the agreed pixels and
the newest picture:

- the caller's thread: makes the camera, sends pictures, closes it;
- the loop's thread, libpipewire's own: talks to the daemon and calls `_on_state` and `_on_param`,
  holding the lock;
- the keeper, ours: connects again when the daemon went away, and repeats the newest picture to
  readers where no new one comes, so that whoever joins late sees one.

The lock is libpipewire's, and whoever waits for it has let go of Python's own. Nothing takes it
while it holds another one.
"""

from __future__ import annotations

import ctypes
import json
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from sharpcam.system import libpipewire as pw
from sharpcam.system.info import NAME
from sharpcam.system.pipewire_links import Links
from sharpcam.system.pipewire_pool import Pool
from sharpcam.system.spa import (
    Param,
    Pixels,
    agreed_pixels,
    offered_format,
    wanted_buffers,
    wanted_header,
)
from sharpcam.system.spa_buffer import fill, layout

log = logging.getLogger(__name__)

FOURCC_I420 = int.from_bytes(b"I420", "little")
REPEAT_SECONDS = 0.5
"""A reader gets a picture at least this often."""
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""Between tries to connect again; the last one repeats."""


class PipeWireCamera:
    """A backend for pyvirtualcam that also tells whether anybody watches."""

    def __init__(
        self,
        *,
        width: int,
        height: int,
        fps: float,
        fourcc: int = FOURCC_I420,
        device: str | None = None,
        **_: object,
    ) -> None:
        """Appear in the graph.

        Args:
            width, height: of the pictures, in pixels; both even.
            fps: nominal; pictures go out when they are sent.
            fourcc: I420.
            device: the name that readers show.

        Raises:
            OSError: libpipewire is missing, or no PipeWire runs; the message says what to do.
            ValueError: pictures of another kind.
        """
        if fourcc != FOURCC_I420 or width % 2 or height % 2:
            raise ValueError("expected I420 of even width and height")
        self._lib = pw.loaded()
        self._name = device or NAME
        self._size = width, height
        self._formats = [offered_format(pixels, width, height, fps) for pixels in Pixels]
        self._picture = bytearray(width * height * 3 // 2)
        self._sent = 0
        self._shown_at = -math.inf
        """When a reader last got a picture; `time.monotonic()`."""
        self._pixels: Pixels | None = None
        self._streaming = False
        self._problem = ""
        self._closing, self._changed = Event(), Event()
        self._pool = pool = Pool(self._lib)
        self._events = pw.Events(  # callbacks live as long as we do: libpipewire keeps pointers
            version=pw.EVENTS_VERSION,
            state_changed=pw.StateChanged(self._on_state),
            param_changed=pw.ParamChanged(self._on_param),
            add_buffer=pw.BufferChanged(lambda _, buffer: pool.add(buffer)),
            remove_buffer=pw.BufferChanged(lambda _, buffer: pool.remove(buffer)),
        )
        self._stream: int | None = None
        self._links: Links | None = None
        self._lib.pw_init(None, None)
        self._loop = self._lib.pw_thread_loop_new(NAME.lower().encode(), None)
        if not self._loop or self._lib.pw_thread_loop_start(self._loop) < 0:
            raise pw.failure("PipeWire's loop cannot be started")
        try:
            with self._locked():
                self._connect()
        except OSError:
            self._stop()
            raise
        self._keeper = Thread(target=self._keep, name="pipewire", daemon=True)
        self._keeper.start()

    def send(self, frame: Any) -> None:
        """Show a picture to whoever watches: flat uint8, I420 of the camera's size; it is copied.
        While PipeWire is away, or readers hold every buffer, nobody gets it."""
        with self._locked():
            memoryview(self._picture)[:] = frame
            self._sent += 1
            self._show()

    def close(self) -> None:
        """Leave the graph. Nothing may be called afterwards."""
        self._closing.set()
        self._changed.set()
        self._keeper.join()
        self._stop()

    def device(self) -> str:
        """The name that readers show."""
        return self._name

    def native_fourcc(self) -> int:
        """I420 goes out as it is, unless a reader asks for YUY2."""
        return FOURCC_I420

    def watchers(self) -> int:
        """How many programs read; 0 while none of them wants a picture."""
        with self._locked():
            return self._readers()

    @property
    def problem(self) -> str:
        """Why nobody can watch at the moment; empty while all is well."""
        return self._problem

    # --- with the lock held

    def _connect(self) -> None:
        """Make the stream. That it was made is not yet that it stays: `_on_state` hears more."""
        properties = {
            "application.name": NAME,
            "media.class": "Video/Source",
            "media.role": "Camera",  # else browsers do not list it
            "node.name": NAME.lower(),
            "node.description": self._name,
            "node.nick": self._name,
            "node.virtual": "true",
        }
        text = json.dumps(properties, ensure_ascii=False).encode()
        loop = self._lib.pw_thread_loop_get_loop(self._loop)
        stream = self._lib.pw_stream_new_simple(
            loop,
            self._name.encode(),
            self._lib.pw_properties_new_string(text),  # the stream's from now on
            ctypes.byref(self._events),
            None,
        )
        if not stream:
            raise pw.failure("PipeWire cannot be used")
        # Realtime: the process event, which we do not listen to, shall not wake the loop.
        flags = pw.DRIVER | pw.MAP_BUFFERS | pw.RT_PROCESS
        result = self._lib.pw_stream_connect(
            stream, pw.OUTPUT, pw.ANY_ID, flags, pw.pods(self._formats), len(self._formats)
        )
        if result < 0:
            self._lib.pw_stream_destroy(stream)
            raise pw.failure("PipeWire does not answer", -result)
        self._stream, self._problem = stream, ""
        self._links = Links(self._lib, stream)

    def _disconnect(self) -> None:
        stream, self._stream = self._stream, None
        links, self._links = self._links, None
        self._streaming, self._pixels = False, None
        if links:
            links.close()
        if stream:
            self._lib.pw_stream_destroy(stream)

    def _show(self) -> None:
        """Hand the newest picture to whoever watches."""
        if not self._stream or not self._streaming or self._pixels is None:
            return
        if buffer := self._pool.take(self._stream, self._readers()):
            target = buffer.contents.buffer.contents
            fill(target, self._picture, self._size, self._pixels, self._sent)
            self._lib.pw_stream_queue_buffer(self._stream, buffer)
        # Also without one: only a cycle brings back the buffer that was shown last.
        self._lib.pw_stream_trigger_process(self._stream)
        self._shown_at = time.monotonic()

    def _readers(self) -> int:
        # That the stream is read is told at once, who reads it a moment later.
        return max(1, self._links.count() if self._links else 0) if self._streaming else 0

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lib.pw_thread_loop_lock(self._loop)
        try:
            yield
        finally:
            self._lib.pw_thread_loop_unlock(self._loop)

    # --- the loop's thread, with the lock held

    def _on_state(self, _: int, old: int, new: int, error: bytes | None) -> None:
        if self._stream is None:
            return  # we are destroying it, or it has not been made yet
        # What is announced may be a reader's failure; what the stream says of itself counts.
        state = self._lib.pw_stream_get_state(self._stream, None)
        self._streaming = state == pw.STREAMING
        if self._streaming:
            self._shown_at = -math.inf
        if state in (pw.ERROR, pw.UNCONNECTED):
            self._problem = (
                f"PipeWire went away: {(error or b'no reason given').decode(errors='replace')}"
            )
        self._changed.set()

    def _on_param(self, _: int, param: int, pod: int | None) -> None:
        if param != Param.FORMAT:
            return
        self._pixels = None
        if pod and self._stream:
            length = ctypes.c_uint32.from_address(pod).value
            self._pixels = agreed_pixels(ctypes.string_at(pod, 8 + length))
        if self._pixels:
            wishes = [wanted_buffers(*layout(self._pixels, *self._size)), wanted_header()]
            self._lib.pw_stream_update_params(self._stream, pw.pods(wishes), len(wishes))

    # --- the keeper's thread

    def _keep(self) -> None:
        while not self._closing.is_set():
            self._changed.wait(REPEAT_SECONDS if self._streaming else None)
            self._changed.clear()
            with self._locked():
                if time.monotonic() - self._shown_at >= REPEAT_SECONDS and self._sent:
                    self._show()
            if self._problem:
                log.warning("%s: trying again", self._problem)
                self._reconnect()

    def _reconnect(self) -> None:
        with self._locked():
            self._disconnect()
        tries = 0
        while not self._closing.wait(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)]):
            tries += 1
            try:
                with self._locked():
                    self._connect()
            except OSError as error:
                self._problem = str(error)
            else:
                log.info("%s is in PipeWire again", self._name)
                return

    def _stop(self) -> None:
        with self._locked():
            self._disconnect()
        self._lib.pw_thread_loop_stop(self._loop)
        self._lib.pw_thread_loop_destroy(self._loop)
