"""A fresh Debian in a folder, with no network, to install packages in.

It is made once by debootstrap and kept as an archive; every test unpacks its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from debian import KEYRING, cache_folder, mirror_of_debian

SUITES = {(3, 11): "bookworm", (3, 13): "trixie"}
"""Debian's releases by the version of their Python: ours is for the one that makes it."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
HOME = "root"
"""Of the administrator, in every Debian."""
CHANGING = ("var/lib/dpkg", "var/log", "var/cache", "proc", "dev", "tmp", HOME)
"""Folders that any package's coming and going changes, and those of a running system."""


def missing() -> str:
    """Why there can be no such Debian here; empty where there can."""
    if sys.version_info[:2] not in SUITES:
        return f"no Debian release has Python {sys.version_info.major}.{sys.version_info.minor}"
    if os.geteuid():
        return "debootstrap and chroot need root"
    lacking = [tool for tool in ("debootstrap", "unshare", "chroot") if not shutil.which(tool)]
    if lacking:
        return f"needs {', '.join(lacking)}: `make test` installs them"
    if not KEYRING.is_file():
        return f"{KEYRING} is missing: this is no Debian"
    if _apart("true").returncode:
        return "this machine lets nobody make namespaces of mounts and of the network"
    return ""


def prepared(packages: list[str]) -> Path:
    """The archive of a Debian that has `packages`; made if need be.

    Raises:
        LookupError, subprocess.CalledProcessError: it cannot be made here.
    """
    suite = SUITES[sys.version_info[:2]]
    name = hashlib.sha256(" ".join([suite, *packages]).encode()).hexdigest()[:16]
    archive = cache_folder() / f"chroot-{suite}-{name}.tar"
    if not archive.is_file():
        cache_folder().mkdir(parents=True, exist_ok=True)
        folder = cache_folder() / f"chroot-{os.getpid()}"
        wanted = f"--include={','.join(packages)}"
        try:
            subprocess.run(
                ["debootstrap", "--variant=minbase", wanted, suite, folder, mirror_of_debian()],
                check=True,
                capture_output=True,
                text=True,
            )
            partial = archive.with_suffix(f".{os.getpid()}")
            left_out = ["--exclude=./var/cache/apt/archives/*.deb", "--exclude=./dev/*"]
            subprocess.run(["tar", "-C", folder, *left_out, "-cf", partial, "."], check=True)
            partial.replace(archive)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return archive


class Chroot:
    """One such Debian."""

    def __init__(self, folder: Path, archive: Path) -> None:
        self.folder = folder
        self.home = folder / HOME
        folder.mkdir()
        subprocess.run(["tar", "-C", folder, "-xf", archive], check=True)

    def run(self, *command: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        """Run it there, as root; it must succeed unless it may fail."""
        script = (
            f"mount -t proc proc {self.folder}/proc && mount -t tmpfs dev {self.folder}/dev && "
            f"for name in null zero urandom; do touch {self.folder}/dev/$name && "
            f"mount --bind /dev/$name {self.folder}/dev/$name; done && "
            f'exec chroot {self.folder} "$@"'
        )
        environment = {"PATH": PATH, "HOME": f"/{HOME}", "LC_ALL": "C.UTF-8"}
        done = _apart("sh", "-c", script, "sh", *command, environment=environment)
        assert fails or done.returncode == 0, (command, done.stdout, done.stderr)
        return done

    def files(self) -> set[str]:
        """Everything there but what any package's coming and going changes."""
        found = set()
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            if not name.startswith(CHANGING):
                found.add(name)
        return found


def _apart(
    *command: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run without a network, with mounts and processes of its own."""
    apart = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
    return subprocess.run([*apart, *command], capture_output=True, text=True, env=environment)
