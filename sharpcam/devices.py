"""`sharpcam devices`: the cameras that can be read and the virtual cameras that can be written."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict

from sharpcam import system
from sharpcam.terminal import terminal


def main(args: argparse.Namespace) -> int:
    """`sharpcam devices`; see `cli.py` for the arguments."""
    cameras, virtual = system.cameras(), system.virtual_cameras()
    if args.json:
        print(json.dumps(as_json(cameras, virtual)))
        return 0
    console = terminal(stderr=False)
    console.print("Cameras", style="bold")
    for camera in cameras:
        where = " ".join(part for part in (camera.path, camera.usb_id) if part)
        console.print(f"  {camera.index}  {camera.name}  {where}".rstrip())
        if identity := system.stable_id(camera):
            console.print(f"     id {identity}")
        for offered in system.formats_of(camera):
            console.print(f"     {describe(offered)}")
    if not cameras:
        console.print(f"  none: {system.CAMERA_HINT}")
    console.print("Virtual cameras", style="bold")
    for device in virtual:
        where = " ".join(part for part in (device.device, f"({device.backend})") if part)
        console.print(f"  {device.name}  {where}")
        for line in about(device, first=device is virtual[0] and not device.foreign):
            console.print(f"     {line}")
    if not virtual:
        console.print(f"  none: {system.VIRTUAL_CAMERA_HINT}")
    return 0


def as_json(
    cameras: list[system.CameraInfo], virtual: list[system.VirtualCameraInfo]
) -> dict[str, list[dict[str, object]]]:
    """All that is known, for other programs."""
    return {
        "cameras": [
            asdict(camera)
            | {
                "id": system.stable_id(camera),
                "formats": [asdict(offered) for offered in system.formats_of(camera)],
            }
            for camera in cameras
        ],
        "virtual_cameras": [asdict(device) | asdict(system.use_of(device)) for device in virtual],
    }


def describe(offered: system.CameraFormat) -> str:
    """A format with its sizes and their highest rates, in one line."""
    sizes = (
        f"{size.width}x{size.height}" + (f"@{size.fps[0]:g}" if size.fps else "")
        for size in offered.sizes
    )
    kind = "compressed" if offered.compressed else "uncompressed"
    return f"{offered.name} ({kind}) {' '.join(sizes)}".rstrip()


def about(device: system.VirtualCameraInfo, first: bool) -> Iterator[str]:
    """What to do with a virtual camera, and who has it."""
    if first:
        yield f"choose {device.name!r} in the meeting app; `sharpcam help camera` says where"
    if device.foreign:
        yield f"another product's, left alone; to feed it, `sharpcam run --sink {device.device}`"
    use = system.use_of(device)
    if use.watchers is None:
        yield "whether a program watches cannot be told"
    elif use.programs:
        yield f"open in {', '.join(use.programs)}"
    else:
        yield "a program watches it" if use.watchers else "no program watches it"
