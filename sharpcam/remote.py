"""The language of the control channel: JSON, one message a line, with a version.

{"v": 1, "do": "toggle"}                       -> {"v": 1, "ok": true, "status": {...}}
{"v": 1, "do": "set", "key": K, "value": TEXT} -> the same
{"v": 1, "do": "subscribe"}                    -> the same, again and again
{"v": 1, "do": "watch"}                        -> the same, more often; meanwhile frames are written
                                                  to the file that the status calls "preview"
anything else                                  -> {"v": 1, "ok": false, "error": .., "hint": ..}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, is_dataclass
from enum import Enum
from typing import Any, Protocol

from sharpcam.errors import SharpCamError
from sharpcam.settings import meant

VERSION = 1
REQUESTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("status", "subscribe", "watch", "on", "off", "toggle", "pause", "resume"), ()),
    **dict.fromkeys(("preview", "learn_again", "quit"), ()),
    "set": ("key", "value"),
}
"""What can be asked, and the texts that come with it."""


class NotRunningError(SharpCamError):
    """There is no program to talk to."""

    def __init__(self) -> None:
        super().__init__("SharpCam is not running", "start it with `sharpcam`")


class RunningError(SharpCamError):
    """There is one program already."""

    def __init__(self) -> None:
        super().__init__(
            "SharpCam is running already",
            "`sharpcam status` tells of it, `sharpcam quit` ends it",
        )


class Daemon(Protocol):
    """The running program as the control channel sees it.

    Calls come from the channel's threads, one at a time. Each may raise SharpCamError, which the
    asking side shows.
    """

    def status(self) -> Mapping[str, Any]:
        """What is going on: see `plain` for the values that may be in it."""
        ...

    def on(self) -> None: ...
    def off(self) -> None: ...
    def toggle(self) -> None: ...
    def pause(self) -> None:
        """Let go of the camera."""
        ...

    def resume(self) -> None: ...
    def set(self, key: str, value: str) -> None:
        """Change one setting, as `Settings.with_text` reads it, and keep it."""
        ...

    def preview(self) -> None:
        """Show before and after."""
        ...

    def watched(self) -> AbstractContextManager[None]:
        """While entered, a preview is attached."""
        ...

    def learn_again(self) -> None:
        """Forget the camera's profile and learn it anew."""
        ...

    def quit(self) -> None:
        """Begin to end; does not wait for it."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One thing that is asked."""

    do: str
    """A key of REQUESTS."""
    texts: dict[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """As one line, without its end."""
        return encode({"v": VERSION, "do": self.do, **self.texts})

    @classmethod
    def decode(cls, line: bytes) -> Request:
        """Read a line.

        Raises:
            SharpCamError: it is no request of this version.
        """
        message = decode(line)
        if message.get("v") != VERSION:
            raise SharpCamError(
                f"this SharpCam speaks version {VERSION}, not {str(message.get('v'))[:20]}",
                "end and start SharpCam again, perhaps it was updated meanwhile",
            )
        do = message.get("do")
        if not isinstance(do, str) or do not in REQUESTS:
            raise SharpCamError(f"unknown request {str(do)[:40]!r}", meant(str(do)[:40], REQUESTS))
        texts = {key: value for key, value in message.items() if key not in ("v", "do")}
        if texts.keys() != set(REQUESTS[do]) or not all(isinstance(v, str) for v in texts.values()):
            wanted = ", ".join(REQUESTS[do]) or "nothing else"
            raise SharpCamError(f"{do}: wrong arguments", f"expected texts for: {wanted}")
        return cls(do, texts)


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as one line of ASCII, without its end."""
    return json.dumps(plain(message), separators=(",", ":"), allow_nan=False).encode("ascii")


def decode(line: bytes) -> dict[str, Any]:
    """A message from one line.

    Raises:
        SharpCamError: it is none.
    """
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise SharpCamError("not a message", "send one JSON object on a line")
    return message


def status_of(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reply says.

    Raises:
        SharpCamError: that it did not work out.
    """
    status = reply.get("status")
    if reply.get("ok") is True and isinstance(status, dict):
        return status
    raise SharpCamError(str(reply.get("error", "no answer")), str(reply.get("hint", "try again")))


def plain(value: Any) -> Any:
    """What JSON holds of it: dataclasses, enums, numbers of numpy and paths are taken apart, and a
    number that JSON does not know (NaN, infinity) becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "item"):  # of numpy, which is not loaded for this
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")
