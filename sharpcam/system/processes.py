"""Linux's processes through /proc: what runs, and who has a device open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A running program."""

    pid: int
    name: str
    """As the kernel has it: at most 15 characters."""
    is_sharpcam: bool = False

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def processes(proc: Path = PROC) -> Iterator[Process]:
    """Every process, in the order of the numbers; those that end meanwhile are left out."""
    numbers = sorted(int(folder.name) for folder in proc.glob("[0-9]*"))
    for pid in numbers:
        try:
            name = (proc / str(pid) / "comm").read_text(errors="replace").strip()
            words = (proc / str(pid) / "cmdline").read_text(errors="replace").split("\0")
        except OSError:
            continue
        yield Process(pid, name, _is_sharpcam(words))


def _is_sharpcam(words: list[str]) -> bool:
    if PurePath(words[0]).name.startswith("python"):
        words = words[2:3] if words[1:2] == ["-m"] else words[1:2]
    return any(PurePath(word).name == "sharpcam" for word in words[:1])


def openers_of(path: str, proc: Path = PROC) -> list[Process]:
    """The processes that have the device open. Those of other people are seen by root only."""
    return [process for process in processes(proc) if _has_open(proc / str(process.pid), path)]


def _has_open(process: Path, path: str) -> bool:
    try:
        return any(str(fd.readlink()) == path for fd in (process / "fd").iterdir())
    except OSError:  # somebody else's, or it has just ended
        return False
