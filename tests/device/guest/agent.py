"""Runs in the virtual machine: answers the calls of `machine.py`, each in a process of its own.

The heavy modules are loaded once, before any fork: under emulation that takes seconds.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 200
"""A call that takes longer is killed, so that the machine remains usable."""


def port(name: str) -> Path:
    """The device of a virtio-serial port."""
    for folder in Path("/sys/class/virtio-ports").iterdir():
        if (folder / "name").read_text().strip() == name:
            return Path("/dev") / folder.name
    raise LookupError(name)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run the function in a child, so that what it leaves behind ends with it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.setsid()
        signal.alarm(LIMIT_SECONDS)
        with open(writer, "w") as file:
            json.dump(outcome(request), file)
        os._exit(0)
    os.close(writer)
    with open(reader) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    try:
        os.killpg(child, signal.SIGKILL)  # programs that it started
    except ProcessLookupError:
        pass
    if not text:
        return {"error": f"the call ended with status {status}: see the console"}
    return dict(json.loads(text))


def outcome(request: dict[str, Any]) -> dict[str, Any]:
    module, function = request["function"].split(".")
    try:
        called = getattr(importlib.import_module(module), function)
        return {"result": called(**request["arguments"])}
    except BaseException:
        return {"error": traceback.format_exc()}


def main() -> None:
    for name in ("watching", "running"):
        importlib.import_module(name)
    # For reading and writing at once, as such a port is.
    with open(port("calls"), "r+b", buffering=0) as calls:
        for line in iter(calls.readline, b""):
            calls.write(json.dumps(answer(json.loads(line))).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
