"""Video files as I420 frames with their times. With `video_writer.py`, all that knows PyAV.

Pixels keep the matrix (BT.601, BT.709) and the range (limited, full) of the file they came from:
nothing is converted that need not be, and `VideoTags` carries what a player must know from reader
to writer. A frame with an odd side loses its last column or row, because I420 has even sides.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from sharpcam.errors import SharpCamError

log = logging.getLogger(__name__)

VIDEO_EXTENSIONS = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mjpeg", ".ts", ".mts", ".m2ts", ".mpg")
    + (".mpeg", ".wmv", ".flv", ".ogv", ".3gp", ".y4m", ".264", ".h264", ".265", ".hevc")
)
"""What counts as a video in a folder; a file given by name is tried whatever its name is."""

_LIMITED, _FULL = 1, 2  # AVColorRange
_BT601 = 6  # AVColorSpace SMPTE170M
_SWS_MATRIX = {1: 1, 4: 4, 7: 7, 9: 9, 10: 9}  # AVColorSpace to swscale's; BT.601 for all others


@dataclass(frozen=True, slots=True)
class VideoTags:
    """What a player must know to show the same picture; numbers as in FFmpeg and ITU-T H.273.

    The defaults say what OpenCV's conversion from BGR to I420 makes: BT.601, limited range.
    """

    color_range: int = _LIMITED
    """0 unspecified, 1 limited (16 to 235), 2 full (0 to 255)."""
    colorspace: int = _BT601
    """The matrix: 1 BT.709, 2 unspecified, 5 and 6 BT.601, 9 BT.2020."""
    primaries: int = 2
    transfer: int = 2
    rotation: int = 0
    """Degrees counter-clockwise that a player turns the picture by."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel over its height."""


