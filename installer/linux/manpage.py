"""The manual page, made of the command line's own parser, so that it tells what the program does.

python -m installer.linux.manpage
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterator

from installer.sources import released_at
from sharpcam import __version__
from sharpcam.cli import DESCRIPTION, build_parser
from sharpcam.settings import ENTRIES, help_of, kind_of

FILES = {
    "~/.config/sharpcam/settings.toml": "the settings; changes are taken over live",
    "~/.local/state/sharpcam/": "what was learnt of each camera, and the log",
    "/etc/modprobe.d/sharpcam.conf": "name and number of the virtual camera",
}


def page() -> str:
    """The text of sharpcam.1, in roff."""
    day = datetime.datetime.fromtimestamp(released_at(), datetime.UTC).date()
    parser = build_parser()
    lines = [
        f'.TH SHARPCAM 1 "{day}" "SharpCam {__version__}" "User Commands"',
        ".SH NAME",
        r"sharpcam \- makes a soft webcam look sharp in any video call",
        ".SH SYNOPSIS",
        *_synopsis(parser),
        ".SH DESCRIPTION",
        _text(DESCRIPTION),
        ".SH OPTIONS",
        *_options(parser),
        ".SH COMMANDS",
    ]
    commands = _commands(parser)
    for name, (words, command) in commands.items():
        lines += [f'.SS "sharpcam {name}"', _text(words[0].upper() + words[1:] + ".")]
        lines += [".PP", *_synopsis(command), *_options(command)]
    lines += [".SH SETTINGS", _text("What `sharpcam set` lists and changes.")]
    for key, entry in ENTRIES.items():
        default = kind_of(entry).to_plain(entry.default)
        words = f"{help_of(entry)} ({kind_of(entry).expected}; default {default})"
        lines += [".TP", rf"\fB{_text(key)}\fR", _text(words)]
    lines += [".SH FILES"]
    for path, words in FILES.items():
        lines += [".TP", rf"\fI{_text(path)}\fR", _text(words)]
    lines += [
        ".SH EXIT STATUS",
        _text("0: done. 1: something that a person can mend, said in two lines. 2: wrong words."),
    ]
    return "\n".join(lines) + "\n"


def _commands(
    parser: argparse.ArgumentParser,
) -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """Each command's name, what it is for, and its own parser."""
    (group,) = (it for it in parser._actions if isinstance(it, argparse._SubParsersAction))
    words = {choice.dest: choice.help or "" for choice in group._choices_actions}
    return {name: (words[name], command) for name, command in group.choices.items()}


def _synopsis(parser: argparse.ArgumentParser) -> Iterator[str]:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    name = parser.prog
    yield rf"\fB{_text(name)}\fR{_text(usage.removeprefix(name))}"


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    formatter = parser._get_formatter()
    for action in parser._actions:
        if action.help is argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction):
            continue
        shown = formatter._format_action_invocation(action)
        yield from (".TP", rf"\fB{_text(shown)}\fR")
        yield _text(formatter._expand_help(action) if action.help else "see above")


def _text(words: str) -> str:
    """Words as roff shows them: hyphens that can be copied, and no line that is a command."""
    plain = words.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{plain}" if plain[:1] in ".'" else plain


def main() -> None:
    """Print the page."""
    print(page(), end="")


if __name__ == "__main__":
    main()
