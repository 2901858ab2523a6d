"""The Python packages that an installed SharpCam runs on: those that pins/requirements.txt names,
checked by their SHA-256, without the parts that no run of SharpCam reads.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

PINS = Path(__file__).parent / "pins"
REQUIREMENTS = PINS / "requirements.txt"
DROPPED = (
    "bin",
    "pygments*",  # rich colours source code with it; we show none
    "setuptools*",  # makes packages
    "_distutils_hack",
    "distutils-precedence.pth",
    "onnxruntime/capi/libonnxruntime.so*",  # for programs in C; Python's module holds it all
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "onnx/backend",
    "onnx/reference",  # computes networks in numpy
    "numpy/distutils",
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/*_tests.*.so",
    "onnx/fuzz",
    "onnx/test",
    "PIL/_avif.*",  # a kind of picture that SharpCam does not take
    "pillow.libs/libavif-*",
    "PIL/_imagingcms.*",  # converts colours by profiles; ours are kept as they are
    "pillow.libs/liblcms2-*",
    "cv2/LICENSE-3RD-PARTY.txt",  # it is in opencv_python's own folder, too
    "**/tests",
    "*.dist-info/sboms",
    *(f"**/*.{kind}" for kind in ("pyi", "pxd", "pyx", "h", "hpp", "c", "cc", "cpp", "a", "proto")),
    "*.dist-info/REQUESTED",
    "*.dist-info/INSTALLER",
)
"""Patterns below the folder of packages."""


def install_packages(folder: Path, wheel: Path) -> None:
    """Fill `folder` with the pinned packages of this Python and this system, and with `wheel`."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    checked = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"]
    subprocess.run([*pip, *checked, "--target", folder, "-r", REQUIREMENTS], check=True)
    for pattern in DROPPED:
        for path in list(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # it may have gone with its folder
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


def forget_records(folder: Path) -> None:
    """Take out the lists of files, which name what was left out."""
    for path in folder.glob("*.dist-info/RECORD"):
        path.unlink()


def strip(folder: Path) -> None:
    """Take the symbols for debuggers out of every library below `folder`."""
    for path in sorted(folder.rglob("*.so*")):
        if path.is_symlink() or path.read_bytes()[:4] != b"\x7fELF":
            continue
        stripped = path.with_name(path.name + ".stripped")
        subprocess.run(["strip", "--strip-unneeded", "-o", stripped, path], check=True)
        # Where a wheel's maker moved parts of a library, strip can leave what no loader takes.
        if is_loadable(stripped.read_bytes()):
            shutil.copymode(path, stripped)
            stripped.replace(path)
        else:
            stripped.unlink()


def is_loadable(library: bytes) -> bool:
    """Whether each part of a 64-bit ELF file that is loaded lies in it as it will lie in memory:
    offset and address are equal in the bits below the alignment."""
    (headers,) = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    for index in range(count):
        kind, _, offset, address, _, _, _, alignment = struct.unpack_from(
            "<IIQQQQQQ", library, headers + index * size
        )
        if kind == 1 and (offset - address) % max(alignment, 1):
            return False
    return True
