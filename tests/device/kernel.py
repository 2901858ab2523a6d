"""A Debian kernel, v4l2loopback of three releases and a small boot image, built once and kept.

Nothing is installed: packages are fetched and unpacked into a cache folder, which later runs use
as it is. Delete it to have everything fetched anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from debian import KEYRING, cache_folder
from private_apt import PrivateApt

KERNEL_SUITE = "bookworm"
"""Its kernel is one that all three versions of the module can be built for."""
SUITES = {"0.12.7": "bookworm", "0.13.2": "bookworm-backports", "0.15.0": "trixie"}
"""v4l2loopback's versions, and the Debian suites that have them."""
BOOT_MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")
TEST_MODULES = ("videodev", "vivid")
TOOLS = {
    **{"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "cpio": "cpio"},
    **{"depmod": "kmod", "gcc": "gcc", "make": "make", "apt-get": "apt", "dpkg-deb": "dpkg"},
    **{"ffmpeg": "ffmpeg", "v4l2-ctl": "v4l-utils"},
}
"""Commands that building and testing take, and their Debian packages."""
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # where ordinary users lack them

INIT = (Path(__file__).parent / "guest" / "init.sh").read_text()


def missing() -> str:
    """Why virtual machines cannot be had here; empty where they can."""
    if os.uname().machine != "x86_64":
        return "the virtual machine is an x86_64"
    lacking = [package for tool, package in TOOLS.items() if not shutil.which(tool, path=PATH)]
    if lacking:
        return f"missing Debian packages: {' '.join(lacking)}"
    return "" if KEYRING.is_file() else f"{KEYRING} is missing: this is no Debian"


def prepared() -> Path:
    """The folder with `vmlinuz`, `initrd.gz`, `release` and `modules/`; made if need be.

    Raises:
        LookupError, subprocess.CalledProcessError: it cannot be made here.
    """
    ready = cache_folder() / "kernel"
    if (ready / "init.sh").is_file() and (ready / "init.sh").read_text() == INIT:
        return ready
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as name:
        work, made = Path(name), Path(name) / "made"
        (made / "modules").mkdir(parents=True)
        _make(work, made)
        (made / "init.sh").write_text(INIT)
        shutil.rmtree(ready, ignore_errors=True)
        made.rename(ready)
    return ready


def _make(work: Path, made: Path) -> None:
    apt = PrivateApt(work / "apt")
    (image,) = (
        name
        for name in apt.dependencies("linux-image-amd64", KERNEL_SUITE)
        if re.match(r"linux-image-\d", name)
    )
    release = image.removeprefix("linux-image-")
    headers = f"linux-headers-{release}"
    needed = (
        name
        for name in apt.dependencies(headers, KERNEL_SUITE)
        if name.startswith(("linux-headers", "linux-kbuild"))
    )
    root = work / "root"
    apt.unpack(KERNEL_SUITE, image, headers, *needed, into=root)
    (made / "release").write_text(release)
    shutil.copy(root / "boot" / f"vmlinuz-{release}", made / "vmlinuz")

    _run("depmod", "-b", root, release)
    for module in TEST_MODULES:
        order = _with_dependencies(root, release, module)
        for file in order:
            shutil.copy(file, made / "modules")
        (made / "modules" / f"{module}.order").write_text("\n".join(file.name for file in order))
    _make_initrd(root, release, work / "initrd", made / "initrd.gz")

    tree = root / "usr" / "src" / headers
    # The one absolute path in it would lead into this machine's own headers.
    makefile = tree / "Makefile"
    makefile.write_text(makefile.read_text().replace("/usr/src/", f"{tree.parent}/"))
    for version, suite in SUITES.items():
        apt.unpack(suite, "v4l2loopback-dkms", into=work / version)
        (source,) = (work / version / "usr" / "src").iterdir()
        if source.name != f"v4l2loopback-{version}":
            raise LookupError(f"{suite} has {source.name} now, not {version}")
        _run("make", "-s", "-C", tree, f"M={source}", "CC=gcc", "modules")
        shutil.copy(source / "v4l2loopback.ko", made / "modules" / f"v4l2loopback-{version}.ko")


def _with_dependencies(root: Path, release: str, module: str) -> list[Path]:
    """Module files in the order that they are to be loaded in."""
    said = _run("modprobe", "-d", root, "-S", release, "--show-depends", module)
    words = (line.split() for line in said.splitlines())
    return [Path(word[1]) for word in words if word[0] == "insmod"]


def _make_initrd(root: Path, release: str, tree: Path, image: Path) -> None:
    for folder in ("bin", "proc", "sys", "dev", "lower", "upper", "whole", "modules"):
        (tree / folder).mkdir(parents=True)
    busybox = shutil.which("busybox", path=PATH)
    assert busybox
    shutil.copy(busybox, tree / "bin" / "busybox")
    (tree / "bin" / "sh").symlink_to("busybox")
    order: list[str] = []
    for module in BOOT_MODULES:
        for file in _with_dependencies(root, release, module):
            if file.name not in order:
                order.append(file.name)
                shutil.copy(file, tree / "modules")
    (tree / "modules" / "order").write_text("".join(f"{name}\n" for name in order))
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    with image.open("wb") as file:
        subprocess.run(
            "find . | cpio -o -H newc --quiet | gzip -1",
            shell=True,
            cwd=tree,
            stdout=file,
            check=True,
        )


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PATH": PATH}
    )
    return done.stdout
