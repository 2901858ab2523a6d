"""I420 frames into video files, with the audio of another file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sharpcam.atomic import replacing
from sharpcam.errors import SharpCamError
from sharpcam.video import VideoTags, address, reason, start_seconds

log = logging.getLogger(__name__)

# Writers by extension: video codec, its options, audio codec where the source's cannot be copied.
# CRF 18 is visually lossless for H.264; VP9's scale is another one.
_H264 = ("libx264", {"crf": "18", "preset": "veryfast"}, "aac")
_VP9 = ("libvpx-vp9", {"crf": "24", "b": "0", "row-mt": "1", "cpu-used": "5"}, "libopus")
_WRITERS = {".mp4": _H264, ".m4v": _H264, ".mov": _H264, ".mkv": _H264, ".webm": _VP9}
OUTPUT_EXTENSIONS = frozenset(_WRITERS)

_TIME_BASE = Fraction(1, 90_000)  # exact for 24, 25, 30, 60 fps and their NTSC relatives


class VideoWriter:
    """Writes I420 frames at their own times: H.264 in mp4, mov and mkv, VP9 in webm.

    The file appears under its name when the `with` block ends without an error, else not at all.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction | float,
        audio_from: Path | None = None,
        like: VideoTags | None = None,
    ) -> None:
        """Args:
            width, height: of the frames, even.
            fps: the nominal rate; the times given to `write` count.
            audio_from: a file whose audio streams are copied as they are, or encoded anew where
                this container cannot hold them.
            like: what the pixels mean (`VideoReader.tags`); default BT.601 limited.

        Raises:
            SharpCamError: unknown extension, or the folder cannot be written.
        """
        self.path = path
        self._stack = ExitStack()
        try:
            codec, options, audio_codec = _WRITERS[path.suffix.lower()]
        except KeyError:
            raise SharpCamError(
                f"cannot write a video as {path.name!r}: unknown kind {path.suffix!r}",
                f"use one of {' '.join(sorted(_WRITERS))}",
            ) from None
        tags = like or VideoTags()
        rate = Fraction(fps).limit_denominator(1001)
        with ExitStack() as stack:
            partial = stack.enter_context(replacing(path))
            container = stack.enter_context(av.open(address(partial), "w"))
            self._container: OutputContainer = container
            stream = cast(
                VideoStream, container.add_stream(codec, rate=rate, options=dict(options))
            )
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = stream.codec_context.time_base = _TIME_BASE
            context = stream.codec_context
            context.color_range, context.colorspace = tags.color_range, tags.colorspace
            context.color_primaries, context.color_trc = tags.primaries, tags.transfer
            context.sample_aspect_ratio = tags.pixel_aspect
            if tags.rotation:
                stream.set_display_rotation(tags.rotation)
            self._stream, self._tags = stream, tags
            self._audio = _AudioCopy(container, audio_from, audio_codec, stack)
            self._stack = stack.pop_all()
        self._last_pts = -1

    def write(self, i420: NDArray[np.uint8], pts_seconds: float) -> None:
        """Append one frame, uint8 [height * 3 / 2, width], to be shown at `pts_seconds`.

        A time that is not later than the last one is moved just behind it.
        """
        frame = av.VideoFrame.from_ndarray(i420, format="yuv420p")
        frame.color_range, frame.colorspace = self._tags.color_range, self._tags.colorspace
        frame.pts = self._last_pts = max(self._last_pts + 1, round(pts_seconds / _TIME_BASE))
        frame.time_base = _TIME_BASE
        try:
            self._audio.copy_until(pts_seconds)
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._finish()
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._stack.__exit__(kind, error, trace)

    def _finish(self) -> None:
        if self._last_pts < 0:
            raise SharpCamError(f"no frame came, so {self.path} was not written", "run it longer")
        try:
            self._audio.copy_until(float("inf"))
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> SharpCamError:
        return SharpCamError(
            f"cannot write {self.path}: {reason(error)}",
            "check the free space of the disk, or write another kind of file",
        )


class _AudioCopy:
    """Copies the audio streams of a file, in step with the video so that both interleave."""

    def __init__(
        self, output: OutputContainer, source: Path | None, fallback: str, stack: ExitStack
    ) -> None:
        self._output = output
        self._targets: dict[int, tuple[AudioStream, bool]] = {}
        self._packets: Iterator[Packet[Any]] = iter(())
        self._waiting: Packet[Any] | None = None
        if source is None:
            return
        container = stack.enter_context(av.open(address(source)))
        for stream in container.streams.audio:
            copies = _takes(output.format.name, stream)
            target: Any
            if copies:
                target = output.add_stream_from_template(stream)
            else:  # Opus knows 48 kHz only
                rate = 48_000 if fallback == "libopus" else stream.rate
                target = output.add_stream(fallback, rate=rate)
            self._targets[stream.index] = (target, copies)
        if self._targets:
            self._start = start_seconds(container)
            self._packets = _packets_of(container)

    def copy_until(self, seconds: float) -> None:
        """Write what is to be heard up to `seconds`; all that is left for infinity."""
        while True:
            packet, self._waiting = self._waiting or next(self._packets, None), None
            if packet is None:
                return
            if packet.pts is not None and packet.pts * packet.time_base - self._start > seconds:
                self._waiting = packet
                return
            target, copies = self._targets[packet.stream.index]
            if not copies:  # a packet without data ends the stream and flushes the decoder
                for frame in _decoded(packet):
                    if frame.pts is not None and frame.time_base is not None:
                        frame.pts -= round(self._start / frame.time_base)
                    self._output.mux(target.encode(frame))
                if not packet.size:
                    self._output.mux(target.encode(None))
            elif packet.size:
                shift = round(self._start / packet.time_base)
                packet.pts = None if packet.pts is None else packet.pts - shift
                packet.dts = None if packet.dts is None else packet.dts - shift
                packet.stream = target
                self._output.mux(packet)


def _takes(container: str, stream: AudioStream) -> bool:
    """Whether a container holds this audio as it is. Tried, because its list of codecs promises
    more than it keeps: Opus in mov, 24 bits in mp4."""
    try:
        with av.open(BytesIO(), "w", container) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _packets_of(container: InputContainer) -> Iterator[Packet[Any]]:
    """Audio up to the end, or to where the file is damaged; `VideoReader` says that."""
    with suppress(av.FFmpegError):
        yield from container.demux(container.streams.audio)


def _decoded(packet: Packet[Any]) -> list[AudioFrame]:
    """What is damaged is silent: it must not cost the picture."""
    try:
        return cast(list[AudioFrame], packet.decode())
    except av.FFmpegError as error:
        log.info("damaged audio at %s s: %s", packet.dts, reason(error))
        return []
