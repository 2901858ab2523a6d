"""What the verbs `python -m training.<verb>` have in common."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sharpcam.errors import SharpCamError


def refused(error: SharpCamError) -> int:
    """Say what a person can mend; returns the exit code."""
    print(f"{error.message}\n  hint: {error.hint}", file=sys.stderr)
    return 1


def trained(train: Callable[[], None]) -> int:
    """Run what may be stopped and goes on later; returns the exit code."""
    try:
        train()
    except SharpCamError as error:
        return refused(error)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def report(summary: Mapping[str, Any], file: Path | None) -> None:
    """The figures as JSON: the last line printed, and indented in a file where one is asked for."""
    if file:
        file.write_text(json.dumps(summary, indent=1))
    print(json.dumps(summary))
