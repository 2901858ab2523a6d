"""Writes assets/icons/ from sharpcam/icon.py: SVG and PNG of the program and of the tray's states,
ICO for Windows and ICNS for macOS.

    python installer/icons.py

The program's own icon is the one of the state "on".
"""

from __future__ import annotations

from pathlib import Path

from sharpcam.icon import Sign, as_svg, drawn

FOLDER = Path(__file__).parents[1] / "assets" / "icons"
PROGRAM_SIZES = (16, 24, 32, 48, 64, 128, 256)
STATE_SIZE = 64
ICNS_SIZES = (16, 32, 64, 128, 256, 512, 1024)


def main() -> None:
    """Write every file anew."""
    FOLDER.mkdir(exist_ok=True)
    for size in PROGRAM_SIZES:
        drawn(Sign.ON, size).save(FOLDER / f"sharpcam-{size}.png", optimize=True)
    (FOLDER / "sharpcam.svg").write_text(as_svg(Sign.ON), encoding="utf-8")
    largest, *others = (drawn(Sign.ON, size) for size in reversed(PROGRAM_SIZES))
    sizes = [(size, size) for size in PROGRAM_SIZES]
    largest.save(FOLDER / "sharpcam.ico", sizes=sizes, append_images=others)
    largest, *others = (drawn(Sign.ON, size) for size in reversed(ICNS_SIZES))
    largest.save(FOLDER / "sharpcam.icns", append_images=others)
    for sign in Sign:
        drawn(sign, STATE_SIZE).save(FOLDER / f"tray-{sign.value}.png", optimize=True)
        (FOLDER / f"tray-{sign.value}.svg").write_text(as_svg(sign), encoding="utf-8")


if __name__ == "__main__":
    main()
