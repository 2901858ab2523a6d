"""What the Linux checks ask of the system; tests put made-up systems in its place."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sharpcam.system.camera_formats import offered
from sharpcam.system.commands import Runner, run
from sharpcam.system.info import CameraFormat
from sharpcam.system.processes import Process, openers_of, processes


def _may_open(path: str) -> bool:
    return os.access(path, os.R_OK | os.W_OK)


def _group_ids() -> Collection[int]:
    return {*os.getgroups(), os.getegid()}


@dataclass(frozen=True, slots=True)
class LinuxHost:
    """A Linux system: its files below `root`, and the few things that are not files."""

    root: Path = Path("/")
    run: Runner = run
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    kernel: str = field(default_factory=platform.release)
    may_open: Callable[[str], bool] = _may_open
    """Whether this user may read and write the device at a path."""
    group_ids: Callable[[], Collection[int]] = _group_ids
    """The groups that this process has since its login."""
    formats_of: Callable[[str], tuple[CameraFormat, ...]] = offered

    def path(self, name: str) -> Path:
        """Where an absolute path of this system lies."""
        return self.root / name.lstrip("/")

    def read(self, name: str) -> str | None:
        """A text file without its last line break; None where it cannot be read."""
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace").rstrip("\n")
        except OSError:
            return None

    def read_all(self, folder: str, pattern: str) -> Iterator[tuple[str, str]]:
        """The readable files of a folder in alphabetical order: path and text."""
        for path in sorted(self.path(folder).glob(pattern)):
            name = f"{folder}/{path.name}"
            text = self.read(name)
            if text is not None:
                yield name, text

    def release(self) -> dict[str, str]:
        """/etc/os-release: ID, ID_LIKE, PRETTY_NAME and others."""
        pairs = (line.partition("=") for line in (self.read("/etc/os-release") or "").splitlines())
        return {key: value.strip("\"'") for key, _, value in pairs if value}

    @property
    def home(self) -> str:
        return self.environ.get("HOME", "/root")

    @property
    def user(self) -> str:
        return self.environ.get("USER") or self.environ.get("LOGNAME") or "$USER"

    @property
    def is_root(self) -> bool:
        return 0 in self.group_ids()

    def processes(self) -> list[Process]:
        return list(processes(self.path("/proc")))

    def users_of(self, device: str) -> list[Process]:
        return openers_of(device, self.path("/proc"))
