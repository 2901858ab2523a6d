"""Supply: the source of a pipeline: on, off, or another one. `replace` is for any thread, all else
for the pipeline's, which never waits for a driver: one that hangs is left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sharpcam.capture import Capture, OpenSource, Trouble
from sharpcam.meter import Meter
from sharpcam.status import State

log = logging.getLogger(__name__)

JOIN_SECONDS = 0.5
"""A driver that hangs is left behind after this at the end; its thread ends with the process."""
MOST_LEFT = 3
"""So many hanging threads of a camera are left behind; then one of them must come back first."""
REPLUG = "unplug it and plug it in again"


class Supply:
    """Has at most one source on, and knows those that were let go and have not ended yet."""

    def __init__(self, open_source: OpenSource, name: str, meter: Meter) -> None:
        """Nothing is opened before `follow`.

        Args:
            open_source: called in a capture thread, again after the source was lost or off.
            name: what the source is called until it was open.
            meter: told the times of decoding.
        """
        self.capture: Capture | None = None
        """The source that is on, or being opened."""
        self._source = open_source, name
        self._name = name
        self._meter = meter
        self._left: list[Capture] = []
        self._dropped = 0

    @property
    def name(self) -> str:
        """What the source is called."""
        capture = self.capture
        return (capture.name if capture else "") or self._name

    @property
    def dropped(self) -> int:
        """Frames of all sources so far that did not come through."""
        capture = self.capture
        return self._dropped + (capture.dropped if capture else 0)

    def replace(self, open_source: OpenSource, name: str) -> None:
        """Take another source from the next `follow` on."""
        self._source, self._name = (open_source, name), name

    def follow(
        self, away: tuple[State, str] | None, patient: bool, change: Callable[..., None]
    ) -> None:
        """Take the source, let it go, or take another one.

        Args:
            away: the state, and why, in which it should be off; None where it should be on.
            patient: try again when the source does not open at first.
            change: told the state that begins, why, and what a person can do. It is told of a new
                source before that begins to open.
        """
        open_source, name = self._source
        trouble = None
        if capture := self.capture:
            same = capture.open_source is open_source
            if same and not away and not capture.hung:
                return
            if same and capture.hung:
                trouble = Trouble(f"{capture.name} does not answer", REPLUG)
                change(State.NO_CAMERA, trouble.reason, trouble.hint)
            self.release()
        self._left = [left for left in self._left if not left.join(0)]
        if away:
            change(*away)
            return
        if sum(left.open_source is open_source for left in self._left) >= MOST_LEFT:
            change(State.NO_CAMERA, f"{self._name} does not answer", REPLUG)
            return
        if not trouble:
            change(State.STARTING)
        self.capture = Capture(
            open_source,
            self._meter,
            patient=patient,
            name=name or self._name,
            trouble=trouble,
            after=self._left[-1] if self._left else None,
        )

    def release(self) -> None:
        """Let the source go, without waiting for its driver."""
        if not (capture := self.capture):
            return
        self.capture = None
        capture.stop()
        self._left.append(capture)
        self._dropped += capture.dropped
        self._meter.rest()
        if capture.open_source is self._source[0]:
            self._name = capture.name

    def close(self) -> None:
        """Let the source go and wait for its driver, but not for long."""
        self.release()
        for capture in self._left:
            if not capture.join(JOIN_SECONDS / len(self._left)):
                log.warning("%s does not answer: it is left behind", capture.name or "source")
