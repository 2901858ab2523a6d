"""Writes assets/icons/ from sharpcam/icon.py: SVG and PNG of the program and of the tray's states.

    python installer/icons.py

The program's own icon is the one of the state "on".
"""

from __future__ import annotations

from pathlib import Path

from sharpcam.icon import Sign, as_svg, drawn

FOLDER = Path(__file__).parents[1] / "assets" / "icons"
PROGRAM_SIZES = (16, 24, 32, 48, 64, 128, 256)
STATE_SIZE = 64


def main() -> None:
    """Write every file anew."""
    FOLDER.mkdir(exist_ok=True)
    for size in PROGRAM_SIZES:
        drawn(Sign.ON, size).save(FOLDER / f"sharpcam-{size}.png", optimize=True)
    (FOLDER / "sharpcam.svg").write_text(as_svg(Sign.ON), encoding="utf-8")
    for sign in Sign:
        drawn(sign, STATE_SIZE).save(FOLDER / f"tray-{sign.value}.png", optimize=True)
        (FOLDER / f"tray-{sign.value}.svg").write_text(as_svg(sign), encoding="utf-8")


if __name__ == "__main__":
    main()
