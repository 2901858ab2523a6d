"""A numbered picture into a virtual camera, several times a second, and who watches it."""

from __future__ import annotations

import time
from threading import Thread

from devices import OURS, until
from numbered import picture, scene
from pyvirtualcam import PixelFormat
from pyvirtualcam.util import encode_fourcc

from sharpcam.system.v4l2loopback import LoopbackCamera

SIZE = 320, 240


def opened(device: str = OURS, size: tuple[int, int] = SIZE, fps: float = 30.0) -> LoopbackCamera:
    """Our writer, as pyvirtualcam would open it."""
    fourcc = encode_fourcc(PixelFormat.I420.value)
    return LoopbackCamera(width=size[0], height=size[1], fps=fps, fourcc=fourcc, device=device)


PER_SECOND = 8
"""A reader for which the emulated processor is too slow is lapped in the module's ring, and then
meets a picture before its turn."""


class Feed:
    """Opens a camera and feeds it from a thread that owns it; a context manager."""

    def __init__(self, device: str = OURS, first: int = 0, per_second: float = PER_SECOND) -> None:
        self.watched: list[int | None] = []
        """What `watchers()` said, each change once."""
        self.error: BaseException | None = None
        self.sent = 0
        self._camera = opened(device)
        self._pause = 1 / per_second
        self._stopping = False
        self._thread = Thread(target=self._feed, args=(first,))
        self._thread.start()
        until(lambda: self.sent > 0 or self.error is not None)

    def _feed(self, first: int) -> None:
        background = scene(*SIZE)
        try:
            while not self._stopping:
                self._camera.send(picture(first + self.sent, background))
                self.sent += 1
                now = self._camera.watchers()
                if [now] != self.watched[-1:]:
                    self.watched.append(now)
                time.sleep(self._pause)
        except OSError as error:
            self.error = error

    def is_watched_by(self, count: int) -> None:
        """Wait until that is so, by a look that began after this call."""
        asked = self.sent
        until(lambda: self.sent > asked + 1 and self.watched[-1:] == [count])

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join()
        self._camera.close()
