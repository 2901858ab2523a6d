"""Makes SharpCam's installers and packages; everything that they are made of is named in pins/.

python -m installer.build deb         # dist/sharpcam_VERSION_ARCHITECTURE.deb
python -m installer.build packages    # wheel and sdist
python -m installer.build lock        # take new versions of the Python packages; needs uv
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from installer import bundle, freeze, sources
from installer.linux import deb
from installer.macos import app
from installer.windows import setup, unitycapture
from sharpcam.errors import SharpCamError

HERE = Path(__file__).parent
DIST = sources.ROOT / "dist"
OLDEST_PYTHON = "3.11"


def build_deb(args: argparse.Namespace) -> None:
    """The Debian package."""
    deb.build(args.output, "quick" if args.quick else "small")


def build_packages(args: argparse.Namespace) -> None:
    """Wheel and sdist."""
    for made in (sources.wheel(args.output), sources.sdist(args.output)):
        print(f"{made.name}: {made.stat().st_size} bytes")


def build_windows(args: argparse.Namespace) -> None:
    """The program, UnityCapture's files, and setup.exe of both."""
    _only_on("win32", "Windows")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        libraries: Path | None = args.unitycapture
        if libraries is None:
            libraries = work / "unitycapture"
            libraries.mkdir()
            unitycapture.fetch(libraries)
        unitycapture.check(libraries)
        program = freeze.frozen(HERE / "windows" / "sharpcam.spec", work) / "SharpCam"
        print(setup.pack(program, libraries, args.output))


def build_macos(args: argparse.Namespace) -> None:
    """The app in a disk image."""
    _only_on("darwin", "macOS")
    with tempfile.TemporaryDirectory() as name:
        program = freeze.frozen(HERE / "macos" / "sharpcam.spec", Path(name))
        print(app.pack(program, args.output, args.identity))


def _only_on(platform: str, name: str) -> None:
    if sys.platform != platform:
        raise SharpCamError(
            f"PyInstaller makes programs for the system that it runs on: this is not {name}",
            f"run this on {name}",
        )


def lock(_: argparse.Namespace) -> None:
    """Write pins/requirements.txt anew: the newest versions that pyproject.toml allows, for every
    system and Python, each file with its SHA-256."""
    subprocess.run(
        ["uv", "pip", "compile", "pyproject.toml", "--extra", "installer", "--universal"]
        + ["--generate-hashes", "--no-header", "--python-version", OLDEST_PYTHON, "--upgrade"]
        + ["--output-file", bundle.REQUIREMENTS],
        cwd=sources.ROOT,
        stdout=subprocess.DEVNULL,
        check=True,
    )


WHAT = {
    "deb": build_deb,
    "packages": build_packages,
    "windows": build_windows,
    "macos": build_macos,
    "lock": lock,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Make one of them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m installer.build", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("-o", "--output", type=Path, default=DIST, help="folder; default dist")
    parser.add_argument("--quick", action="store_true", help="deb: a larger file, made sooner")
    parser.add_argument(
        "--unitycapture",
        type=Path,
        help="windows: folder with its files; default: they are fetched",
    )
    parser.add_argument(
        "--identity", default=app.AD_HOC, help="macos: the certificate to sign with; default none"
    )
    args = parser.parse_args(argv)
    try:
        WHAT[args.what](args)
    except SharpCamError as error:
        print(f"{error.message}\n  hint: {error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
