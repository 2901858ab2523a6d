"""A C library of the system, its functions declared."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any


def load(
    name: str, hint: str, functions: Mapping[str, tuple[Any, ...]], use_errno: bool = False
) -> ctypes.CDLL:
    """The library of this name; `functions` has result, then arguments, of each that is called.

    Raises:
        OSError: it is not installed; `hint` says what to install.
    """
    try:
        loaded = ctypes.CDLL(name, use_errno=use_errno)
    except OSError as error:
        raise OSError(f"{name} is not there ({hint})") from error
    for function_name, (result, *arguments) in functions.items():
        function = getattr(loaded, function_name)
        function.restype, function.argtypes = result, arguments
    return loaded
