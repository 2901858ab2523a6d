"""Open what was chosen: the one way to a camera or a file, and to the virtual cameras.

Sources are opened in a capture thread, virtual cameras in the pipeline's.
"""

from __future__ import annotations

from collections.abc import Iterator

from sharpcam import system
from sharpcam.camera import CameraSource
from sharpcam.choose import SourceChoice, virtual_cameras
from sharpcam.errors import SharpCamError
from sharpcam.sink import Sink, StreamFormat, VirtualCameraSink
from sharpcam.source import FileSource, Source


def open_source(
    choice: SourceChoice,
    size: tuple[int, int],
    fps: float,
    *,
    live: bool = True,
    loop: bool = False,
    seconds: float | None = None,
) -> Source:
    """Open a camera where it is now, or a file.

    Args:
        choice: may have been made some time ago.
        size, fps: asked of a camera.
        live, loop, seconds: how a file is played, see `FileSource`.

    Raises:
        SharpCamError: it is not there, or cannot be opened.
    """
    if choice.camera:
        return CameraSource(found_again(choice.camera), size, fps)
    assert choice.file is not None
    return FileSource(choice.file, live=live, loop=loop, seconds=seconds, name=choice.name)


def found_again(camera: system.CameraInfo) -> system.CameraInfo:
    """The same camera where the system has it now: when devices come and go, its index may have
    become that of another camera, which must not be shown instead.

    Raises:
        SharpCamError: it is not there.
    """
    if not camera.backend:
        return camera  # was never listed
    same = [
        found
        for found in system.cameras()
        if (found.name, found.usb_id) == (camera.name, camera.usb_id)
    ]
    if not same:
        raise SharpCamError(f"camera unplugged: {camera.name}", system.CAMERA_HINT)
    return next((found for found in same if found.path == camera.path), same[0])


def open_virtual_cameras(stream: StreamFormat, kinds: tuple[str, ...]) -> Iterator[Sink]:
    """The best virtual camera of each kind that the setting `sinks` names, one after the other."""
    for kind in kinds:
        yield VirtualCameraSink(stream, virtual_cameras(kind))
