"""Other programs are asked for what only they know."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

SECONDS = 5.0
"""A program that takes longer hangs; what it would have said is not known then."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said."""

    code: int
    text: str
    """Both of its outputs."""


Runner = Callable[..., Answer | None]
"""Words of a command -> its answer; None where there is no such program or it hangs."""


def run(*command: str) -> Answer | None:
    """Run a program that only tells, in English and without a shell."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Answer(done.returncode, done.stdout.decode(errors="replace").strip())
