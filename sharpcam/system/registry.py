"""Windows's registry, read only."""

from __future__ import annotations

from importlib import import_module
from itertools import count
from typing import Any


class Registry:
    """Keys by the names of their hive and their path; `bits` is the view, 64 or 32."""

    def value(self, hive: str, key: str, name: str = "", bits: int = 64) -> str | int | None:
        """A value of a key, its default one without a name; None where there is none."""
        winreg = _winreg()
        try:
            with self._open(winreg, hive, key, bits) as handle:
                found: str | int = winreg.QueryValueEx(handle, name)[0]
                return found
        except OSError:
            return None

    def keys(self, hive: str, key: str, bits: int = 64) -> list[str]:
        """The names of the keys below a key."""
        winreg = _winreg()
        found: list[str] = []
        try:
            with self._open(winreg, hive, key, bits) as handle:
                found.extend(winreg.EnumKey(handle, index) for index in count())
        except OSError:  # after the last one, too
            pass
        return found

    @staticmethod
    def _open(winreg: Any, hive: str, key: str, bits: int) -> Any:
        view = winreg.KEY_WOW64_64KEY if bits == 64 else winreg.KEY_WOW64_32KEY
        return winreg.OpenKey(getattr(winreg, hive), key, 0, winreg.KEY_READ | view)


def _winreg() -> Any:
    return import_module("winreg")  # only Windows has it
