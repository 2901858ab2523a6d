"""The log: where it goes, what is in it, and that its loss costs nothing else."""

from __future__ import annotations

import errno
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_home import move_in

from sharpcam import __version__, log
from sharpcam.log import PatientFileHandler

HERE = logging.getLogger("tests.log")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[io.StringIO]:
    """A home of its own, a logger without handlers but one like that of the command line."""
    move_in(monkeypatch, tmp_path)
    root = logging.getLogger()
    stderr = io.StringIO()
    console = logging.StreamHandler(stderr)
    monkeypatch.setattr(root, "handlers", [console])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    level = root.level
    root.setLevel(logging.WARNING)
    yield stderr
    for handler in root.handlers:
        handler.close()
    root.setLevel(level)


def started(level: str = "info", path: Path | None = None) -> Path:
    file = log.start(level, path)
    assert file
    return file


def test_what_happens_is_in_the_file_with_its_thread_and_place(clean: io.StringIO) -> None:
    path = started()
    HERE.info("camera %s", "opened")
    HERE.debug("not this")
    text = path.read_text(encoding="utf-8")
    assert "INFO MainThread tests.log: camera opened\n" in text
    assert f"SharpCam {__version__}, Python {sys.version.split()[0]}" in text
    assert "not this" not in text
    assert clean.getvalue() == ""  # the console stays as quiet as it was


def test_the_level_follows_the_settings(clean: io.StringIO) -> None:
    path = started("warning")
    HERE.info("one")
    log.set_level("debug")
    HERE.debug("two")
    log.set_level("error")
    HERE.warning("three")
    log.set_level("info")
    HERE.warning("four")
    words = ("one", "two", "three", "four")
    assert [word in path.read_text() for word in words] == [False, True, False, True]
    assert clean.getvalue() == "three\nfour\n"  # the console has its own level


def test_the_file_is_in_the_users_folder_for_logs(tmp_path: Path) -> None:
    path = started()
    assert path.is_relative_to(tmp_path)
    assert path.name == "sharpcam.log"


def test_a_large_file_is_put_aside_and_old_ones_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LARGEST_BYTES", 500)
    path = started("info", tmp_path / "logs" / "x.log")
    for index in range(60):
        HERE.info("%030d", index)
    assert sorted(it.name for it in path.parent.iterdir()) == ["x.log", "x.log.1", "x.log.2"]
    assert all(it.stat().st_size <= 500 for it in path.parent.iterdir())
    assert f"{59:030d}" in path.read_text()


def test_a_bug_is_logged_with_versions_and_where_to_find_the_log(clean: io.StringIO) -> None:
    path = started("error")
    with pytest.raises(KeyError) as caught:
        {}.__getitem__("oops")
    sys.excepthook(KeyError, caught.value, caught.value.__traceback__)
    text = path.read_text()
    for part in ("CRITICAL", "KeyError: 'oops'", "Traceback", "onnxruntime", "numpy", str(path)):
        assert part in text
    assert f"report this, with {path}" in clean.getvalue()


def test_a_bug_in_a_thread_is_logged_with_its_name() -> None:
    path = started()

    def bug() -> None:
        raise KeyError("oops")

    thread = threading.Thread(target=bug, name="capture")
    thread.start()
    thread.join(60)
    text = path.read_text()
    assert "a bug in thread capture of SharpCam" in text
    assert "KeyError: 'oops'" in text


def test_ctrl_c_is_no_bug() -> None:
    path = started()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "CRITICAL" not in path.read_text()


def test_a_full_disk_costs_the_file_and_is_said_once(
    clean: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    started()
    (handler,) = (it for it in logging.getLogger().handlers if isinstance(it, PatientFileHandler))

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    assert handler.stream
    handler.stream.close()
    monkeypatch.setattr(handler, "stream", Full())
    for _ in range(3):
        HERE.info("frame")
    assert clean.getvalue() == "no log file from now on: No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_really_full_device_costs_only_the_file(clean: io.StringIO) -> None:
    log.start("info", Path("/dev/full"))
    HERE.info("frame")
    assert clean.getvalue() == "no log file from now on: No space left on device\n"


def test_a_folder_that_cannot_be_made_costs_the_file(clean: io.StringIO, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert log.start("info", tmp_path / "file" / "x.log") is None
    HERE.warning("goes on")
    assert clean.getvalue().count("no log file") == 1
    assert clean.getvalue().endswith("goes on\n")


def test_without_a_home_folder_there_is_no_file(
    clean: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home(*_: object, **__: object) -> Path:
        raise RuntimeError

    monkeypatch.setattr("platformdirs.user_log_path", no_home)
    assert log.start("info") is None
    assert "no home folder" in clean.getvalue()


def test_a_line_that_cannot_be_formatted_costs_only_itself(clean: io.StringIO) -> None:
    path = started()
    arguments: Any = ("one", "two")
    logging.getLogger("tests.bad").info("%d", *arguments)
    HERE.info("next")
    assert "could not be logged" in path.read_text()
    assert "tests.log: next" in path.read_text()


def test_without_a_console_there_is_the_file_alone(tmp_path: Path) -> None:
    code = (
        "import sys; sys.stdout = sys.stderr = None\n"
        "import logging, threading\n"
        "from sharpcam import cli, log\n"
        f"log.start('info', __import__('pathlib').Path({str(tmp_path / 'x.log')!r}))\n"
        "assert cli.main(['toggle']) == 1\n"
        "logging.getLogger('here').warning('seen')\n"
        "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()\n"
        "1 / 0"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=dict(os.environ))
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    text = (tmp_path / "x.log").read_text()
    assert "here: seen" in text
    assert text.count("ZeroDivisionError: division by zero") == 2
