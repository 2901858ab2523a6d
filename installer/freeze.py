"""The program with a Python of its own, for systems that have none: PyInstaller, in a virtual
environment of the pinned packages. It makes programs for the system that it runs on only.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import venv
from pathlib import Path
from typing import Any

from installer import sources
from installer.bundle import REQUIREMENTS

LAUNCHER = Path(__file__).parent / "launch.py"
EXCLUDED = (
    "torch",
    "training",
    "tkinter",
    "pygments",
    "onnx.backend",
    "onnx.reference",
    "onnx.test",
)
KINDS = {"icons": "*.png", "model": "*.onnx", "samples": "*"}
"""What of each folder of assets/ the program reads."""


def frozen(spec: Path, work: Path) -> Path:
    """Run PyInstaller with `spec`; returns the folder with what it made. `work` is filled anew."""
    venv.create(work / "venv", clear=True, with_pip=True)
    binaries = work / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = str(binaries / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run(
        [*pip, "--require-hashes", "--only-binary=:all:", "-r", REQUIREMENTS], check=True
    )
    subprocess.run([*pip, sources.wheel(work)], check=True)
    subprocess.run(
        [python, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
        + ["--distpath", work / "program", "--workpath", work / "build", spec],
        cwd=sources.ROOT,  # the spec imports this module
        env={**os.environ, "SOURCE_DATE_EPOCH": str(sources.released_at()), "PYTHONHASHSEED": "1"},
        check=True,
    )
    return work / "program"


def analysis(*tray: str) -> dict[str, Any]:
    """What PyInstaller's Analysis is told on every system; `tray`: modules of this system's tray,
    which nothing names in an import."""
    from PyInstaller.utils.hooks import collect_submodules, copy_metadata

    datas = [
        (str(path), f"assets/{folder}")
        for folder, pattern in KINDS.items()
        for path in sorted((sources.ROOT / "assets" / folder).glob(pattern))
    ]
    for name in pinned():
        datas += copy_metadata(name)  # with its licences
    return {
        "scripts": [str(LAUNCHER)],
        "datas": [*datas, (str(sources.ROOT / "LICENSE"), ".")],
        # Commands name their modules by a word.
        "hiddenimports": [*collect_submodules("sharpcam"), "pystray._dummy", *tray],
        "excludes": list(EXCLUDED),
    }


def pinned() -> list[str]:
    """The packages of pins/requirements.txt that are installed here: those of this system."""
    names = re.findall(r"^([a-z][\w.-]*)==", REQUIREMENTS.read_text(), re.MULTILINE)
    installed = {str(it.metadata["Name"]).lower().replace("_", "-") for it in _distributions()}
    tools = ("pyinstaller", "setuptools", "altgraph", "macholib", "pefile", "pywin32-ctypes")
    return sorted({name for name in names if name in installed and not name.startswith(tools)})


def _distributions() -> list[importlib.metadata.Distribution]:
    return list(importlib.metadata.distributions())
