"""Bundled files, found the same way in a checkout, an installed wheel and a frozen program."""

from __future__ import annotations

import sys
from pathlib import Path

from sharpcam.errors import SharpCamError


def asset(name: str) -> Path:
    """The path of a bundled file, for example asset("model/standard.onnx").

    Raises:
        SharpCamError: the installation lacks the file.
    """
    package = Path(__file__).resolve().parent
    frozen = Path(getattr(sys, "_MEIPASS", package))
    for root in (package.parent / "assets", package / "bundled", frozen / "assets"):
        if (root / name).is_file():
            return root / name
    raise SharpCamError(f"the bundled file {name} is missing", "install SharpCam again")
