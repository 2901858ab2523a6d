"""Video files made for the tests, by PyAV and not by our own writer."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Stream
from numpy.typing import NDArray

SAMPLE = Path(__file__).parents[1] / "assets" / "samples" / "yes.mkv"
COLOURS = ((110, 90, 200), (60, 160, 120), (180, 120, 60))


def gradient(width: int, height: int, index: int) -> NDArray[np.uint8]:
    """A smooth RGB picture that moves: uint8 [H, W, 3]."""
    ramp = np.add.outer(np.arange(height), np.arange(width) + 4 * index) * 160 // (width + height)
    return np.stack([ramp + 40, 220 - ramp, np.full_like(ramp, 90)], -1).astype(np.uint8)


def write_clip(
    path: Path,
    frames: int = 12,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: list[float] | None = None,
    tone: str | None = None,
    **tags: Any,
) -> Path:
    """A clip of `frames` at 25 per second, or at `times`; `tone` names the codec of its audio."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000)
        rotation = tags.pop("rotation", 0)
        if rotation:
            stream.set_display_rotation(rotation)
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        audio: Any = container.add_stream(tone, rate=48_000) if tone else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(gradient(*size, index), format="rgb24")
            frame = frame.reformat(
                format=pix_fmt,
                dst_colorspace={1: 1}.get(tags.get("colorspace", 6), 5),
                dst_color_range=tags.get("color_range", 1),
            )
            for name in ("color_range", "colorspace"):
                setattr(frame, name, tags.get(name, getattr(frame, name)))
            frame.pts = round(1000 * (times[index] if times else index / 25))
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio:
            _write_tone(container, audio, frames / 25)
    return path


def _write_tone(container: Any, stream: Any, seconds: float) -> None:
    count = int(48_000 * seconds)
    wave = np.sin(np.arange(count) * 2 * np.pi * 440 / 48_000).astype(np.float32) * 0.3
    for start in range(0, count, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_tone_only(path: Path) -> Path:
    """A file with audio and no video."""
    with av.open(str(path), "w") as container:
        _write_tone(container, container.add_stream("aac", rate=48_000), 0.5)
    return path


def audio_packets(path: Path) -> list[bytes]:
    """The coded audio, packet by packet."""
    with av.open(str(path)) as container:
        return _packets(container, container.streams.audio)


def video_packets(path: Path) -> list[bytes]:
    """The coded pictures, packet by packet."""
    with av.open(str(path)) as container:
        return _packets(container, container.streams.video)


def _packets(container: InputContainer, streams: Iterable[Stream]) -> list[bytes]:
    return [bytes(packet) for packet in container.demux(*streams) if packet.size]


def audio_of(path: Path) -> tuple[str, float]:
    """Codec and seconds of the first audio stream, by decoding it."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        return stream.codec_context.name, samples / stream.rate


def rgb_frames(path: Path) -> list[NDArray[np.uint8]]:
    """What a player shows: uint8 [H, W, 3] by the file's own tags."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
