"""Check: one thing that the doctor looked at, and the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How it stands with one thing."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Check:
    """What was found. A check changes nothing and asks no network."""

    name: str
    verdict: Verdict
    detail: str
    """What was found, in one line."""
    hint: str = ""
    """The command or the steps that mend it; with `OK` it is advice."""
    blocks: bool = False
    """SharpCam cannot do its work before this is mended."""


def ok(name: str, detail: str, hint: str = "") -> Check:
    return Check(name, Verdict.OK, detail, hint)


def problem(name: str, detail: str, hint: str, *, blocks: bool = False) -> Check:
    return Check(name, Verdict.PROBLEM, detail, hint, blocks)


def unknown(name: str, detail: str, hint: str = "") -> Check:
    return Check(name, Verdict.UNKNOWN, detail, hint)
