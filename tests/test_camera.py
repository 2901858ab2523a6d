"""CameraSource with a driver that is made up: what it is asked, and what its moods lead to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sharpcam import system
from sharpcam.camera import (
    FAILED_READS,
    MJPG,
    READ_TIMEOUT_MS,
    SILENT_SECONDS,
    CameraSource,
)
from sharpcam.errors import SharpCamError
from sharpcam.freeze import FROZEN_SECONDS, NOISY_CHANGES
from sharpcam.source import SourceLostError

Picture = NDArray[np.uint8]
INFO = system.CameraInfo(3, "Acme Cam", "/dev/video3", "1234:5678", cv2.CAP_V4L2)
ANY = system.CameraInfo(7, "camera 7")
WANTED = [
    *(cv2.CAP_PROP_FOURCC, MJPG),
    *(cv2.CAP_PROP_FRAME_WIDTH, 1280),
    *(cv2.CAP_PROP_FRAME_HEIGHT, 720),
    *(cv2.CAP_PROP_FPS, 30),
]
GRAB_SECONDS, RETRIEVE_SECONDS = 0.02, 0.003

FAILED, SILENT, BROKEN, EMPTY, RAISES = "failed", "silent", "broken", "empty", "raises"
"""What a read may come to instead of a picture: `grab` says no at once, or after a long wait;
`retrieve` says no, or hands out nothing; OpenCV raises."""


CONVERTED: dict[str, Callable[[Picture], Picture]] = {
    "MJPG": lambda sent: np.asarray(cv2.imdecode(sent, cv2.IMREAD_COLOR)),
    "YUYV": lambda sent: np.asarray(cv2.cvtColor(sent, cv2.COLOR_YUV2BGR_YUYV)),
    "YU12": lambda sent: np.asarray(cv2.cvtColor(sent, cv2.COLOR_YUV2BGR_I420)),
    "BGR3": lambda sent: sent,
}
"""What OpenCV makes of each format unless it is asked not to."""


class FakeCapture:
    """Has the interface of cv2.VideoCapture; follows its script, then fails for ever."""

    def __init__(
        self,
        script: Sequence[Picture | str] = (),
        *,
        opens: bool = True,
        fps: float = 25.0,
        set_raises: bool = False,
        sends: str = "",
    ) -> None:
        self.released = self.grabs = 0
        self.was_set: list[tuple[int, float]] = []
        self.now = 50.0
        self._script, self._opens, self._fps = list(script), opens, fps
        self._set_raises = set_raises
        self._sends = sends
        self.raw = False
        """Hands out what the script has, and else what OpenCV would make of it."""
        self._step: Picture | str = FAILED

    def clock(self) -> float:
        return self.now

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self._opens and not self.released

    def set(self, name: int, value: float) -> bool:
        self.was_set.append((name, value))
        if self._set_raises:
            raise cv2.error("not supported")
        if name == cv2.CAP_PROP_CONVERT_RGB:
            self.raw = not value
        return True

    def get(self, name: int) -> float:
        assert not self.released
        if name == cv2.CAP_PROP_FOURCC and self._sends:
            return float(cv2.VideoWriter.fourcc(*self._sends))
        return self._fps if name == cv2.CAP_PROP_FPS else 9999.0

    def grab(self) -> bool:
        assert not self.released, "grab after release"
        self.grabs += 1
        self._step = self._script.pop(0) if self._script else FAILED
        mood = self._step if isinstance(self._step, str) else ""
        self.now += SILENT_SECONDS + 0.5 if mood == SILENT else GRAB_SECONDS
        if mood == RAISES:
            raise cv2.error("select timeout")
        return mood not in (FAILED, SILENT)

    def retrieve(self, image: Picture | None = None) -> tuple[bool, Picture | None]:
        self.now += RETRIEVE_SECONDS
        if isinstance(self._step, str):
            return self._step == EMPTY, None
        sent = self._step
        if self._sends and not self.raw:
            sent = CONVERTED[self._sends](sent)
        if image is not None and image.shape == sent.shape:
            image[:] = sent
            return True, image
        return True, sent.copy()

    def release(self) -> None:
        self.released += 1


class FakeDriver:
    """Hands out the given captures one after the other and keeps what it was asked for."""

    def __init__(self, *captures: FakeCapture | cv2.error) -> None:
        self.asked: list[tuple[int, int, list[int]]] = []
        self._captures = list(captures)

    def __call__(self, index: int, backend: int, parameters: list[int]) -> Any:
        self.asked.append((index, backend, parameters))
        capture = self._captures.pop(0)
        if isinstance(capture, cv2.error):
            raise capture
        return capture


def bgr(level: int = 100, width: int = 64, height: int = 48) -> Picture:
    return np.full((height, width, 3), level, np.uint8)


def opened(capture: FakeCapture, **options: Any) -> CameraSource:
    return CameraSource(INFO, open_capture=FakeDriver(capture), clock=capture.clock, **options)


def levels(camera: CameraSource, count: int) -> list[int]:
    """The grey levels of the next pictures, as they were given to `bgr`, to ten."""
    frames = [camera.read() for _ in range(count)]
    return [round((int(frame.y[0, 0]) - 16) * 25.5 / 219) * 10 for frame in frames if frame]


def test_mjpg_size_and_rate_are_asked_for_when_it_is_opened() -> None:
    capture = FakeCapture([bgr()])
    driver = FakeDriver(capture)
    CameraSource(INFO, open_capture=driver, clock=capture.clock)
    assert driver.asked == [(3, cv2.CAP_V4L2, WANTED)]
    assert WANTED[:2] == [cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")]
    assert capture.was_set == [(cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS)]


def test_another_size_and_rate_can_be_asked_for() -> None:
    capture = FakeCapture([bgr()])
    driver = FakeDriver(capture)
    CameraSource(INFO, (640, 480), 59.94, open_capture=driver, clock=capture.clock)
    assert driver.asked[0][2][3::2] == [640, 480, 60]
    assert all(isinstance(value, int) for value in driver.asked[0][2])


@pytest.mark.parametrize("refusal", [FakeCapture(opens=False), cv2.error("bad parameters")])
def test_a_driver_that_refuses_parameters_is_told_afterwards(
    refusal: FakeCapture | cv2.error,
) -> None:
    capture = FakeCapture([bgr()])
    driver = FakeDriver(refusal, capture)
    CameraSource(INFO, open_capture=driver, clock=capture.clock)
    assert driver.asked == [(3, cv2.CAP_V4L2, WANTED), (3, cv2.CAP_V4L2, [])]
    assert capture.was_set[:4] == list(zip(WANTED[::2], WANTED[1::2], strict=True))
    assert not isinstance(refusal, FakeCapture) or refusal.released == 1
    assert capture.released == 0


def test_a_driver_that_cannot_be_told_anything_is_used_as_it_is() -> None:
    capture = FakeCapture([bgr()], set_raises=True)
    driver = FakeDriver(FakeCapture(opens=False), capture)
    camera = CameraSource(INFO, open_capture=driver, clock=capture.clock)
    assert len(capture.was_set) == 5
    assert camera.read() is not None


def test_an_unlisted_camera_is_tried_with_every_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "CAMERA_BACKENDS", (cv2.CAP_DSHOW, cv2.CAP_MSMF))
    closed = [FakeCapture(opens=False) for _ in range(3)]
    capture = FakeCapture([bgr()])
    driver = FakeDriver(*closed, capture)
    CameraSource(ANY, open_capture=driver, clock=capture.clock)
    assert [(index, backend, bool(given)) for index, backend, given in driver.asked] == [
        (7, cv2.CAP_DSHOW, True),
        (7, cv2.CAP_DSHOW, False),
        (7, cv2.CAP_MSMF, True),
        (7, cv2.CAP_MSMF, False),
    ]
    assert [refused.released for refused in closed] == [1, 1, 1]


def test_a_camera_that_cannot_be_opened_is_refused_with_a_hint() -> None:
    captures = [FakeCapture(opens=False), FakeCapture(opens=False)]
    with pytest.raises(SharpCamError, match="cannot open Acme Cam") as caught:
        CameraSource(INFO, open_capture=FakeDriver(*captures))
    assert system.CAMERA_HINT in caught.value.hint
    assert [capture.released for capture in captures] == [1, 1]


@pytest.mark.parametrize(
    "driver",
    [
        FakeDriver(FakeCapture(opens=False), FakeCapture(opens=False)),
        FakeDriver(FakeCapture([FAILED] * 100)),
    ],
)
def test_a_camera_that_another_program_holds_is_called_busy_and_by_whom(
    driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = {INFO.path: ["cheese", "zoom"]}
    monkeypatch.setattr(system, "users_of", lambda path: users[path])
    with pytest.raises(SharpCamError, match="busy: Acme Cam is used by cheese, zoom") as caught:
        CameraSource(INFO, open_capture=driver)
    assert caught.value.hint == "close cheese, zoom"


def test_opencv_itself_understands_what_it_is_asked_and_keeps_quiet(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SharpCamError, match="cannot open none"):
        CameraSource(system.CameraInfo(99, "none"))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mood", [FAILED, SILENT, BROKEN, EMPTY, RAISES])
def test_a_camera_without_a_picture_is_refused_and_released(mood: str) -> None:
    capture = FakeCapture([mood] * 100)
    with pytest.raises(SharpCamError, match="Acme Cam gives no picture") as caught:
        opened(capture)
    assert caught.value.hint
    assert capture.released == 1
    assert capture.grabs == (1 if mood == SILENT else FAILED_READS)


def test_pictures_too_small_to_have_colour_are_no_pictures() -> None:
    capture = FakeCapture([bgr(width=1)] * 100)
    with pytest.raises(SharpCamError, match="gives no picture"):
        opened(capture)
    assert capture.released == 1


def test_what_the_camera_really_gives_counts() -> None:
    camera = opened(FakeCapture([bgr(width=640, height=360)], fps=15.0), size=(1280, 720), fps=30)
    assert (camera.width, camera.height, camera.fps) == (640, 360, 15.0)
    assert (camera.name, camera.live) == ("Acme Cam", True)


@pytest.mark.parametrize("nonsense", [0.0, -1.0, 0.5, 10_000.0, 1e9, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_replaced_by_the_one_asked_for(nonsense: float) -> None:
    assert opened(FakeCapture([bgr()], fps=nonsense), fps=24.0).fps == 24.0


def test_the_picture_that_showed_the_size_is_not_lost() -> None:
    camera = opened(FakeCapture([bgr(50), bgr(100), bgr(150)]))
    assert levels(camera, 3) == [50, 100, 150]


def test_frames_are_counted_from_0() -> None:
    camera = opened(FakeCapture([bgr(), FAILED, bgr(), bgr()]))
    frames = [camera.read() for _ in range(3)]
    assert [frame.sequence for frame in frames if frame] == [0, 1, 2]


def test_the_time_is_taken_when_the_picture_is_there_and_not_decoded_yet() -> None:
    capture = FakeCapture([bgr(), bgr()])
    camera = opened(capture)
    first, second = camera.read(), camera.read()
    assert first
    assert second
    assert first.captured_at == pytest.approx(50 + GRAB_SECONDS)
    step = second.captured_at - first.captured_at
    assert step == pytest.approx(RETRIEVE_SECONDS + GRAB_SECONDS)
    assert (first.pts, second.pts) == (first.captured_at, second.captured_at)


@pytest.mark.parametrize("mood", [FAILED, BROKEN, EMPTY, RAISES])
def test_a_few_failed_reads_are_survived(mood: str) -> None:
    few = [mood] * (FAILED_READS - 1)
    camera = opened(FakeCapture([*few, bgr(50), *few, bgr(100), *few, bgr(150)]))
    assert levels(camera, 3) == [50, 100, 150]


@pytest.mark.parametrize("mood", [FAILED, BROKEN, EMPTY, RAISES])
def test_many_failed_reads_mean_that_the_camera_is_gone(mood: str) -> None:
    capture = FakeCapture([bgr(), *[mood] * FAILED_READS, bgr()])
    camera = opened(capture)
    camera.read()
    with pytest.raises(SourceLostError, match=f"{FAILED_READS} reads"):
        camera.read()
    assert capture.grabs == 1 + FAILED_READS


def test_a_long_wait_for_nothing_means_that_the_camera_is_gone() -> None:
    capture = FakeCapture([bgr(), SILENT, bgr()])
    camera = opened(capture)
    camera.read()
    with pytest.raises(SourceLostError, match="no picture"):
        camera.read()
    assert capture.grabs == 2


@pytest.mark.parametrize("size", [(32, 48), (64, 32), (48, 64)])
def test_another_size_on_the_way_means_opening_again(size: tuple[int, int]) -> None:
    camera = opened(FakeCapture([bgr(), bgr(width=size[0], height=size[1])]))
    camera.read()
    with pytest.raises(SourceLostError, match=f"64x48 to {size[0]}x{size[1]}"):
        camera.read()


def test_closing_releases_the_camera() -> None:
    capture = FakeCapture([bgr()])
    camera = opened(capture)
    assert capture.released == 0
    camera.close()
    assert capture.released == 1


def test_a_picture_that_stands_still_after_noise_means_that_the_camera_is_gone() -> None:
    noise = np.random.default_rng(1)
    living = [bgr() + noise.integers(0, 9, (48, 64, 1), np.uint8) for _ in range(NOISY_CHANGES + 2)]
    step = GRAB_SECONDS + RETRIEVE_SECONDS
    still = round(FROZEN_SECONDS / step)
    camera = opened(FakeCapture([*living, *[bgr()] * (still + 9)]))
    shown: list[int] = []
    with pytest.raises(SourceLostError, match="stands still"):
        shown.extend(frame.sequence for frame in iter(camera.read, None))
    assert len(shown) == pytest.approx(len(living) + still, abs=1)
    again = opened(FakeCapture([bgr()] * 3 * still))  # and is believed when it is opened again
    assert all(again.read() for _ in range(3 * still))


def jpeg(level: int, **size: int) -> Picture:
    return np.asarray(cv2.imencode(".jpg", bgr(level, **size))[1]).reshape(1, -1)


def yuyv(level: int, width: int = 64, height: int = 48) -> Picture:
    luma = round(16 + level * 219 / 255)
    return np.tile(np.array([luma, 128], np.uint8), (height, width, 1))


def yu12(level: int, width: int = 64, height: int = 48) -> Picture:
    i420 = np.full((height * 3 // 2, width), 128, np.uint8)
    i420[:height] = round(16 + level * 219 / 255)
    return i420


SENT = {"MJPG": jpeg, "YUYV": yuyv, "YU12": yu12}
FORMATS = pytest.mark.parametrize("sends", list(SENT))


@FORMATS
def test_what_the_camera_sends_is_taken_as_it_is(sends: str) -> None:
    steps = range(10, 250, 10)
    capture = FakeCapture([SENT[sends](level) for level in steps], sends=sends)
    camera = opened(capture)
    assert capture.raw
    frames = [camera.read() for _ in steps]  # all still in use: none may be written over
    assert (camera.width, camera.height) == (64, 48)
    for frame, level in zip(frames, steps, strict=True):
        assert frame
        assert np.abs(frame.y - (16 + level * 219 / 255)).max() <= 1
        assert np.abs(frame.i420[48:].astype(int) - 128).max() <= 1


def test_a_format_that_is_not_known_comes_by_bgr() -> None:
    capture = FakeCapture([bgr(50), bgr(100)], sends="BGR3")
    assert levels(opened(capture), 2) == [50, 100]
    assert not capture.raw
    assert cv2.CAP_PROP_CONVERT_RGB not in dict(capture.was_set)


def test_backends_that_do_not_keep_to_it_are_not_asked() -> None:
    capture = FakeCapture([jpeg(50), jpeg(100)], sends="MJPG")
    info = system.CameraInfo(0, "Acme", backend=cv2.CAP_DSHOW)
    camera = CameraSource(info, open_capture=FakeDriver(capture), clock=capture.clock)
    assert not capture.raw
    assert levels(camera, 2) == [50, 100]


def test_a_driver_whose_raw_pictures_are_not_what_it_says_is_left_to_opencv() -> None:
    lies = [np.zeros((1, 500), np.uint8) for _ in range(FAILED_READS)]
    capture = FakeCapture([*lies, jpeg(50), jpeg(100)], sends="MJPG")
    camera = opened(capture)
    assert not capture.raw
    assert levels(camera, 2) == [50, 100]


def test_a_silent_camera_is_not_asked_in_another_way() -> None:
    capture = FakeCapture([SILENT] * 9, sends="MJPG")
    with pytest.raises(SharpCamError, match="gives no picture"):
        opened(capture)
    assert capture.grabs == 1


def test_a_damaged_picture_is_left_out_and_its_number_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    half = jpeg(100, width=640, height=480)[:, :3000]
    size = {"width": 640, "height": 480}
    sent = [jpeg(50, **size), half, half, jpeg(100, **size), half, jpeg(150, **size)]
    camera = opened(FakeCapture(sent, sends="MJPG"))
    with caplog.at_level(logging.WARNING):
        frames = [camera.read() for _ in range(3)]
    assert [frame.sequence for frame in frames if frame] == [0, 3, 5]
    assert len(caplog.messages) == 1


def test_a_camera_that_sends_only_damage_after_a_while_is_gone() -> None:
    camera = opened(FakeCapture([jpeg(50), *[np.zeros((1, 500), np.uint8)] * 9], sends="MJPG"))
    camera.read()
    with pytest.raises(SourceLostError, match=f"{FAILED_READS} reads"):
        camera.read()


@FORMATS
def test_another_raw_size_on_the_way_means_opening_again(sends: str) -> None:
    capture = FakeCapture([SENT[sends](50), SENT[sends](50, width=32)], sends=sends)
    camera = opened(capture)
    camera.read()
    with pytest.raises(SourceLostError, match="64x48 to 32x48"):
        camera.read()
