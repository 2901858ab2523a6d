"""A virtual machine in software emulation whose root is this machine's, read-only.

So the guest has the same Python, the same SharpCam and the same ffmpeg, and what it writes is gone
afterwards. `call` runs one function of `guest/` there.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

GUEST = Path(__file__).parent / "guest"
TESTS = Path(__file__).parents[1]
CALL_SECONDS = 600
"""A call that takes longer hangs, on the slowest machine."""
QEMU = (
    *("qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-smp", "2", "-m", "3G"),
    *("-accel", "tcg,thread=multi,tb-size=512"),
    *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
)


class GuestError(AssertionError):
    """A call failed in the guest; the text is its traceback and the end of the console."""


class Machine:
    """One booted machine; a context manager."""

    def __init__(self, kernel: Path, folder: Path) -> None:
        """Boot with `kernel`'s files; `folder` is for what belongs to this run alone."""
        self.kernel = kernel
        self._console = folder / "console.log"
        start = folder / "start.sh"
        start.write_text(_start(kernel))
        # A starved emulator fails the kernel's check of its timer, which is a panic at boot.
        words = "console=hvc0 quiet panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check"
        share = "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"
        self._process = subprocess.Popen(
            [
                *QEMU,
                *("-kernel", kernel / "vmlinuz", "-initrd", kernel / "initrd.gz"),
                *("-append", f"{words} sharpcam.start={start}"),
                *("-fsdev", share, "-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
                *("-device", "virtio-serial-pci"),
                *("-chardev", f"file,id=console,path={self._console}"),
                *("-device", "virtconsole,chardev=console"),
                *("-chardev", "stdio,id=calls,signal=off"),
                *("-device", "virtserialport,chardev=calls,name=calls"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._received = b""

    def call(self, function: str, **arguments: Any) -> Any:
        """What `function`, like "watching.cycles", of the guest's modules returns for JSON-able
        `arguments`.

        Raises:
            GuestError: it raised, or did not come back.
        """
        if self._process.poll() is not None:
            raise GuestError("the virtual machine has ended before")
        assert self._process.stdin
        line = json.dumps({"function": function, "arguments": arguments})
        self._process.stdin.write(line.encode() + b"\n")
        answer = json.loads(self._line())
        if "error" in answer:
            raise GuestError(f"{answer['error']}\n{self.console()}")
        return answer["result"]

    def _line(self) -> bytes:
        output = self._process.stdout
        assert output
        while b"\n" not in self._received:
            ready, _, _ = select.select([output], [], [], CALL_SECONDS)
            chunk = os.read(output.fileno(), 1 << 16) if ready else b""
            if not chunk:
                why = "ended" if ready else "does not answer"
                self.close()
                raise GuestError(f"the virtual machine {why}:\n{self.console()}")
            self._received += chunk
        line, self._received = self._received.split(b"\n", 1)
        return line

    def console(self) -> str:
        """The end of what the guest's kernel and programs said."""
        return self._console.read_text(errors="replace")[-4000:]

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Pull the plug."""
        self._process.kill()
        self._process.communicate()


def _start(kernel: Path) -> str:
    """The guest's shell script: it runs the agent, in an environment of its own."""
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(map(str, (TESTS.parent, TESTS, GUEST))),
        "PYTHONUNBUFFERED": "1",
        # Threads before a fork would be missing after it.
        "OPENBLAS_NUM_THREADS": "1",
        "SHARPCAM_TEST_MODULES": str(kernel / "modules"),
    }
    words = ["exec", "env", "-i", *(f"{name}={value}" for name, value in environment.items())]
    return shlex.join([*words, sys.executable, str(GUEST / "agent.py")]) + "\n"
