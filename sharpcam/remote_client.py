"""`sharpcam on|off|toggle|pause|resume|status|set|quit`: ask the running program.

Neither OpenCV nor numpy is loaded here: a key bound to `sharpcam toggle` must act at once.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, suppress
from typing import Any

from sharpcam.errors import SharpCamError
from sharpcam.remote import NotRunningError, Request, decode, status_of
from sharpcam.session.channel import NobodyError, TooLongError, connect
from sharpcam.settings import ENTRIES, Settings, help_of, kind_of
from sharpcam.settings_file import SettingsFile, settings_path

ANSWER_SECONDS = 5.0


def ask(do: str, **texts: str) -> Mapping[str, Any]:
    """Have it done by the running program; returns its status afterwards.

    Raises:
        NotRunningError: there is no such program.
        SharpCamError: it refused, or does not answer.
    """
    with closing(_replies(Request(do, texts))) as replies:
        for status in replies:
            return status
    raise SharpCamError(
        "SharpCam ended without an answer", "`sharpcam status` tells whether it runs"
    )


def follow(do: str = "subscribe") -> Generator[Mapping[str, Any], None, None]:
    """The status about once a second, until the program ends; with "watch" as a preview.

    Raises:
        NotRunningError: there is no such program.
        SharpCamError: it does not answer.
    """
    return _replies(Request(do))


def main(args: argparse.Namespace) -> int:
    """The commands; see `cli.py` for the arguments."""
    if args.command == "set":
        return _set(args.assignment)
    following = args.command == "status" and args.follow
    statuses: Iterable[Mapping[str, Any]] = (
        follow() if following else [ask(getattr(args, "request", args.command))]
    )
    as_json = args.command == "status" and args.json
    for status in statuses:
        print(json.dumps(status) if as_json else words(status), flush=True)
    return 0


def words(status: Mapping[str, Any]) -> str:
    """A status in one line for people."""
    parts = [str(status.get("state", "running"))]
    if reason := status.get("reason"):
        parts[0] += f" ({reason})"
    if source := status.get("source"):
        sinks = status.get("sinks") or ()
        parts.append(" -> ".join([str(source), *([", ".join(map(str, sinks))] if sinks else [])]))
    if (size := status.get("size")) and len(size) == 2:
        parts.append(f"{size[0]}x{size[1]}")
    if fps := status.get("fps"):
        parts.append(f"{fps:.1f} FPS")
    if delay := status.get("delay"):
        parts.append(f"added delay {delay['median']:.0f} ms")
    return ", ".join(parts)


def _set(assignment: str | None) -> int:
    """`sharpcam set KEY=VALUE`, or the list of all settings."""
    if assignment is None:
        settings = SettingsFile(settings_path()).load().as_plain()
        for key, entry in ENTRIES.items():
            shown = json.dumps(settings[key])
            print(f"{key} = {shown}\n    {help_of(entry)} ({kind_of(entry).expected})")
        print(f"in {settings_path() or 'no file: this account has no home folder'}")
        return 0
    key, equals, text = assignment.partition("=")
    key = key.strip().replace("-", "_")
    if not equals:
        raise SharpCamError(f"not KEY=VALUE: {assignment!r}", "for example: sharpcam set fps=30")
    value = Settings().with_text(key, text).as_plain()[key]  # said here, whoever runs or not
    try:
        ask("set", key=key, value=text)
        where = "in the running SharpCam"
    except NotRunningError:
        file = SettingsFile(settings_path())
        file.save(file.load().with_text(key, text))
        where = f"in {file.path}"
    print(f"{key} = {json.dumps(value)} {where}")
    return 0


def _replies(request: Request) -> Generator[Mapping[str, Any], None, None]:
    try:
        connection = connect()
    except NobodyError:
        raise NotRunningError from None
    with closing(connection):
        try:
            with suppress(BrokenPipeError):  # refused before it was asked: why can still be read
                connection.write_line(request.encode(), ANSWER_SECONDS)
            while (line := connection.read_line(ANSWER_SECONDS)) is not None:
                yield status_of(decode(line))
        except (OSError, TooLongError) as error:
            raise SharpCamError(
                f"SharpCam does not answer ({error or type(error).__name__})",
                "`sharpcam status` tries again; if it stays so, end its process",
            ) from error
