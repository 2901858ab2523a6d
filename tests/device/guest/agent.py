"""Runs in the virtual machine: answers the calls of `machine.py`, each in a process of its own.

Modules are loaded here, before the fork, and stay: under emulation the heavy ones take long.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

ANSWER = Path("/run/answer.json")
LIMIT_SECONDS = 540
"""A call that takes longer is killed, so that the machine remains usable."""


def port(name: str) -> Path:
    """The device of a virtio-serial port."""
    for folder in Path("/sys/class/virtio-ports").iterdir():
        if (folder / "name").read_text().strip() == name:
            return Path("/dev") / folder.name
    raise LookupError(name)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run the function in a child, so that what it leaves behind ends with it."""
    module, function = request["function"].split(".")
    called = getattr(importlib.import_module(module), function)
    print(function, request["arguments"])
    ANSWER.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.alarm(LIMIT_SECONDS)
        try:
            outcome = {"result": called(**request["arguments"])}
        except BaseException:
            outcome = {"error": traceback.format_exc()}
        ANSWER.write_text(json.dumps(outcome))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # programs that it started
    if not ANSWER.exists():
        return {"error": f"the call ended with status {status}"}
    return dict(json.loads(ANSWER.read_text()))


def main() -> None:
    # For reading and writing at once, as such a port is.
    with port("calls").open("r+b", buffering=0) as calls:
        for line in iter(calls.readline, b""):
            calls.write(json.dumps(answer(json.loads(line))).encode() + b"\n")


if __name__ == "__main__":
    main()
