"""setup.exe: makensis packs a folder with the program, and UnityCapture's files where there are."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from installer.sources import ROOT, version
from installer.windows.unitycapture import filter_data

HERE = Path(__file__).parent


def pack(program: Path, unitycapture: Path | None, folder: Path) -> Path:
    """Write setup.exe for the files of `program` into `folder`.

    Raises:
        subprocess.CalledProcessError: makensis failed, and has said why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"SharpCam-{version()}-setup.exe"
    with tempfile.TemporaryDirectory() as name:
        removal = Path(name) / "remove.nsh"
        removal.write_text(removal_of(program), encoding="utf-8")
        size = sum(path.stat().st_size for path in program.rglob("*") if path.is_file())
        defines = {
            "VERSION": version(),
            "PROGRAM": program.resolve(),
            "OUT": made.resolve(),
            "ICON": (ROOT / "assets/icons/sharpcam.ico").resolve(),
            "LICENCE": (ROOT / "LICENSE").resolve(),
            "REMOVAL": removal,
            "SIZE_KIB": -(-size // 1024),
            "FILTER_DATA": filter_data().hex(),
        }
        if unitycapture:
            defines["UNITYCAPTURE"] = unitycapture.resolve()
        subprocess.run(
            ["makensis", "-V2", *(f"-D{key}={value}" for key, value in defines.items())]
            + [str(HERE / "sharpcam.nsi")],
            check=True,
        )
    return made


def removal_of(program: Path) -> str:
    """NSIS commands that delete the very files that were installed, and folders that are empty
    then: whoever installs into a folder with files of his own keeps them."""
    paths = sorted(program.rglob("*"), reverse=True)  # what is in a folder before the folder
    lines = []
    for path in paths:
        verb = "RMDir" if path.is_dir() else "Delete"
        place = str(path.relative_to(program)).replace("/", "\\").replace("$", "$$")
        lines.append(f'{verb} "$INSTDIR\\{place}"')
    return "\n".join(lines) + "\n"
