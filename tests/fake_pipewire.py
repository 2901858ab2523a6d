"""A hand-written libpipewire: its functions by their names, on real structures in real memory.

It insists on the loop's lock where the real one would crash without, and a test plays the daemon
and the readers with `attach`, `detach`, `complain` and `vanish`.
"""

from __future__ import annotations

import ctypes
import json
from errno import ECONNREFUSED
from threading import RLock, Thread, get_ident
from typing import Any

from sharpcam.system import libpipewire as pw
from sharpcam.system.pipewire_links import (
    FROM,
    LINK,
    TO,
    CoreMethods,
    Dict,
    Interface,
    Item,
    RegistryMethods,
)
from sharpcam.system.spa import META_BUSY, META_HEADER, Param, Pixels, agreed_pixels, offered_format
from sharpcam.system.spa_buffer import layout

LOOP, LOOP_OF_LOOP = 11, 12
NODE = 40
"""Our node's number."""


class SharedBuffer:
    """One buffer of a stream, with its memory."""

    def __init__(self, length: int, mapped: bool = True) -> None:
        self.memory = (ctypes.c_uint8 * length)()
        self.header = pw.Header(flags=77)
        self.chunk = pw.Chunk(size=99)
        address = ctypes.addressof(self.memory) if mapped else None
        self.data = pw.Data(maxsize=length, data=address, chunk=ctypes.pointer(self.chunk))
        place = ctypes.addressof(self.header)
        self.busy = pw.Busy()
        busy = pw.Meta(META_BUSY, 8, ctypes.addressof(self.busy))
        self.metas = (pw.Meta * 3)(pw.Meta(99, 64, None), pw.Meta(META_HEADER, 32, place), busy)
        self.spa = pw.SpaBuffer(3, 1, self.metas, ctypes.pointer(self.data))
        self.pointer = ctypes.pointer(pw.Buffer(ctypes.pointer(self.spa)))

    @property
    def held(self) -> bool:
        """Whether a reader has not given it back."""
        return self.busy.count > 0

    @held.setter
    def held(self, held: bool) -> None:
        self.busy.count = int(held)

    def picture(self) -> bytes:
        """What a reader would get."""
        return bytes(self.memory)[: self.chunk.size]


class FakeStream:
    """One stream, from `pw_stream_new_simple` to `pw_stream_destroy`."""

    def __init__(self, properties: str, events: pw.Events) -> None:
        self.properties = json.loads(properties)
        self.events = events
        self.state = pw.UNCONNECTED
        self.formats: list[bytes] = []
        self.wishes: list[bytes] = []
        self.free: list[SharedBuffer] = []
        self.queued: list[SharedBuffer] = []
        self.on_show: list[SharedBuffer] = []
        """What the last cycle showed; the next one brings it back."""
        self.shown: list[tuple[int, bytes]] = []
        """Number and picture of every cycle of the graph."""


class FakeRegistry:
    """A core's table of functions, and the registry that it hands out; real memory."""

    def __init__(self) -> None:
        self.destroyed = 0
        self._registry_methods = RegistryMethods(0)
        listen = RegistryMethods._fields_[1][1](self._add_listener)
        self._registry_methods.add_listener = listen
        table = ctypes.addressof(self._registry_methods)
        self.itself = Interface(b"PipeWire:Interface:Registry", 3, table, 13)
        self._core_methods = CoreMethods(0)
        self._core_methods.get_registry = CoreMethods._fields_[6][1](self._get_registry)
        functions = ctypes.addressof(self._core_methods)
        self._core = Interface(b"PipeWire:Interface:Core", 4, functions, 12)

    @property
    def core(self) -> int:
        return ctypes.addressof(self._core)

    def _get_registry(self, core: int, version: int, size: int) -> int:
        assert (core, version, size) == (12, 3, 0)
        return ctypes.addressof(self.itself)

    def _add_listener(self, registry: int, hook: Any, events: Any, data: int | None) -> int:
        assert (registry, data, events.contents.version) == (13, None, 0)
        self.events = events.contents
        return 0


