"""CameraSource with a driver that is made up: what it is asked, and what its moods lead to."""

from __future__ import annotations

from collections.abc import Sequence
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


class FakeCapture:
    """Has the interface of cv2.VideoCapture; follows its script, then fails for ever."""

    def __init__(
        self,
        script: Sequence[Picture | str] = (),
        *,
        opens: bool = True,
        fps: float = 25.0,
        set_raises: bool = False,
    ) -> None:
        self.released = self.grabs = 0
        self.was_set: list[tuple[int, float]] = []
        self.now = 50.0
        self._script, self._opens, self._fps = list(script), opens, fps
        self._set_raises = set_raises
        self._step: Picture | str = FAILED

    def clock(self) -> float:
        return self.now

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self._opens and not self.released

    def set(self, name: int, value: float) -> bool:
        self.was_set.append((name, value))
        if self._set_raises:
            raise cv2.error("not supported")
        return True

    def get(self, name: int) -> float:
        assert not self.released
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

    def retrieve(self) -> tuple[bool, Picture | None]:
        self.now += RETRIEVE_SECONDS
        if isinstance(self._step, str):
            return self._step == EMPTY, None
        return True, self._step

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
