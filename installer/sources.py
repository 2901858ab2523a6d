"""The program as Python's own packages: a wheel and an sdist, made of a clean copy of the source.

Setuptools keeps what it built once, so that a module which is gone would still be packed; it never
sees this checkout.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "sharpcam", "assets")
"""All that goes into a package."""
CHANGELOG = ROOT / "installer" / "linux" / "changelog"
HOOK = "import sys; from setuptools import build_meta; build_meta.build_{}(sys.argv[1])"


def version() -> str:
    """SharpCam's version, without importing it."""
    text = (ROOT / "sharpcam" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "(.+)"', text)
    assert found, "sharpcam/__init__.py names no version"
    return found[1]


def released_at() -> int:
    """Seconds since 1970 that every file in an installer is dated with, so that the same source
    makes the same bytes: SOURCE_DATE_EPOCH, else the date of the newest entry of the changelog."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(told)
    line = next(it for it in CHANGELOG.read_text(encoding="utf-8").splitlines() if it[:4] == " -- ")
    return int(parsedate_to_datetime(line.split(">  ", 1)[1]).timestamp())


def wheel(folder: Path) -> Path:
    """Write the wheel into `folder`."""
    return _built("wheel", "*.whl", folder)


def sdist(folder: Path) -> Path:
    """Write the sdist into `folder`."""
    return _built("sdist", "*.tar.gz", folder)


@contextmanager
def clean_copy() -> Iterator[Path]:
    """A folder with the parts of a package and nothing else, in modes that do not depend on who
    checked them out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in PARTS:
            if (ROOT / part).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(ROOT / part, folder / part, ignore=ignored)
            else:
                shutil.copy(ROOT / part, folder)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder


def _built(kind: str, pattern: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with clean_copy() as source, tempfile.TemporaryDirectory() as out:
        done = subprocess.run(
            [sys.executable, "-c", HOOK.format(kind), out],
            cwd=source,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(released_at())},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"setuptools makes no {kind}:\n{done.stdout}{done.stderr}")
        (made,) = Path(out).glob(pattern)
        return Path(shutil.move(made, folder / made.name))
