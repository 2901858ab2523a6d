"""What the verbs `python -m training.<verb>` have in common."""

from __future__ import annotations

import sys

from sharpcam.errors import SharpCamError


def refused(error: SharpCamError) -> int:
    """Say what a person can mend; returns the exit code."""
    print(f"{error.message}\n  hint: {error.hint}", file=sys.stderr)
    return 1
