"""Sink: where frames go. The virtual camera, a file, nowhere; the window is in `window.py`.

The pipeline thread opens, feeds and closes a sink; nobody else touches it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyvirtualcam

from sharpcam import system
from sharpcam.compare import side_by_side
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.video import VideoTags
from sharpcam.video_writer import VideoWriter

for _name, _backend in system.BACKENDS.items():
    pyvirtualcam.register_backend(_name, _backend)


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a sink is opened for; it stays the same until the sink is closed."""

    width: int
    height: int
    fps: float
    """Nominal; the frames' own times count."""
    tags: VideoTags = field(default_factory=VideoTags)


class Sink(Protocol):
    """Takes frames of one size. A context manager; what it holds is released at the end."""

    name: str
    """As people know it."""

    def send(self, after: Frame, before: Frame) -> None:
        """Take one frame, and the one it was made from; both are valid during the call only.

        Raises:
            SharpCamError: it cannot take frames any more.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class VirtualCameraSink:
    """A virtual camera that meeting apps list; I420 goes in as it is."""

    def __init__(
        self,
        stream: StreamFormat,
        candidates: list[system.VirtualCameraInfo],
    ) -> None:
        """Open the first of `candidates` that can be opened.

        Raises:
            SharpCamError: none can, with what each of them said.
        """
        self._camera: Any = None
        said: list[str] = []
        for candidate in candidates:
            if candidate.backend not in pyvirtualcam.camera.BACKENDS:
                said.append(f"{candidate.name}: pyvirtualcam knows no {candidate.backend} here")
                continue
            try:
                # The camera's clock paces us: pyvirtualcam's own sleeping would only add delay.
                self._camera = pyvirtualcam.Camera(
                    stream.width,
                    stream.height,
                    stream.fps,
                    fmt=pyvirtualcam.PixelFormat.I420,
                    device=candidate.device,
                    backend=candidate.backend,
                )
            except (RuntimeError, OSError, ValueError) as error:
                said.append(f"{candidate.name}: {' '.join(str(error).split())}")
            else:
                self.name = candidate.name
                return
        detail = "; ".join(said) or "none is installed"
        raise SharpCamError(
            f"no virtual camera can be opened ({detail})", system.VIRTUAL_CAMERA_HINT
        )

    def send(self, after: Frame, before: Frame) -> None:
        try:
            self._camera.send(after.i420.reshape(-1))
        except (RuntimeError, OSError) as error:
            raise SharpCamError(
                f"the virtual camera {self.name} takes no pictures any more: {error}",
                "close other programs that write to it, then start again",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._camera.close()


class FileSink:
    """A video file; with `compare`, before and after side by side.

    It appears under its name when the run ends without an error, else not at all.
    """

    def __init__(self, path: Path, stream: StreamFormat, compare: bool = False) -> None:
        """Raises SharpCamError: unknown extension, or the folder cannot be written."""
        self.name = str(path)
        self._compare = compare
        self._start: float | None = None
        self._stack = ExitStack()
        width = 2 * stream.width if compare else stream.width
        self._writer = self._stack.enter_context(
            VideoWriter(path, width, stream.height, stream.fps, like=stream.tags)
        )

    def send(self, after: Frame, before: Frame) -> None:
        if self._start is None:
            self._start = after.pts
        i420 = side_by_side(before, after) if self._compare else after.i420
        self._writer.write(i420, after.pts - self._start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


class NullSink:
    """Nowhere: for measuring, and for learning a camera's profile."""

    name = "nowhere"

    def send(self, after: Frame, before: Frame) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
