"""What --source and --sink mean on this machine, before anything is opened."""

from __future__ import annotations

import difflib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from sharpcam import system
from sharpcam.assets import asset
from sharpcam.errors import SharpCamError
from sharpcam.paths import check_output, exists
from sharpcam.picture import PICTURE_EXTENSIONS
from sharpcam.video import VIDEO_EXTENSIONS
from sharpcam.video_writer import OUTPUT_EXTENSIONS

DEMO = "samples/soft.mkv"
DEMO_NAME = "the bundled clip"

VIRTUAL_SINKS = ("virtual", "loopback", "pipewire")
"""The best virtual camera, or the best of one kind."""


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """A camera or a file."""

    camera: system.CameraInfo | None = None
    file: Path | None = None
    name: str = ""
    said: str = ""
    """What to tell the person where it is not what they might expect."""

    @property
    def is_demo(self) -> bool:
        return self.name == DEMO_NAME


@dataclass(frozen=True, slots=True)
class SinkChoice:
    """Any of the sinks; several go together."""

    virtual: tuple[tuple[system.VirtualCameraInfo, ...], ...] | None = None
    """The virtual cameras to write to at once; of each, those to try, in this order. None for no
    virtual camera."""
    file: Path | None = None
    window: bool = False
    compare: bool = False
    """The file shows before and after side by side."""
    said: str = ""

    @property
    def is_live(self) -> bool:
        """Whether somebody watches as it happens."""
        return self.virtual is not None or self.window


def choose_source(text: str) -> SourceChoice:
    """auto, camera, demo, a camera's index, path, USB id or part of its name, or a file.

    Raises:
        SharpCamError: there is no such camera or file.
    """
    demo = SourceChoice(file=asset(DEMO), name=DEMO_NAME)
    if text == "demo":
        return demo
    cameras = system.cameras()
    for camera in cameras:
        if text and text in (camera.path, camera.usb_id):
            return SourceChoice(camera=camera, name=camera.name)
    if _means_file(text):
        path = Path(text)
        if problem := _no_file(path):
            raise SharpCamError(
                f"the source {text} {problem}", "give a video, a picture, or a camera's name"
            )
        return SourceChoice(file=path, name=path.name)
    if text == "auto":
        if cameras:
            return SourceChoice(camera=cameras[0], name=cameras[0].name)
        return SourceChoice(
            file=demo.file, name=demo.name, said="No camera found: playing the bundled clip."
        )
    camera = _camera(text, cameras)
    return SourceChoice(camera=camera, name=camera.name)


def choose_camera(text: str) -> SourceChoice:
    """As `choose_source`, for a program that stays: where there is no camera, nothing stands in.

    Raises:
        SharpCamError: there is no such camera or file.
    """
    return choose_source("camera" if text == "auto" else text)


def _means_file(text: str) -> bool:
    if text in ("auto", "camera") or text.isdecimal():
        return False  # even where the current folder has something of that name
    path = Path(text)
    known = path.suffix.lower() in PICTURE_EXTENSIONS | VIDEO_EXTENSIONS
    return known or "/" in text or "\\" in text or exists(path)


def _no_file(path: Path) -> str:
    """What keeps it from being read as a file; empty where nothing does."""
    try:
        if path.is_file():
            return ""
        if path.is_dir():
            return "is a folder"
        return "is not an ordinary file" if path.exists() else "does not exist"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"


def _camera(text: str, cameras: list[system.CameraInfo]) -> system.CameraInfo:
    if text == "camera" and cameras:
        return cameras[0]
    if text.isdecimal():
        # Also one that is not listed: a virtual camera as a source is somebody's own decision.
        index = int(text)
        listed = (camera for camera in cameras if camera.index == index)
        return next(listed, system.CameraInfo(index, f"camera {index}"))
    wanted = text.casefold()
    same = [camera for camera in cameras if camera.name.casefold() == wanted]
    part = [camera for camera in cameras if wanted in camera.name.casefold()]
    if found := same or part:
        return found[0]
    if not cameras:
        raise SharpCamError(
            "no camera was found" if text == "camera" else f"there is no camera {text!r}",
            f"{system.CAMERA_HINT}; or try it with --source demo",
        )
    names = {camera.name.casefold(): camera.name for camera in cameras}
    near = difflib.get_close_matches(wanted, names, 1, 0.3) or list(names)
    raise SharpCamError(
        f"there is no camera {text!r}",
        f"did you mean {names[near[0]]!r}? `sharpcam devices` lists them",
    )


def choose_sink(
    text: str, *, compare: bool, overwrite: bool, source: Path | None, folder: Path
) -> SinkChoice:
    """auto, null, a video file to write, or one or several of virtual, loopback, pipewire, a
    virtual camera's device and window, with commas between them.

    Args:
        source: the file that is read, which must not be written over.
        folder: where a recording goes that has no name yet.

    Raises:
        SharpCamError: the file cannot be one, exists already, or is the source.
    """
    if text == "auto":
        if virtual := virtual_cameras("auto"):
            return SinkChoice(virtual=(tuple(virtual),))
        path = fresh_name(folder)
        said = f"No virtual camera found: recording before and after to {path.name}."
        return SinkChoice(file=path, window=system.has_screen(), compare=True, said=said)
    if text == "null":
        return SinkChoice()
    words = list(dict.fromkeys(text.split(",")))
    devices = {camera.device for camera in system.virtual_cameras()}
    if set(words) <= {*VIRTUAL_SINKS, *devices, "window"}:
        asked = tuple(tuple(virtual_cameras(word)) for word in words if word != "window")
        return SinkChoice(virtual=asked or None, window="window" in words)
    path = Path(text)
    if path.suffix.lower() not in OUTPUT_EXTENSIONS:
        raise SharpCamError(
            f"unknown sink {text!r}",
            f"give {', '.join(VIRTUAL_SINKS)}, window, null or a file "
            f"*{' *'.join(sorted(OUTPUT_EXTENSIONS))}",
        )
    check_output(path, source, overwrite)
    return SinkChoice(file=path, compare=compare)


def virtual_cameras(kind: str) -> list[system.VirtualCameraInfo]:
    """Those that a word means, the best one first: auto or virtual for all, a part of the name of
    what carries the picture, or one device like /dev/video10. Another product's are taken only when
    they are named."""
    cameras = system.virtual_cameras()
    if named := [camera for camera in cameras if kind == camera.device]:
        return named
    known = kind in ("auto", "virtual")
    return [it for it in cameras if not it.foreign and (known or kind in it.backend)]


def fresh_name(folder: Path) -> Path:
    """A name for a recording: sharpcam-20261231-235959-4711.mp4, with the number of the process,
    because a recording appears at its end only: another one may have begun in the same second."""
    return folder / time.strftime(f"sharpcam-%Y%m%d-%H%M%S-{os.getpid()}.mp4")
