"""`sharpcam autostart on|off|status`: start at login, verified by reading back."""

from __future__ import annotations

import argparse

from sharpcam.errors import SharpCamError
from sharpcam.session import autostart


def main(args: argparse.Namespace) -> int:
    """`sharpcam autostart`; see `cli.py` for the arguments."""
    if args.switch == "on":
        switch_on()
    elif args.switch == "off":
        switch_off()
    print(described())
    return 0


def switch_on() -> None:
    """Start this SharpCam at login.

    Raises:
        SharpCamError: the system refuses it, or forgets it at once.
    """
    command = autostart.own_command()
    autostart.register(command)
    if autostart.registered() != autostart.quoted(command):
        raise SharpCamError(
            "the system did not keep that SharpCam starts at login",
            "check what another program changes in the list of what starts at login",
        )


def switch_off() -> None:
    """Start no SharpCam at login.

    Raises:
        SharpCamError: the system refuses it.
    """
    autostart.unregister()
    if autostart.registered() is not None:
        raise SharpCamError(
            "SharpCam still starts at login", "remove it in the settings of your desktop"
        )


def is_on() -> bool:
    """Whether any SharpCam starts at login."""
    return autostart.registered() is not None


def described() -> str:
    """Whether it starts at login, and whether that is this one, in one line."""
    command = autostart.registered()
    if command is None:
        return "SharpCam does not start at login"
    other = command != autostart.quoted(autostart.own_command())
    note = ", which is not this one; `sharpcam autostart on` changes that" if other else ""
    return f"SharpCam starts at login: {command}{note}"
