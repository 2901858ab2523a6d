"""Status: what the pipeline reports, in one frozen piece that any thread may keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np


class State(Enum):
    """What is going on, in the words shown to people."""

    STARTING = "starting"
    STANDBY = "standby"
    """Nobody watches: the camera is off, and apps are shown the standby picture."""
    PAUSED = "paused"
    """By the user: the camera is off, whoever watches."""
    SHARPENING = "sharpening"
    OFF = "off"
    """Switched off by the user: frames pass through bit-exact."""
    BYPASSED = "bypassed"
    """The enhancer failed: frames pass through, and it is tried again."""
    NO_CAMERA = "no camera"
    """It cannot be opened or went away: it is tried again, and the standby picture says why."""
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the bad end of many times, in milliseconds."""

    median: float
    p95: float

    @classmethod
    def of(cls, seconds: list[float]) -> Spread:
        """Of at least one time in seconds."""
        median, p95 = np.percentile(np.array(seconds), (50, 95)) * 1e3  # one sort for both
        return cls(float(median), float(p95))


@dataclass(frozen=True, slots=True)
class Status:
    """One moment of a pipeline."""

    state: State = State.STARTING
    reason: str = ""
    """Why, where the state does not say it all."""
    hint: str = ""
    """What a person can do about it; may be empty."""
    source: str = ""
    sinks: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    """Width and height of what is sent, in pixels."""
    frames: int = 0
    """Frames sent."""
    dropped: int = 0
    """Frames that a newer one replaced before their turn, or that the camera sent damaged."""
    seconds: float = 0.0
    """From the first to the last frame, without the times when the camera was off."""
    fps: float = 0.0
    """Frames sent per second, over the last seconds."""
    camera_fps: float = 0.0
    """Frames that the camera delivered per second; in dim light many halve it by themselves."""
    watchers: int | None = None
    """How many apps read the virtual camera; None where that cannot be told, and then the camera
    stays on."""
    delay: Spread | None = None
    """From having the camera's picture to having sent it."""
    stages: dict[str, Spread] = field(default_factory=dict)
    """Work per frame by stage: decode, enhance, send."""
