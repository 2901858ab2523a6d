"""The frame path in the bench: what it takes to bring a camera's picture to the virtual camera.

Stage by stage, the time and how much memory is written; and the whole at a camera's pace, through
the real camera source and the real pipeline: CPU time per published frame, all threads together,
and how much later than the camera the virtual camera has the picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from sharpcam.bench_frames import as_jpeg, as_yuyv, clip_frames
from sharpcam.bench_turns import FEWEST
from sharpcam.buffers import Buffers
from sharpcam.camera import CameraSource
from sharpcam.denoise import TemporalDenoiser
from sharpcam.enhancer import Enhancer
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.mjpeg import JpegDecoder, fastest
from sharpcam.pipeline import Pipeline
from sharpcam.sink import NullSink
from sharpcam.system import CameraInfo
from sharpcam.yuv import from_bgr, from_planes, from_yuyv

SIZES = ((1280, 720), (1920, 1080))
INPUTS = ("MJPG", "YUYV", "MJPG by BGR")
"""Two formats that are taken as they are sent; and where OpenCV gives BGR alone."""
FPS = 30.0
WARM_UP, WARM_UP_S = 10, 0.5
"""Frames that are not counted, and after how many seconds no more of them are needed."""

Picture = NDArray[np.uint8]


@dataclass(slots=True)
class PathCase:
    """One size in one format with one number of threads, its times and what it writes."""

    width: int
    height: int
    sends: str
    """One of INPUTS."""
    threads: int
    """For the student: the governor takes one where that is enough."""
    enhancer: Enhancer
    sent: list[Picture]
    times: dict[str, list[float]] = field(default_factory=dict)
    """Seconds per frame, by stage."""
    written: dict[str, int] = field(default_factory=dict)
    """Bytes per frame, by stage: of all that it makes or copies, the camera driver's part left
    out."""
    cpu: list[float] = field(default_factory=list)
    """Seconds per published frame, one figure per turn."""
    delays: list[float] = field(default_factory=list)
    """Seconds from the camera's picture to the published one."""
    dropped: int = 0
    """Frames that the camera sent and nobody was shown; their decoding counts as CPU time."""
    _decoder: JpegDecoder = field(default_factory=fastest)
    _buffers: Buffers = field(default_factory=Buffers)
    _denoiser: TemporalDenoiser = field(default_factory=TemporalDenoiser)
    _virtual: Picture = field(init=False)

    def __post_init__(self) -> None:
        self._virtual = np.empty((self.height * 3 // 2, self.width), np.uint8)

    def run_stages(self, index: int) -> None:
        """Take one frame through every stage and note the times."""
        sent = self.sent[index % len(self.sent)]
        i420 = self._buffers.take(self._virtual.shape)
        if self.sends == "MJPG":
            planes = self._timed("decode", lambda: self._decoder.planes(sent))
            assert planes
            self.written["decode"] = sum(p.nbytes for p in (planes.y, *(planes.chroma or ())))
            self._timed("colour", lambda: from_planes(planes, i420))
        elif self.sends == "YUYV":
            self._timed("colour", lambda: from_yuyv(sent, i420))
        else:
            bgr = self._timed("decode", lambda: np.asarray(cv2.imdecode(sent, cv2.IMREAD_COLOR)))
            self.written["decode"] = bgr.nbytes
            self._timed("colour", lambda: from_bgr(bgr, i420))
        quiet = self._timed("denoise", lambda: self._denoiser.denoise(i420[: self.height]))
        sharp = self._timed("enhance", lambda: self.enhancer.enhance(quiet, 1.0))
        after = self._buffers.take(self._virtual.shape)
        self._timed("publish", lambda: self._publish(sharp, i420, after))
        # The denoiser writes averages of two bytes each beside its picture.
        self.written |= {"colour": i420.nbytes, "denoise": 3 * quiet.nbytes}
        self.written["enhance"] = sharp.nbytes
        self.written["publish"] = after.nbytes + self._virtual.nbytes

    def _publish(self, sharp: Picture, i420: Picture, after: Picture) -> None:
        """As the guard and a virtual camera do."""
        after[: self.height], after[self.height :] = sharp, i420[self.height :]
        np.copyto(self._virtual, after)

    def _timed(self, stage: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        self.times.setdefault(stage, []).append(time.perf_counter() - start)
        return result

    def run_pipeline(self, seconds: float) -> None:
        """Let frames flow at a camera's pace for so long.

        Raises:
            SharpCamError: the student fails.
        """
        sink = _VirtualCamera(seconds, lambda: pipeline.stop())
        raw = self.sends in ("MJPG", "YUYV")
        info = CameraInfo(0, "bench", backend=cv2.CAP_V4L2 if raw else cv2.CAP_DSHOW)
        pipeline = Pipeline(
            lambda: CameraSource(
                info,
                (self.width, self.height),
                FPS,
                open_capture=lambda *_: _Capture(self.sent, self.sends),
            ),
            lambda stream: iter([sink]),
            self.enhancer,
        )
        status = pipeline.run()
        if reason := pipeline.bypassed:
            raise SharpCamError(f"the student fails: {reason}", "try another --model")
        self.cpu.append(sink.cpu_per_frame)
        self.delays += sink.delays
        self.dropped += status.dropped

    def figures(self) -> dict[str, Any]:
        """Medians and 95th percentiles in ms, and megabytes."""
        return {
            "size": f"{self.width}x{self.height}",
            "input": self.sends,
            "threads": self.threads,
            "decoder": self._decoder.name if self.sends == "MJPG" else "OpenCV",
            "stages": {
                stage: _spread(seconds) | {"megabytes": round(self.written[stage] / 1e6, 2)}
                for stage, seconds in self.times.items()
            },
            "megabytes": round(sum(self.written.values()) / 1e6, 2),
            "cpu_ms": round(float(np.median(self.cpu)) * 1000, 3),
            "delay": _spread(self.delays),
            "frames": len(self.delays),
            "dropped": self.dropped,
        }


def _spread(seconds: list[float]) -> dict[str, float]:
    median, p95 = np.percentile(np.array(seconds), (50, 95)) * 1e3
    return {"median_ms": round(float(median), 3), "p95_ms": round(float(p95), 3)}


class _Capture:
    """Has the interface of cv2.VideoCapture; a camera that keeps its pace."""

    def __init__(self, sent: list[Picture], sends: str) -> None:
        self._sent, self._sends = sent, sends
        self._due = time.monotonic()
        self._index = 0

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def set(self, name: int, value: float) -> bool:
        return True

    def get(self, name: int) -> float:
        code = cv2.VideoWriter.fourcc(*self._sends[:4])
        return float(code if name == cv2.CAP_PROP_FOURCC else FPS)

    def grab(self) -> bool:
        late = time.monotonic() - self._due
        if late < 0:
            time.sleep(-late)
        missed = max(0, int(late * FPS))  # a camera does not wait for who comes late
        self._due += (1 + missed) / FPS
        self._index += 1  # never the same one again, which would not be restored again
        return True

    def retrieve(self, image: Picture | None = None) -> tuple[bool, Picture]:
        sent = self._sent[self._index % len(self._sent)]
        if self._sends not in ("MJPG", "YUYV"):
            return True, np.asarray(cv2.imdecode(sent, cv2.IMREAD_COLOR), np.uint8)
        if image is None or image.shape != sent.shape:
            return True, sent.copy()
        np.copyto(image, sent)
        return True, image

    def release(self) -> None:
        pass


class _VirtualCamera(NullSink):
    """Takes a copy, as a driver does, and notes when it has it."""

    def __init__(self, seconds: float, stop: Callable[[], None]) -> None:
        self.delays: list[float] = []
        self._seconds, self._stop = seconds, stop
        self._copy = np.empty(0, np.uint8)
        self._frames = 0
        self._start = time.monotonic()
        self._first = self._last = 0.0, 0.0

    def send(self, after: Frame, before: Frame) -> None:
        if self._copy.shape != after.i420.shape:
            self._copy = np.empty_like(after.i420)
        np.copyto(self._copy, after.i420)
        now = time.monotonic(), time.process_time()
        self._frames += 1
        warm = self._frames > WARM_UP or now[0] - self._start >= WARM_UP_S
        if self._frames == 1 or not warm:
            self._first = now
            return
        self._last = now
        self.delays.append(now[0] - after.captured_at)
        if len(self.delays) >= FEWEST and now[0] - self._first[0] >= self._seconds:
            self._stop()

    @property
    def cpu_per_frame(self) -> float:
        """Seconds of the whole process."""
        return (self._last[1] - self._first[1]) / len(self.delays)


def paths_of(enhancers: Mapping[int, Enhancer]) -> list[PathCase]:
    """Every size in every format with every number of threads: its enhancer."""
    code = {"MJPG": as_jpeg, "YUYV": as_yuyv, "MJPG by BGR": as_jpeg}
    return [
        PathCase(*size, sends, threads, enhancer, sent)
        for size in SIZES
        for frames in [clip_frames(*size)]
        for sends in INPUTS
        for sent in [[code[sends](i420) for i420 in frames]]
        for threads, enhancer in enhancers.items()
    ]


def path_table(results: list[dict[str, Any]]) -> Table:
    """A line per case."""
    stages = ("decode", "colour", "denoise", "enhance", "publish")
    grid = Table(title="the frame path: ms per frame, MB written; the whole at 30 FPS")
    last = ("MB", "CPU ms", "added delay ms", "dropped")
    for column in ("size", "camera sends", "threads", *stages, *last):
        grid.add_column(column, justify="right")
    for result in results:
        cells = [
            f"{stage['median_ms']:.2f}, {stage['megabytes']:.1f}" if stage else ""
            for stage in (result["stages"].get(name) for name in stages)
        ]
        delay = f"{result['delay']['median_ms']:.1f} / {result['delay']['p95_ms']:.1f}"
        sent = result["frames"] + result["dropped"]
        whole = (
            *(f"{result['megabytes']:.1f}", f"{result['cpu_ms']:.1f}"),
            *(delay, f"{result['dropped']} of {sent}"),
        )
        about = result["size"], result["input"], str(result["threads"])
        grid.add_row(*about, *cells, *whole)
    return grid
