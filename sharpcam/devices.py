"""`sharpcam devices`: the cameras that can be read and the virtual cameras that can be written."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from sharpcam import system
from sharpcam.terminal import terminal


def main(args: argparse.Namespace) -> int:
    """`sharpcam devices`; see `cli.py` for the arguments."""
    cameras, virtual = system.cameras(), system.virtual_cameras()
    if args.json:
        listed = {
            "cameras": [asdict(camera) for camera in cameras],
            "virtual_cameras": [asdict(camera) for camera in virtual],
        }
        print(json.dumps(listed))
        return 0
    console = terminal(stderr=False)
    console.print("Cameras", style="bold")
    for camera in cameras:
        where = " ".join(part for part in (camera.path, camera.usb_id) if part)
        console.print(f"  {camera.index}  {camera.name}  {where}".rstrip())
    if not cameras:
        console.print(f"  none: {system.CAMERA_HINT}")
    console.print("Virtual cameras", style="bold")
    for device in virtual:
        where = " ".join(part for part in (device.device, f"({device.backend})") if part)
        console.print(f"  {device.name}  {where}")
    if not virtual:
        console.print(f"  none: {system.VIRTUAL_CAMERA_HINT}")
    return 0
