"""Wheel and sdist: what is in them, and that they run in an environment that has nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from installer.build import main
from installer.bundle import REQUIREMENTS, is_loadable
from installer.sources import ROOT, version

LARGEST_WHEEL = 6_500_000
"""Bytes: three networks are 4.8 million of them; the photographs for training would be 43."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both."""
    folder = tmp_path_factory.mktemp("packages")
    assert main(["packages", "-o", str(folder)]) == 0
    return folder


def wheel(made: Path) -> Path:
    return made / f"sharpcam-{version()}-py3-none-any.whl"


def sdist(made: Path) -> Path:
    return made / f"sharpcam-{version()}.tar.gz"


def contents(made: Path) -> set[str]:
    with zipfile.ZipFile(wheel(made)) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_program_and_its_assets_and_no_training(made: Path) -> None:
    names = contents(made)
    assert {
        "sharpcam/cli.py",
        "sharpcam/system/linux.py",
        "sharpcam/session/desktop_windows.py",
        "sharpcam/bundled/model/standard.onnx",
        "sharpcam/bundled/samples/soft.mkv",
        "sharpcam/bundled/icons/tray-on.png",
    } <= names
    tops = {name.split("/")[0] for name in names}
    assert tops == {"sharpcam", f"sharpcam-{version()}.dist-info"}
    # A module of every file, and of no file that is there no more.
    modules = {str(it.relative_to(ROOT)) for it in (ROOT / "sharpcam").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules
    assert wheel(made).stat().st_size < LARGEST_WHEEL


def test_the_sdist_makes_the_same_wheel(made: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist(made)) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    again = tmp_path / "again"
    hook = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    again.mkdir()
    subprocess.run([sys.executable, "-c", hook, again], cwd=source, check=True, capture_output=True)
    assert contents(again) == contents(made)


def test_the_sizes_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packages", "-o", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{it.name}: {it.stat().st_size} bytes" for it in (wheel(tmp_path), sdist(tmp_path))
    ]


@pytest.mark.slow
def test_both_run_where_nothing_else_is_installed(made: Path, tmp_path: Path) -> None:
    environment = {
        key: it for key, it in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
    } | {"HOME": str(tmp_path)}

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1200
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    binaries = tmp_path / "venv" / "bin"
    # The host's HOME: pip keeps there what it fetched already.
    pip = [binaries / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*pip, "--require-hashes", "-r", REQUIREMENTS], check=True)
    subprocess.run([*pip, wheel(made)], check=True)
    run(binaries / "python", "-m", "pip", "check")  # all that it needs is pinned
    sharpcam = binaries / "sharpcam"
    assert run(sharpcam, "--version") == f"sharpcam {version()}\n"
    Image.linear_gradient("L").save(tmp_path / "soft.png")
    run(sharpcam, "enhance", "soft.png", "-o", "sharp.png")
    assert (tmp_path / "sharp.png").is_file()
    run(sharpcam, "run", "--source", "demo", "--sink", "null", "--seconds", "1")

    subprocess.run([*pip, "--force-reinstall", "--no-build-isolation", sdist(made)], check=True)
    run(sharpcam, "run", "--source", "demo", "--sink", "null", "--seconds", "1")


def test_a_library_whose_parts_moved_is_not_loadable() -> None:
    library = bytearray(Path("/proc/self/exe").read_bytes())
    assert is_loadable(bytes(library))
    headers = int.from_bytes(library[32:40], "little")
    size, count = (int.from_bytes(library[at : at + 2], "little") for at in (54, 56))
    loaded = next(
        at
        for at in range(headers, headers + size * count, size)
        if int.from_bytes(library[at : at + 4], "little") == 1
    )
    library[loaded + 8] ^= 1  # the offset in the file
    assert not is_loadable(bytes(library))
