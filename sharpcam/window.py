"""WindowSink: before and after in a window, split at a line that the mouse moves.

OpenCV's window must be made, fed and closed by one thread; macOS wants the main thread, which is
why `sharpcam run` runs the pipeline there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum, auto
from typing import Self

import cv2

from sharpcam import system
from sharpcam.compare import split, write_words, zoomed
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.sink import StreamFormat

# Qt, inside of OpenCV's wheels, complains seventeen times that it brings no fonts; we use none.
os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")

TITLE = "SharpCam"
HELP = "space: on/off   left/right: strength   mouse: line   z: zoom   q: quit"


class Action(Enum):
    """What a person asks for with a key."""

    TOGGLE = auto()
    STRONGER = auto()
    WEAKER = auto()
    ZOOM = auto()
    """Done by the window itself."""
    QUIT = auto()


KEYS = {
    ord(" "): Action.TOGGLE,
    ord("q"): Action.QUIT,
    27: Action.QUIT,  # Escape
    ord("+"): Action.STRONGER,
    ord("-"): Action.WEAKER,
    ord("z"): Action.ZOOM,
    # The arrows' codes as GTK and Qt, Windows and macOS report them.
    **dict.fromkeys((0xFF53, 0xFF52, 0x270000, 0x260000, 0xF703, 0xF700), Action.STRONGER),
    **dict.fromkeys((0xFF51, 0xFF54, 0x250000, 0x280000, 0xF702, 0xF701), Action.WEAKER),
}

_LOCKS = ~0x100000 & 0xFFFFFF
"""GTK adds a bit for Num Lock to the key's code."""


class WindowSink:
    """A resizable window; `caption` is asked per frame for the line at the bottom."""

    name = "window"

    def __init__(
        self,
        stream: StreamFormat,
        *,
        caption: Callable[[], str],
        on_action: Callable[[Action], None],
    ) -> None:
        """Open the window, no larger than a small screen.

        Args:
            caption: what to write at the bottom.
            on_action: told of keys, from the thread that sends; closing the window is QUIT.

        Raises:
            SharpCamError: there is no screen to show it on.
        """
        self._caption, self._on_action = caption, on_action
        self.size = stream.width, stream.height
        self._mouse = 0.5, 0.5
        """Shares of width and height."""
        self._zoomed = False
        self._open = False
        no_screen = SharpCamError(
            "cannot open a window: there is no screen",
            "start it on a desktop (on Linux, DISPLAY must be set), or use another --sink",
        )
        if not system.has_screen():
            raise no_screen
        try:
            # Without GUI_NORMAL, Qt adds a toolbar for looking at pixels.
            flags = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
            cv2.namedWindow(TITLE, flags)
            scale = min(1.0, 1280 / stream.width, 720 / stream.height)
            shown = round(stream.width * scale), round(stream.height * scale)
            cv2.resizeWindow(TITLE, *shown)
            cv2.setMouseCallback(TITLE, self._on_mouse)
        except cv2.error as error:  # an OpenCV without windows says so only now
            raise no_screen from error
        self._open = True

    def send(self, after: Frame, before: Frame) -> None:
        if not self._open:
            return
        if self._zoomed:
            after, before = (zoomed(frame, *self._mouse) for frame in (after, before))
        i420 = split(before, after, self._mouse[0])
        for text, row in ((self._caption(), 30), (HELP, 10)):
            write_words(i420[: after.height], text, (8, after.height - row), 0.5)
        bgr = cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420)
        try:
            cv2.imshow(TITLE, bgr)
            key = cv2.waitKeyEx(1)
            # Asked after the events were handled: showing again would bring a closed one back.
            visible = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # OpenCV 5 raises where the window is gone
            visible, key = False, -1
        if not visible:
            self._open = False
            self._on_action(Action.QUIT)
        elif action := KEYS.get(key) or KEYS.get(key & _LOCKS):
            if action is Action.ZOOM:
                self._zoomed = not self._zoomed
            else:
                self._on_action(action)

    def watchers(self) -> int | None:
        return None

    def _on_mouse(self, event: int, x: int, y: int, flags: int, _: object) -> None:
        if event == cv2.EVENT_MOUSEMOVE:
            self._mouse = x / self.size[0], y / self.size[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._open:
            self._open = False
            cv2.destroyWindow(TITLE)
            cv2.waitKey(1)  # without it some toolkits keep the window on the screen