class VideoReader:
    """A video file as I420 frames: `with VideoReader(path) as video: for i420, seconds in video`.

    Each frame is an array of its own. Can be iterated once.
    """

    def __init__(self, path: Path, as_camera: bool = False) -> None:
        """Open the file and decode its first frame.

        Args:
            as_camera: frames as a camera gives them, BT.601 limited, whatever the file has: what
                windows and virtual cameras take them for.

        Raises:
            SharpCamError: missing, empty, not a video, cut short, or nothing in it can be decoded.
        """
        if not path.is_file():
            raise SharpCamError(f"there is no file {path}", "check the name and the folder")
        if not path.stat().st_size:
            raise SharpCamError(f"{path} is empty (0 bytes)", "copy or download it again")
        self.path = path
        self._as_camera = as_camera
        try:
            self._container: InputContainer = av.open(address(path))
        except (av.FFmpegError, OSError) as error:
            raise SharpCamError(
                f"cannot read {path} as a video: {reason(error)}",
                "it is damaged, cut short or of another kind: copy it again, "
                "and check that a player shows it",
            ) from error
        try:
            self._open_stream()
        except BaseException:
            self._container.close()
            raise

    def _open_stream(self) -> None:
        streams = self._container.streams.video
        if not streams:
            raise SharpCamError(f"{self.path} has no video in it", "give a file with a picture")
        self._stream = stream = streams[0]
        _refuse_truncated(self._container, self.path)
        stream.thread_type = "AUTO"
        self._frames = self._decode()
        try:
            self._first = next(self._frames)
        except StopIteration:
            raise SharpCamError(
                f"no frame of {self.path} can be decoded",
                "it is damaged or cut short: copy it again, and check that a player shows it",
            ) from None
        self.width, self.height = self._first.width & ~1, self._first.height & ~1
        if not self.width or not self.height:
            raise SharpCamError(f"{self.path} is one pixel wide or high", "give a larger video")
        self.fps: Fraction = stream.average_rate or stream.guessed_rate or Fraction(30)
        self.frame_count: int | None = stream.frames or None
        """As the container declares it; None where it does not."""
        self.duration: float | None = (
            self._container.duration / av.time_base if self._container.duration else None
        )
        """Seconds, of the longest stream."""
        self.has_audio = bool(self._container.streams.audio)
        self._coded = self.tags = _tags_of(self._first, stream)
        if self._as_camera:
            plain = VideoTags()
            self.tags = replace(
                self._coded,
                color_range=plain.color_range,
                colorspace=plain.colorspace,
                primaries=plain.primaries,
                transfer=plain.transfer,
            )

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], float]]:
        """Yield (uint8 [height * 3 / 2, width], seconds since the file's start), in order."""
        start = start_seconds(self._container)
        for index, frame in enumerate(chain((self._first,), self._frames)):
            # Raw streams (.264) carry no times of their own.
            seconds = float(index / self.fps) if frame.time is None else frame.time - start
            yield self._to_i420(frame), seconds

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Every frame that can be decoded; damaged packets are logged and left out."""
        damaged = 0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.FFmpegError as error:
                    damaged += 1
                    if damaged == 1:
                        log.warning("%s: damaged at %s s: %s", self.path, packet.dts, error)
        except av.FFmpegError as error:
            log.warning("%s ends early: %s", self.path, reason(error))

    def _to_i420(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        size = self._first.width, self._first.height
        planar = frame.format.name in ("yuv420p", "yuvj420p")
        coded, wanted = _meaning(self._coded), _meaning(self.tags)
        if not planar or (frame.width, frame.height) != size or coded != wanted:
            rgb = frame.format.is_rgb
            frame = frame.reformat(
                *size,  # a stream may change its size on the way
                format="yuv420p",
                interpolation=Interpolation.BICUBIC,
                src_colorspace=coded[0],
                dst_colorspace=wanted[0],
                src_color_range=_FULL if rgb else coded[1],
                dst_color_range=wanted[1],
            )
        half = self.height // 2
        i420 = np.empty((self.height + half, self.width), np.uint8)
        chroma = i420[self.height :].reshape(self.height, self.width // 2)
        targets = i420[: self.height], chroma[:half], chroma[half:]
        for target, plane in zip(targets, frame.planes, strict=True):
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            target[:] = rows[: target.shape[0], : target.shape[1]]
        return i420

    def close(self) -> None:
        # The generator holds us, and we hold it: the decoder's threads would live until Python
        # looks for cycles.
        self._frames = iter(())
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def address(path: Path) -> str:
    """For FFmpeg, which would take 12:30.mp4 for a protocol."""
    return str(path.absolute())


def start_seconds(container: InputContainer) -> float:
    """Where the file's clock starts, so that it can start at 0; audio may begin before that."""
    return max(0.0, (container.start_time or 0) / av.time_base)


def _refuse_truncated(container: InputContainer, path: Path) -> None:
    """An mp4 lists where its samples lie; a list that points behind the end means lost data."""
    if "mp4" not in container.format.name:
        return
    end = max(
        (entry.pos + entry.size for stream in container.streams for entry in _last_entry(stream)),
        default=0,
    )
    if end > path.stat().st_size:
        raise SharpCamError(
            f"{path} is cut short: {path.stat().st_size} of at least {end} bytes are there",
            "copy or download it again",
        )


def _last_entry(stream: Any) -> list[Any]:
    entries = stream.index_entries
    return [entries[len(entries) - 1]] if len(entries) else []


def _tags_of(frame: av.VideoFrame, stream: av.VideoStream) -> VideoTags:
    if frame.format.is_rgb:  # converted on reading
        return VideoTags(rotation=frame.rotation)
    return VideoTags(
        color_range=_FULL if frame.format.name.startswith("yuvj") else int(frame.color_range),
        colorspace=int(frame.colorspace),
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        rotation=frame.rotation,
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
    )


def _meaning(tags: VideoTags) -> tuple[int, int]:
    """Matrix and range for swscale; what is not said is BT.601 and limited."""
    return _SWS_MATRIX.get(tags.colorspace, 5), tags.color_range or _LIMITED


def reason(error: Exception) -> str:
    """What FFmpeg or the system says, without its numbers."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
