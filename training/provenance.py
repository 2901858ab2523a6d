"""Where a model came from: the commit of the code that trained it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git_commit() -> str:
    """The checkout's short commit, with + when files differ from it; "unknown" outside git."""
    here = Path(__file__).parent
    try:
        output = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=10"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return output.strip()
