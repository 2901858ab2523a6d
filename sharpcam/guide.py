"""`sharpcam help camera`: where meeting apps hide their choice of the camera."""

from __future__ import annotations

import argparse

CAMERA = """\
In the meeting app, choose the camera "{name}" while SharpCam runs.

Zoom
  In a meeting: the arrow (^) beside Video > {name}.
  Before one: Settings > Video > Camera (newer: Video & effects).
Teams
  In a meeting: the arrow beside Camera > {name}.
  Before one: Settings and more (...) > Settings > Devices > Camera.
Google Meet in Chrome or Edge
  More options (three dots) > Settings > Video > Camera > {name}.
  Not asked, or refused once: the icon left of the address > Camera > Allow, then reload.
Google Meet in Firefox
  Firefox asks: choose {name} in the list of its question, then Allow.
  To change it: the camera icon left of the address > remove the permission, reload, choose.
OBS Studio
  Sources > + > {obs} > Device > {name}.

Not in the list? Start SharpCam first, then close the app wholly (also in the tray) and open it
again: many look for cameras only when they start. `sharpcam doctor` says what else is wrong."""


def main(args: argparse.Namespace) -> int:
    """`sharpcam help`; see `cli.py` for the arguments."""
    if args.topic is None:
        args.parser.print_help()
        print("\nMore: sharpcam help camera; sharpcam COMMAND --help")
        return 0
    from sharpcam import system  # loads OpenCV, which the list of commands has no use for

    virtual = [camera for camera in system.virtual_cameras() if not camera.foreign]
    name = virtual[0].name if virtual else system.DEFAULT_VIRTUAL_NAME
    print(CAMERA.format(name=name, obs=system.OBS_SOURCE))
    if not virtual:
        print(f"\nThere is no virtual camera yet: {system.VIRTUAL_CAMERA_HINT}.")
    return 0
