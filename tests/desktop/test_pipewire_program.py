"""The whole program before a reader of the graph: what arrives, and how late."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from clip import PROFILE, before_and_after, running, soft_scene, write_clip
from numbered import picture, read
from readers import Reader
from session import Session, wait_for

from sharpcam.enhancer import load_enhancer
from sharpcam.frame import Frame
from sharpcam.pipeline import Pipeline
from sharpcam.profile import CameraProfile
from sharpcam.sink import VirtualCameraSink
from sharpcam.system import VirtualCameraInfo
from sharpcam.video import VideoTags

pytestmark = pytest.mark.desktop

NODE = VirtualCameraInfo("pipewire", "SharpCam", "SharpCam")


def test_a_reader_gets_bit_for_bit_what_the_student_restores(
    session: Session, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "numbers.mkv", (640, 480))
    restored = [sharp for _, sharp in before_and_after(clip)]
    with running(session, clip), Reader(session, (640, 480)) as reader:
        for count, i420 in enumerate(reader.pictures(), 1):
            number = read(i420[:480])
            assert number is not None
            np.testing.assert_array_equal(i420[:480], restored[number])
            if count == 20:
                break


class NumberedCamera:
    """Thirty numbered pictures a second; remembers when each was there."""

    name, fps, live, tags = "numbered camera", 30.0, True, VideoTags()

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.stamps: dict[int, float] = {}
        self._background = soft_scene(width, height)
        self._closed = Event()

    def read(self) -> Frame | None:
        number = len(self.stamps)
        i420 = picture(number, self._background)
        if self._closed.wait(1 / self.fps):
            return None
        self.stamps[number] = now = time.monotonic()
        return Frame(i420, number, now, now)

    def close(self) -> None:
        self._closed.set()


@pytest.mark.parametrize("size", [(640, 480), (1280, 720)], ids=["480p", "720p"])
def test_the_delay_from_the_camera_to_the_reader_is_told(
    session: Session, size: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    camera = NumberedCamera(*size)
    enhancer = load_enhancer(None, threads=2)
    enhancer.set_profile(CameraProfile.parse(PROFILE))
    pipeline = Pipeline(
        lambda: camera, lambda stream: iter([VirtualCameraSink(stream, [NODE])]), enhancer
    )
    run = Thread(target=pipeline.run)
    run.start()
    session.wait_for_camera()
    with Reader(session, size) as reader:
        got = reader.numbers(60)[10:]  # before, the reader was starting
    status = pipeline.status()
    pipeline.stop()
    run.join()
    enhancer.close()
    wait_for(lambda: session.cameras() == [])
    late = [1000 * (at - camera.stamps[number]) for number, at in got if number is not None]
    assert len(late) == 50
    assert status.delay
    with capsys.disabled():
        print(
            f"\n{size[0]}x{size[1]}: camera to reader {np.median(late):.1f} ms "
            f"(p95 {np.percentile(late, 95):.1f}); until it was sent {status.delay.median:.1f} ms "
            f"(p95 {status.delay.p95:.1f}), {status.fps:.1f} FPS"
        )
