"""Frames through shared memory: between objects, and between processes."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import picture, until
from own_home import move_in

from sharpcam import preview_feed
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.preview_feed import FeedReader, PreviewFeed, remove_left

SIZE = 64, 48


def pair(index: int, size: tuple[int, int] = SIZE) -> tuple[Frame, Frame]:
    """After and before: other luma, the same chroma."""
    before = Frame(picture(index, size), index, float(index))
    after = before.i420.copy()
    after[: before.height] += 7
    return Frame(after, index, float(index)), before


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PreviewFeed]:
    move_in(monkeypatch, tmp_path)
    with PreviewFeed() as feed:
        yield feed


def files(tmp_path: Path) -> list[Path]:
    return list(tmp_path.rglob("preview-*"))


def test_without_a_preview_nothing_is_written(feed: PreviewFeed, tmp_path: Path) -> None:
    feed.send(*pair(0))
    assert feed.path is None
    assert files(tmp_path) == []
    assert feed.watchers() == 0


def test_a_preview_sees_the_newest_frame_before_and_after(feed: PreviewFeed) -> None:
    with feed.attached():
        for index in range(3):
            feed.send(*pair(index))
        assert feed.path
        with FeedReader(feed.path) as reader:
            seen = reader.read()
            assert seen
            for got, sent in zip(seen, pair(2), strict=True):
                assert np.array_equal(got.i420, sent.i420)
                assert got.captured_at == 2.0
            assert reader.read() is None, "the same frame is not new"
            feed.send(*pair(3))
            assert reader.read()


def test_only_this_user_may_open_the_file(feed: PreviewFeed) -> None:
    with feed.attached():
        feed.send(*pair(0))
        assert feed.path
        assert stat.S_IMODE(feed.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(feed.path.parent.stat().st_mode) == 0o700


def test_the_memory_is_there_only_while_a_preview_is(feed: PreviewFeed, tmp_path: Path) -> None:
    with feed.attached():
        with feed.attached():
            feed.send(*pair(0))
            assert feed.watchers() == 2
        assert len(files(tmp_path)) == 1
        assert feed.path
        reader = FeedReader(feed.path)
    assert files(tmp_path) == []
    assert feed.path is None
    with reader:
        assert reader.ended


def test_another_size_has_another_file(feed: PreviewFeed, tmp_path: Path) -> None:
    with feed.attached():
        feed.send(*pair(0))
        assert feed.path
        with FeedReader(feed.path) as old:
            feed.send(*pair(1, (32, 16)))
            assert old.ended
            with FeedReader(feed.path) as new:
                seen = new.read()
                assert seen
                assert (seen[0].width, seen[0].height) == (32, 16)
        assert len(files(tmp_path)) == 1


def test_a_feed_that_ends_and_starts_again_goes_on(feed: PreviewFeed) -> None:
    with feed.attached():
        feed.send(*pair(0))
        feed.__exit__(None, None, None)  # the pipeline was made anew
        assert feed.path is None
        feed.send(*pair(1))
        assert feed.path


def test_no_folder_for_it_costs_the_preview_only(
    feed: PreviewFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_feed, "runtime_folders", lambda: [Path("/proc/no/such/place")])
    with feed.attached():
        feed.send(*pair(0))
        assert feed.path is None


def test_what_a_killed_program_left_is_removed(feed: PreviewFeed, tmp_path: Path) -> None:
    with feed.attached():
        feed.send(*pair(0))
        remove_left()
        assert files(tmp_path) == []


@pytest.mark.parametrize(
    "content", [b"", b"x" * 10, b"ShrpCam1" + b"\xff" * 200, b"ShrpCam1" + bytes(56), b"\0" * 5000]
)
def test_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "preview-1"
    path.write_bytes(content)
    with pytest.raises(SharpCamError):
        FeedReader(path)
    with pytest.raises(SharpCamError):
        FeedReader(tmp_path / "missing")


def test_no_frame_is_ever_torn(feed: PreviewFeed) -> None:
    """Every frame is of one level; a writer without rest must not mix two of them."""
    frames = [Frame(np.full((540, 640), level, np.uint8), level, 0.0) for level in range(200)]
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            for frame in frames:
                feed.send(frame, frame)

    with feed.attached():
        feed.send(frames[0], frames[0])
        writer = threading.Thread(target=write)
        writer.start()
        try:
            assert feed.path
            with FeedReader(feed.path) as reader:
                seen = 0
                end = time.monotonic() + 60
                while seen < 100 and time.monotonic() < end:
                    if got := reader.read():
                        seen += 1
                        assert got[0].i420.min() == got[0].i420.max()
                        assert np.array_equal(got[0].y, got[1].y)
        finally:
            done.set()
            writer.join()
    assert seen > 0


EAGER = """
import sys
from pathlib import Path
from sharpcam.preview_feed import FeedReader
with FeedReader(Path(sys.argv[1])) as reader:
    print("seen" if any(reader.ended for _ in range(300_000)) else "never")
"""

READER = """
import sys, time
from pathlib import Path
from sharpcam.preview_feed import FeedReader
with FeedReader(Path(sys.argv[1])) as reader:
    while not reader.ended:
        if seen := reader.read():
            print(int(seen[0].captured_at), flush=True)
        time.sleep(0.001)
print("ended", flush=True)
"""


def test_another_process_reads_and_sees_the_end(feed: PreviewFeed) -> None:
    with feed.attached():
        feed.send(*pair(0))
        child = subprocess.Popen(
            [sys.executable, "-c", READER, str(feed.path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        assert child.stdout.readline() == "0\n"
        feed.send(*pair(1))
        assert child.stdout.readline() == "1\n"
    rest, _ = child.communicate(timeout=60)
    assert rest == "ended\n"
    assert child.returncode == 0


def test_while_frames_come_no_reader_takes_it_for_the_end(feed: PreviewFeed) -> None:
    frames = [pair(index) for index in range(8)]
    with feed.attached():
        feed.send(*frames[0])
        child = subprocess.Popen(
            [sys.executable, "-c", EAGER, str(feed.path)], stdout=subprocess.PIPE, text=True
        )
        while child.poll() is None:
            for frame in frames:
                feed.send(*frame)
        said, _ = child.communicate()
    assert said == "never\n"


def test_a_reader_that_is_killed_harms_nobody(feed: PreviewFeed, tmp_path: Path) -> None:
    with feed.attached():
        feed.send(*pair(0))
        child = subprocess.Popen(
            [sys.executable, "-c", READER, str(feed.path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        child.stdout.readline()
        child.kill()
        child.communicate()
        feed.send(*pair(1))
    until(lambda: files(tmp_path) == [])
