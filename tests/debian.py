"""This machine's Debian: its mirror, its keys, and where tests keep what is dear to fetch."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import platformdirs

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def cache_folder() -> Path:
    """Where everything is kept; SHARPCAM_TEST_CACHE names another place."""
    told = os.environ.get("SHARPCAM_TEST_CACHE")
    return Path(told) if told else platformdirs.user_cache_path("sharpcam-tests")


def mirror_of_debian() -> str:
    """Where this machine has Debian's main archive from, like http://deb.debian.org/debian/."""
    said = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for line in said.splitlines():
        origin, codename, uri = line.split(maxsplit=2)
        if origin == "Debian" and "-" not in codename:
            return uri
    raise LookupError("apt-get knows no mirror of Debian's main archive")
