"""The package's copyright file, in Debian's machine-readable form: ours, and for each bundled
package what its own metadata say, with the place of its full texts."""

from __future__ import annotations

import re
from email.parser import HeaderParser
from pathlib import Path

HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: SharpCam

Files: *
Copyright: 2026 SharpCam maintainers
License: GPL-2+
 SharpCam is free software: you can redistribute it and/or modify it under the
 terms of the GNU General Public License as published by the Free Software
 Foundation, either version 2 of the License, or (at your option) any later
 version.
 .
 On Debian systems, the full text of the GNU General Public License version 2
 is in /usr/share/common-licenses/GPL-2.

Files: {packages}/sharpcam/bundled/samples/*
Copyright: Intel Corporation
License: CC-BY-4.0
 The sample clips are from Intel's sample-videos, cut and softened. See
 /{packages}/sharpcam/bundled/samples/LICENCES.md
 and https://creativecommons.org/licenses/by/4.0/legalcode
"""
STANZA = """
Files: {files}
Copyright: {authors}
License: {licence}
 {summary}.
 .
 Its licences, and those of the libraries within it, are in full in
{places}
"""
COMMON = {"Apache": "Apache-2.0", "LGPL": "LGPL-3", "GPL": "GPL-2"}
"""Words of licences, and their texts in /usr/share/common-licenses."""


def copyright_text(packages: Path) -> str:
    """For the packages in the folder `packages`, which ends in usr/lib/... below some root."""
    below = Path(*packages.parts[packages.parts.index("usr") :])
    text = HEAD.format(packages=below)
    for info in sorted(packages.glob("*.dist-info")):
        if not info.name.startswith("sharpcam-"):
            text += _stanza(info, packages, below)
    return text


def _stanza(info: Path, packages: Path, below: Path) -> str:
    metadata = HeaderParser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
    name = metadata["Name"]
    licence = metadata["License-Expression"] or (metadata["License"] or "").strip().split("\n")[0]
    if not licence:
        classified = [it for it in metadata.get_all("Classifier", []) if it.startswith("License")]
        licence = classified[0].rsplit(" :: ", 1)[-1] if classified else "see-below"
    author = metadata["Author"] or metadata["Author-email"] or metadata["Maintainer"]
    parts = [packages / part for part in _parts(info) if (packages / part).exists()]
    texts = [path for part in parts for path in sorted(part.rglob("*")) if _is_licence(path)]
    places = [f" /{below / path.relative_to(packages)}" for path in texts]
    if not places:
        text = next((COMMON[word] for word in COMMON if word in licence), None)
        place = f"usr/share/common-licenses/{text}" if text else below / info.name / "METADATA"
        places = [f" /{place}"]
    return STANZA.format(
        files="\n ".join(f"{below / it.name}{'/*' if it.is_dir() else ''}" for it in parts),
        authors=" ".join((author or f"the authors of {name}").split()),
        licence=f"{name}-" + re.sub(r"[^\w.+-]+", "-", licence).strip("-"),
        summary=" ".join((metadata["Summary"] or name).split()).rstrip(".!"),
        places="\n".join(places),
    )


def _parts(info: Path) -> list[str]:
    """The files and folders that a package has put among the others."""
    rows = (info / "RECORD").read_text(encoding="utf-8").splitlines()
    return sorted({row.split("/")[0].split(",")[0] for row in rows} - {"..", "bin"})


def _is_licence(path: Path) -> bool:
    words = ("LICENSE", "LICENCE", "COPYING", "THIRDPARTYNOTICES")
    return path.is_file() and path.name.upper().startswith(words)
