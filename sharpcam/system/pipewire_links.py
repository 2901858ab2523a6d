"""Who reads our node: the links of PipeWire's graph that begin at it, by the daemon's registry.

The two calls go through tables of functions, as PipeWire's headers do it in C (pipewire/core.h,
spa/utils/hook.h). For whoever holds the loop's lock; the callbacks come in the loop's thread, which
holds it.
"""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from typing import Any

LINK = b"PipeWire:Interface:Link"
FROM, TO = b"link.output.node", b"link.input.node"
REGISTRY_VERSION = 3


class Interface(Structure):
    """struct spa_interface: what every object begins with."""

    _fields_ = [
        ("type", c_char_p),
        ("version", c_uint32),
        ("functions", c_void_p),
        ("data", c_void_p),
    ]


class CoreMethods(Structure):
    """struct pw_core_methods as far as it is called here."""

    _fields_ = [
        ("version", c_uint32),
        *((name, c_void_p) for name in ("add_listener", "hello", "sync", "pong", "error")),
        ("get_registry", CFUNCTYPE(c_void_p, c_void_p, c_uint32, c_size_t)),
    ]


class Item(Structure):
    """struct spa_dict_item"""

    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class Dict(Structure):
    """struct spa_dict"""

    _fields_ = [("flags", c_uint32), ("n_items", c_uint32), ("items", POINTER(Item))]


Global = CFUNCTYPE(None, c_void_p, c_uint32, c_uint32, c_char_p, c_uint32, POINTER(Dict))
GlobalRemove = CFUNCTYPE(None, c_void_p, c_uint32)


class RegistryEvents(Structure):
    """struct pw_registry_events"""

    _fields_ = [("version", c_uint32), ("new", Global), ("removed", GlobalRemove)]


class Hook(Structure):
    """struct spa_hook: the library's while it is in a list."""

    _fields_ = [("_private", c_void_p * 6)]


class RegistryMethods(Structure):
    """struct pw_registry_methods as far as it is called here."""

    _fields_ = [
        ("version", c_uint32),
        (
            "add_listener",
            CFUNCTYPE(c_int, c_void_p, POINTER(Hook), POINTER(RegistryEvents), c_void_p),
        ),
    ]


class Links:
    """Those of one connection to the daemon."""

    def __init__(self, library: Any, stream: int) -> None:
        """Listen from now on, until `close`.

        Args:
            stream: connected; it may have no node yet.
        """
        self._library, self._stream = library, stream
        self._found: dict[int, tuple[int, int]] = {}
        """By the link's number: from which node to which."""
        # They live as long as we do: the library keeps pointers.
        self._events = RegistryEvents(0, Global(self._on_new), GlobalRemove(self._on_removed))
        self._hook = Hook()
        core = Interface.from_address(library.pw_stream_get_core(stream))
        methods = CoreMethods.from_address(core.functions)
        self._registry: int | None = methods.get_registry(core.data, REGISTRY_VERSION, 0)
        if self._registry:
            registry = Interface.from_address(self._registry)
            table = RegistryMethods.from_address(registry.functions)
            table.add_listener(
                registry.data, ctypes.byref(self._hook), ctypes.byref(self._events), None
            )

    def count(self) -> int:
        """How many nodes our node is linked to."""
        ours = self._library.pw_stream_get_node_id(self._stream)
        return len({reader for writer, reader in self._found.values() if writer == ours})

    def close(self) -> None:
        """Listen no more; before the stream is destroyed."""
        if self._registry:
            self._library.pw_proxy_destroy(self._registry)
            self._registry = None

    # --- the loop's thread, with the lock held

    def _on_new(
        self, _: int, number: int, _permissions: int, kind: bytes, _version: int, properties: Any
    ) -> None:
        if kind == LINK and properties:
            told = properties.contents
            known = {item.key: item.value for item in told.items[: told.n_items]}
            ends = known.get(FROM, b""), known.get(TO, b"")
            if ends[0].isdigit() and ends[1].isdigit():
                self._found[number] = int(ends[0]), int(ends[1])

    def _on_removed(self, _: int, number: int) -> None:
        self._found.pop(number, None)
