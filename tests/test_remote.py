"""The language of the control channel: what is understood, and that nothing else does harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharpcam.errors import SharpCamError
from sharpcam.remote import REQUESTS, Request, decode, encode, plain, status_of
from sharpcam.status import Spread, State, Status

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("do", REQUESTS)
def test_a_request_comes_back_as_it_was(do: str) -> None:
    request = Request(do, {name: "ü\n\ud800" for name in REQUESTS[do]})
    line = request.encode()
    assert b"\n" not in line
    assert Request.decode(line) == request


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"", "not a message"),
        (b"toggle", "not a message"),
        (b"[1]", "not a message"),
        (b"\xff\xfe{}", "not a message"),
        (b'{"v":1,"do":"toggle"', "not a message"),
        (b'{"v":NaN}', "not a message"),
        (b"[" * 60_000, "not a message"),
        (b'{"v":' + b"9" * 60_000 + b"}", "not a message"),
        (b"{}", "version 1, not None"),
        (b'{"v":2,"do":"toggle"}', "version 1, not 2"),
        (b'{"v":1}', "unknown request 'None'"),
        (b'{"v":1,"do":["toggle"]}', "unknown request"),
        (b'{"v":1,"do":"togle"}', "unknown request 'togle'"),
        (b'{"v":1,"do":"toggle","twice":"x"}', "wrong arguments"),
        (b'{"v":1,"do":"set","key":"fps"}', "wrong arguments"),
        (b'{"v":1,"do":"set","key":"fps","value":30}', "wrong arguments"),
    ],
)
def test_what_is_no_request_is_refused_in_words(line: bytes, error: str) -> None:
    with pytest.raises(SharpCamError) as caught:
        Request.decode(line)
    assert error in caught.value.message
    assert caught.value.hint


def test_the_nearest_request_is_named() -> None:
    with pytest.raises(SharpCamError) as caught:
        Request.decode(b'{"v":1,"do":"togle"}')
    assert caught.value.hint == "did you mean 'toggle'?"


@given(st.binary(max_size=200) | JSON.map(lambda it: json.dumps(it).encode()))
def test_no_line_does_harm(line: bytes) -> None:
    said = ""
    try:
        assert Request.decode(line).do in REQUESTS
    except SharpCamError as error:
        said = error.message + error.hint
    assert len(said) < 500


@given(st.dictionaries(st.text(max_size=5), JSON))
def test_whatever_a_daemon_says_becomes_one_line_of_ascii(message: dict[str, Any]) -> None:
    line = encode(message)
    assert line.isascii()
    assert b"\n" not in line
    assert isinstance(decode(line), dict)


def test_a_status_is_taken_apart_to_what_json_holds() -> None:
    status = Status(State.OFF, size=(640, 480), delay=Spread(1.5, float("nan")))
    shown = json.loads(encode({"status": status}))["status"]
    assert shown["state"] == "off"
    assert shown["size"] == [640, 480]
    assert shown["delay"] == {"median": 1.5, "p95": None}
    assert plain({"n": np.float32(0.5), "p": Path("x"), "t": (np.int64(3),)}) == {
        "n": 0.5,
        "p": "x",
        "t": [3],
    }


def test_a_reply_is_a_status_or_what_went_wrong() -> None:
    assert status_of({"v": 1, "ok": True, "status": {"state": "off"}}) == {"state": "off"}
    for reply in ({"ok": False, "error": "e", "hint": "h"}, {"ok": 1, "status": {}}, {}):
        with pytest.raises(SharpCamError):
            status_of(reply)
