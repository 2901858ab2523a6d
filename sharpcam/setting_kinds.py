"""What kinds of values settings have: one object per field of `Settings` says what is allowed.

A kind checks a value, reads it from text (command line, `sharpcam set`) and from plain data (TOML,
JSON), and turns it back into plain data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

Plain = bool | int | float | str | list[str]
"""What TOML and JSON hold of a setting."""


class Kind(Protocol):
    """What the table of settings asks of every kind."""

    @property
    def expected(self) -> str:
        """What is allowed, in words: "0 to 1.5"."""
        ...

    def allows(self, value: Any) -> bool:
        """Whether a field may have this value."""
        ...

    def parse(self, text: str) -> Any:
        """The value that text stands for.

        Raises:
            ValueError: it stands for none; the value may still be one that is not allowed.
        """
        ...

    def from_plain(self, plain: Any) -> Any:
        """The value that plain data stand for; what is not understood is returned as it is."""
        ...

    def to_plain(self, value: Any) -> Plain:
        """The value as TOML and JSON have it."""
        ...


class Itself:
    """Values that are plain data already."""

    def from_plain(self, plain: Any) -> Any:
        return plain

    def to_plain(self, value: Any) -> Any:
        return value


@dataclass(frozen=True, slots=True)
class Switch(Itself):
    """True or false; on and off, yes and no, 1 and 0 in text."""

    expected = "true or false"

    WORDS = {  # noqa: RUF012 - never changed
        **dict.fromkeys(("true", "on", "yes", "1"), True),
        **dict.fromkeys(("false", "off", "no", "0"), False),
    }

    def allows(self, value: Any) -> bool:
        return isinstance(value, bool)

    def parse(self, text: str) -> bool:
        try:
            return self.WORDS[text.strip().lower()]
        except KeyError:
            raise ValueError(text) from None


@dataclass(frozen=True, slots=True)
class Number(Itself):
    """A number within bounds, both allowed."""

    low: float
    high: float

    @property
    def expected(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    def allows(self, value: Any) -> bool:
        known = isinstance(value, int | float) and not isinstance(value, bool)
        return known and self.low <= value <= self.high

    def parse(self, text: str) -> float:
        return float(text)

    def from_plain(self, plain: Any) -> Any:
        whole = isinstance(plain, int) and self.allows(plain)  # strength = 1
        return float(plain) if whole else plain


@dataclass(frozen=True, slots=True)
class Choice(Itself):
    """One of a few words."""

    choices: tuple[str, ...]

    @property
    def expected(self) -> str:
        return "|".join(self.choices)

    def allows(self, value: Any) -> bool:
        return value in self.choices

    def parse(self, text: str) -> str:
        return text.strip().lower()


@dataclass(frozen=True, slots=True)
class Text(Itself):
    """A line of text, not empty."""

    expected: str
    longest: int = 200

    def allows(self, value: Any) -> bool:
        return isinstance(value, str) and 0 < len(value) <= self.longest and value.isprintable()

    def parse(self, text: str) -> str:
        return text.strip()


@dataclass(frozen=True, slots=True)
class Faults(Itself):
    """A camera's profile: auto, or its numbers as `CameraProfile.parse` reads them."""

    expected = "auto|BLUR,NOISE,COMPRESSION[,SHARPENING]"

    def allows(self, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if value == "auto":
            return True
        from sharpcam.errors import SharpCamError
        from sharpcam.profile import CameraProfile  # loads numpy

        try:
            CameraProfile.parse(value)
        except SharpCamError:
            return False
        return True

    def parse(self, text: str) -> str:
        return text.strip().lower()


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, both even, as I420 has it; "1280x720" in text and in files."""

    smallest: tuple[int, int] = (16, 16)
    largest: tuple[int, int] = (7680, 4320)

    @property
    def expected(self) -> str:
        (left, top), (right, bottom) = self.smallest, self.largest
        return f"even numbers from {left}x{top} to {right}x{bottom}"

    def allows(self, value: Any) -> bool:
        if not (isinstance(value, tuple) and len(value) == 2):
            return False
        bounds = zip(value, self.smallest, self.largest, strict=True)
        return all(
            type(side) is int and low <= side <= high and side % 2 == 0
            for side, low, high in bounds
        )

    def parse(self, text: str) -> tuple[int, int]:
        width, height = (int(part) for part in text.lower().split("x"))
        return width, height

    def from_plain(self, plain: Any) -> Any:
        try:
            return self.parse(plain) if isinstance(plain, str) else plain
        except ValueError:
            return plain

    def to_plain(self, value: tuple[int, int]) -> str:
        return "{}x{}".format(*value)


@dataclass(frozen=True, slots=True)
class Choices:
    """Some of a few words, in order: a list in files, with commas in text. "auto" stands alone."""

    choices: tuple[str, ...]

    @property
    def expected(self) -> str:
        return f"auto, or some of {','.join(self.choices)}"

    def allows(self, value: Any) -> bool:
        if value == ("auto",):
            return True
        if not isinstance(value, tuple) or not value or len(set(map(str, value))) < len(value):
            return False
        return all(word in self.choices for word in value)

    def parse(self, text: str) -> tuple[str, ...]:
        return tuple(word.strip().lower() for word in text.split(","))

    def from_plain(self, plain: Any) -> Any:
        if isinstance(plain, str):
            return self.parse(plain)
        return tuple(plain) if isinstance(plain, list) else plain

    def to_plain(self, value: tuple[str, ...]) -> list[str]:
        return list(value)
