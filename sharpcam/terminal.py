"""The terminal that commands talk to."""

from __future__ import annotations

from rich.console import Console


def terminal(*, stderr: bool = True, soft_wrap: bool = True) -> Console:
    """Names are shown as they are: nothing in them is a colour or an emoji, and with `soft_wrap`
    nothing is a place to break."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=soft_wrap)
