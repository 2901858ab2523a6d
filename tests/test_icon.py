"""The signs: told apart without colours, seen on light and dark, the same as SVG and as files."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from sharpcam.icon import Sign, as_svg, drawn

ROOT = Path(__file__).parents[1]


def on(sign: Sign, ground: str, size: int = 24) -> np.ndarray:
    """Grey levels of the sign on a panel of this colour."""
    panel = Image.new("RGBA", (size, size), ground)
    panel.alpha_composite(drawn(sign, size))
    return np.asarray(panel.convert("L"), np.float64)


@pytest.mark.parametrize("ground", ["#ffffff", "#000000", "#808080"])
def test_signs_differ_in_shape_on_every_panel(ground: str) -> None:
    for one, other in combinations(Sign, 2):
        # The same colours for all: what is left of the difference is shape.
        masks = [on(sign, ground) > 80 for sign in (one, other)]
        assert np.mean(masks[0] != masks[1]) > 0.08, (one, other)


@pytest.mark.parametrize("ground", ["#ffffff", "#000000", "#1b2530", "#eef3f7"])
@pytest.mark.parametrize("sign", Sign)
def test_a_sign_stands_out_of_its_panel(sign: Sign, ground: str) -> None:
    panel = on(sign, ground)
    assert np.mean(np.abs(panel - panel[0, 0]) > 50) > 0.1


def test_flat_ones_have_no_transparent_pixel() -> None:
    for sign in Sign:
        assert drawn(sign, 22, flat=True).getextrema()[3] == (255, 255)
        assert drawn(sign, 22).getextrema()[3][0] == 0


@pytest.mark.parametrize("sign", Sign)
def test_svg_is_well_formed_and_has_a_shape_for_every_shape(sign: Sign) -> None:
    root = ElementTree.fromstring(as_svg(sign))
    assert root.attrib["viewBox"] == "0 0 64 64"
    assert len(root) >= 3


def test_the_files_are_what_the_script_writes(tmp_path: Path) -> None:
    folder = ROOT / "assets" / "icons"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".svg"}
    code = (
        "import sys, pathlib; sys.path.insert(0, 'installer'); import icons\n"
        "icons.FOLDER = pathlib.Path(sys.argv[1]); icons.main()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=ROOT)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.svg")} == before
    for path in tmp_path.glob("*.png"):
        kept = Image.open(folder / path.name)
        assert np.array_equal(np.asarray(kept), np.asarray(Image.open(path))), path.name
