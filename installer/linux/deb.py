"""The Debian package: SharpCam in a folder of its own, /usr/lib/sharpcam, which is a virtual
environment of the system's Python with the pinned packages in it.

It runs on every Debian or Ubuntu whose Python has the version of the one that makes it.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from installer.bundle import forget_records, install_packages, strip
from installer.linux.copyright import copyright_text
from installer.linux.manpage import page
from installer.sources import ROOT, released_at, version, wheel

HERE = Path(__file__).parent
METAINFO = HERE / "io.github.sharpcam.metainfo.xml"
NAME = "sharpcam"
MAINTAINER = "SharpCam maintainers <sharpcam@users.noreply.github.com>"
HOME = Path("usr/lib/sharpcam")
CONFIG = ("etc/modprobe.d/sharpcam.conf", "etc/modules-load.d/sharpcam.conf")
"""A person's changes to these survive an upgrade."""
SYSTEM_LIBRARIES = (
    "libc6, libgcc-s1, libstdc++6, zlib1g, libgl1, libglib2.0-0, libx11-6, libxext6, libxcb1, "
    "libice6, libsm6"
)
"""What the libraries of the pinned packages take from the system."""
CONTROL = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size_kib}
Depends: python3 (>= {python}), python3 (<< {next_python}), {libraries}
Recommends: v4l2loopback-dkms, python3-gi, gir1.2-ayatanaappindicator3-0.1, \
libturbojpeg0 | libturbojpeg
Suggests: linux-headers-{architecture}
Section: video
Priority: optional
Description: makes a soft webcam look sharp in any video call
 SharpCam reads your camera, restores each picture with a small neural network
 in a few milliseconds, and publishes the result as a virtual camera that Zoom,
 Teams, Meet and OBS list like any other.
 .
 It learns your camera: its blur, noise and compression are estimated within
 seconds, and a picture that is sharp already is left alone. Nothing leaves your
 computer.
"""
NOT_IN_SUMS = ("DEBIAN", "etc")
"""Folders whose files dpkg looks after in another way."""


PACKINGS = {"small": ("-Zxz", "-z1"), "quick": ("-Zgzip", "-z1")}
"""How dpkg-deb packs; the second is for tests. A higher level of xz takes minutes."""


def build(folder: Path, packing: str = "small") -> Path:
    """Write the package into `folder`, and print its sizes.

    Raises:
        subprocess.CalledProcessError: a tool failed, and has said why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "root"
        root.mkdir()
        lay_out(root, wheel(Path(name)))
        package = folder / f"{NAME}_{version()}_{_architecture()}.deb"
        pack(root, package, packing)
        files = [path for path in root.rglob("*") if path.is_file() and "DEBIAN" not in path.parts]
        installed = sum(path.lstat().st_size for path in files)
        print(
            f"{package.name}: {package.stat().st_size / 1e6:.1f} MB to fetch, {installed / 1e6:.1f}"
            f" MB installed ({installed} bytes in {len(files)} files)"
        )
    return package


def lay_out(root: Path, made: Path) -> None:
    """Everything that the package holds, below `root`, with the wheel `made` in it."""
    packages = _environment(root / HOME, made)
    (root / "usr/bin").mkdir()
    (root / "usr/bin" / NAME).symlink_to(f"../lib/{NAME}/bin/{NAME}")
    _put(root / "usr/share/applications" / f"{NAME}.desktop", HERE / "sharpcam.desktop")
    _put(root / "usr/share/metainfo" / METAINFO.name, METAINFO)
    icons = ROOT / "assets" / "icons"
    shared = root / "usr/share/icons/hicolor"
    _put(shared / "scalable/apps/sharpcam.svg", icons / "sharpcam.svg")
    for icon in icons.glob("sharpcam-*.png"):
        size = icon.stem.removeprefix("sharpcam-")
        _put(shared / f"{size}x{size}/apps/sharpcam.png", icon)
    for target, source in zip(CONFIG, ("modprobe.conf", "modules-load.conf"), strict=True):
        _put(root / target, HERE / source)
    _put(root / "usr/share/lintian/overrides" / NAME, HERE / "lintian-overrides")
    doc = root / "usr/share/doc" / NAME
    _compress(doc / "changelog.gz", (HERE / "changelog").read_bytes())
    _compress(root / "usr/share/man/man1" / f"{NAME}.1.gz", page().encode())
    (doc / "copyright").write_text(copyright_text(packages), encoding="utf-8")
    forget_records(packages)
    _control(root)


def pack(root: Path, package: Path, packing: str) -> None:
    """Make the package of the files below `root`: the same files make the same bytes."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            runs = path.is_dir() or (path.stat().st_mode & stat.S_IXUSR and _is_program(path))
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (released_at(), released_at()), follow_symlinks=False)
    # One thread: how xz cuts a file into blocks depends on whether there are more.
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", *PACKINGS[packing], "--threads-max=1"]
        + ["-b", root, package],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(released_at())},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _environment(home: Path, made: Path) -> Path:
    """The virtual environment `home`; returns its folder of packages."""
    python = f"python{_python()}"
    packages = home / "lib" / python / "site-packages"
    packages.mkdir(parents=True)
    install_packages(packages, made)
    strip(packages)
    (home / "bin").mkdir()
    (home / "bin" / "python3").symlink_to("../../../bin/python3")
    (home / "bin" / python).symlink_to("python3")
    # The system's packages are seen, too: those for a tray are Debian's own.
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = true\n")
    _put(home / "bin" / NAME, HERE / "launcher", 0o755)
    return packages


def _is_program(path: Path) -> bool:
    """Libraries and data of wheels come with the mode of a program."""
    return path.read_bytes()[:2] == b"#!" and path.suffix != ".py"


def _control(root: Path) -> None:
    files = sorted(root.rglob("*"))
    # As dpkg-gencontrol counts it: a file in whole KiB, everything else one.
    size_kib = sum(
        -(-path.lstat().st_size // 1024) if path.is_file() and not path.is_symlink() else 1
        for path in files
    )
    major, minor = sys.version_info[:2]
    control = CONTROL.format(
        name=NAME,
        version=version(),
        architecture=_architecture(),
        maintainer=MAINTAINER,
        size_kib=size_kib,
        python=_python(),
        next_python=f"{major}.{minor + 1}",
        libraries=SYSTEM_LIBRARIES,
    )
    folder = root / "DEBIAN"
    folder.mkdir()
    (folder / "control").write_text(control)
    (folder / "conffiles").write_text("".join(f"/{path}\n" for path in CONFIG))
    sums = (
        f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n"
        for path in files
        if path.is_file()
        and not path.is_symlink()
        and path.relative_to(root).parts[0] not in NOT_IN_SUMS
    )
    (folder / "md5sums").write_text("".join(sums))
    for script in ("postinst", "prerm"):
        _put(folder / script, HERE / script, 0o755)


def _put(target: Path, source: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _compress(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(data, 9, mtime=0))


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _architecture() -> str:
    told = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    )
    return told.stdout.strip()