class FakePipeWire:
    """Stands in for `libpipewire.loaded()`."""

    def __init__(self) -> None:
        self.running = True
        """Whether a daemon answers."""
        self.usable = True
        """Whether a stream can be made at all."""
        self.streams: dict[int, FakeStream] = {}
        self.made = self.inits = 0
        self.tries = 0
        self.registry: FakeRegistry | None = None
        self.loops: list[str] = []
        self._lock = RLock()
        self._holder: int | None = None
        self._texts: dict[int, str] = {}

    @property
    def stream(self) -> FakeStream:
        """The only one there is."""
        (stream,) = self.streams.values()
        return stream

    # --- what a test does, as the loop's thread does it

    def attach(self, pixels: Pixels = Pixels.I420, buffers: int = 2, mapped: bool = True) -> None:
        """A reader comes and asks for these pixels."""

        def act() -> None:
            stream = self.stream
            offer = next(it for it in stream.formats if agreed_pixels(it) == pixels)
            self._format(stream, offer)
            length = layout(pixels, 32, 16)[0]
            stream.free = [SharedBuffer(length, mapped) for _ in range(buffers)]
            for buffer in stream.free:
                stream.events.add_buffer(None, buffer.pointer)
            self._state(stream, pw.STREAMING)

        self._in_loop(act)

    def detach(self) -> None:
        """The last reader goes; its buffers go with it."""

        def act() -> None:
            stream = self.stream
            self._state(stream, pw.PAUSED)
            for buffer in (*stream.free, *stream.queued, *stream.on_show):
                stream.events.remove_buffer(None, buffer.pointer)
            stream.free, stream.queued, stream.on_show = [], [], []
            self._format(stream, None)

        self._in_loop(act)

    def link(self, number: int, writer: int = NODE, reader: int = 50, kind: bytes = LINK) -> None:
        """The registry has a new link."""
        ends = {b"object.id": b"1", FROM: str(writer).encode(), TO: str(reader).encode()}
        items = (Item * len(ends))(*(Item(key, value) for key, value in ends.items()))
        told = Dict(0, len(ends), items)

        def act() -> None:
            assert self.registry
            self.registry.events.new(None, number, 0o777, kind, 3, ctypes.pointer(told))

        self._in_loop(act)

    def unlink(self, number: int) -> None:
        registry = self.registry
        assert registry
        self._in_loop(lambda: registry.events.removed(None, number))

    def ask_for_other_pixels(self) -> None:
        """What the daemon would never agree upon."""
        pod = bytearray(offered_format(Pixels.I420, 32, 16, 30))
        pod[pod.index(b"\x01\x00\x02\x00") + 16] = 200
        self._in_loop(lambda: self._format(self.stream, bytes(pod)))
        self._in_loop(lambda: self._state(self.stream, pw.STREAMING))

    def complain(self) -> None:
        """A reader's trouble is announced as an error, though the stream goes on."""
        self._in_loop(
            lambda: self.stream.events.state_changed(None, 3, pw.ERROR, b"no more input formats")
        )

    def vanish(self, reason: bytes | None = b"connection error") -> None:
        """The daemon ends."""
        self.running = False
        self._in_loop(lambda: self._state(self.stream, pw.UNCONNECTED, reason))

    def _in_loop(self, act: Any) -> None:
        def run() -> None:
            self.pw_thread_loop_lock(LOOP)
            act()
            self.pw_thread_loop_unlock(LOOP)

        thread = Thread(target=run)
        thread.start()
        thread.join()

    @staticmethod
    def _state(stream: FakeStream, state: int, error: bytes | None = None) -> None:
        old, stream.state = stream.state, state
        stream.events.state_changed(None, old, state, error)

    @staticmethod
    def _format(stream: FakeStream, pod: bytes | None) -> None:
        memory = ctypes.create_string_buffer(pod, len(pod)) if pod else None
        address = ctypes.addressof(memory) if memory else None
        stream.events.param_changed(None, Param.BUFFERS, address)  # none of our business
        stream.events.param_changed(None, Param.FORMAT, address)

    # --- libpipewire's functions

    def pw_init(self, *_: object) -> None:
        self.inits += 1

    def pw_properties_new_string(self, text: bytes) -> int:
        self._texts[len(self._texts) + 1] = text.decode()
        return len(self._texts)

    def pw_thread_loop_new(self, name: bytes, _: object) -> int:
        self.loops.append("new")
        return LOOP

    def pw_thread_loop_get_loop(self, loop: int) -> int:
        assert loop == LOOP
        return LOOP_OF_LOOP

    def pw_thread_loop_start(self, loop: int) -> int:
        self.loops.append("start")
        return 0

    def pw_thread_loop_stop(self, loop: int) -> None:
        assert self._holder != get_ident(), "it would wait for itself"
        self.loops.append("stop")

    def pw_thread_loop_destroy(self, loop: int) -> None:
        assert not self.streams
        self.loops.append("destroy")

    def pw_thread_loop_lock(self, loop: int) -> None:
        assert loop == LOOP
        self._lock.acquire()
        assert self._holder is None, "taken twice"
        self._holder = get_ident()

    def pw_thread_loop_unlock(self, loop: int) -> None:
        self._check_lock()
        self._holder = None
        self._lock.release()

    def pw_stream_new_simple(
        self, loop: int, name: bytes, properties: int, events: Any, _: object
    ) -> int | None:
        self._check_lock()
        assert loop == LOOP_OF_LOOP
        if not self.usable:
            ctypes.set_errno(ECONNREFUSED)
            return None
        self.made += 1
        self.streams[self.made] = FakeStream(self._texts[properties], events._obj)
        return self.made

    def pw_stream_connect(
        self, stream: int, direction: int, target: int, flags: int, formats: Any, count: int
    ) -> int:
        self._check_lock()
        assert (direction, target) == (pw.OUTPUT, pw.ANY_ID)
        assert flags == pw.DRIVER | pw.MAP_BUFFERS | pw.RT_PROCESS
        self.tries += 1
        self._state(self.streams[stream], pw.CONNECTING)
        if not self.running:
            return -ECONNREFUSED
        self.streams[stream].formats = _copied(formats, count)
        self._state(self.streams[stream], pw.PAUSED)
        return 0

    def pw_stream_get_state(self, stream: int, _: object) -> int:
        self._check_lock()
        return self.streams[stream].state

    def pw_stream_update_params(self, stream: int, params: Any, count: int) -> int:
        self._check_lock()
        self.streams[stream].wishes = _copied(params, count)
        return 0

    def pw_stream_dequeue_buffer(self, stream: int) -> Any:
        self._check_lock()
        free = self.streams[stream].free
        if not free:
            return ctypes.POINTER(pw.Buffer)()
        self._dequeued = free.pop(0)
        self._dequeued.busy.count += 1
        if self._dequeued.busy.count > 1:
            self._dequeued.busy.count -= 1
            free.append(self._dequeued)
            return ctypes.POINTER(pw.Buffer)()
        return self._dequeued.pointer

    def pw_stream_queue_buffer(self, stream: int, buffer: Any) -> int:
        self._check_lock()
        assert buffer is self._dequeued.pointer
        self._dequeued.busy.count -= 1
        self.streams[stream].queued.append(self._dequeued)
        return 0

    def pw_stream_trigger_process(self, stream: int) -> int:
        self._check_lock()
        graph = self.streams[stream]
        for buffer in graph.queued:
            graph.shown.append((buffer.header.seq, buffer.picture()))
        graph.free += graph.on_show
        graph.on_show, graph.queued = graph.queued, []
        return 0

    def pw_stream_get_node_id(self, stream: int) -> int:
        self._check_lock()
        assert stream in self.streams
        return NODE

    def pw_stream_get_core(self, stream: int) -> int:
        self._check_lock()
        assert stream in self.streams
        self.registry = FakeRegistry()
        return self.registry.core

    def pw_proxy_destroy(self, proxy: int) -> None:
        self._check_lock()
        assert self.registry
        assert proxy == ctypes.addressof(self.registry.itself)
        self.registry.destroyed += 1

    def pw_stream_destroy(self, stream: int) -> None:
        self._check_lock()
        assert not self.registry or self.registry.destroyed == 1, "it goes with the stream"
        self.registry = None
        gone = self.streams.pop(stream)
        self._state(gone, pw.UNCONNECTED)

    def _check_lock(self) -> None:
        assert self._holder == get_ident(), "without the loop's lock"


def _copied(pods: Any, count: int) -> list[bytes]:
    """What is at the addresses, which are the caller's only during the call."""
    pointers = ctypes.cast(pods, ctypes.POINTER(ctypes.c_void_p))
    sizes = [ctypes.c_uint32.from_address(pointers[i]).value for i in range(count)]
    return [ctypes.string_at(pointers[i], 8 + size) for i, size in enumerate(sizes)]
