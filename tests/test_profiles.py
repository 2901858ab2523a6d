"""Profiles that are remembered per camera, and files that hold no profiles."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from own_home import move_in

from sharpcam import profiles
from sharpcam.profile import CameraProfile
from sharpcam.profiles import MOST, ProfileStore, camera_key, profiles_path

SOFT = CameraProfile.of(1.2, 2.0, 0.3)
CRISP = CameraProfile.of(0.2, 0.5, 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "profiles.json"


def test_what_was_learnt_is_there_at_the_next_start(path: Path) -> None:
    ProfileStore(path).remember("046d:0825 1280x720", SOFT)
    store = ProfileStore(path)
    assert store.recall("046d:0825 1280x720") == SOFT
    assert store.recall("046d:0825 640x480") is None


def test_learning_again_forgets_this_camera_only(path: Path) -> None:
    store = ProfileStore(path)
    store.remember("a", SOFT)
    store.remember("b", CRISP)
    store.forget("a")
    store.forget("never known")
    for each in (store, ProfileStore(path)):
        assert (each.recall("a"), each.recall("b")) == (None, CRISP)


def test_a_camera_is_known_by_its_usb_id_or_its_name_and_by_the_size() -> None:
    assert camera_key("C270", "046d:0825", (1280, 720)) == "046d:0825 1280x720"
    assert camera_key("FaceTime", "", (640, 480)) == "FaceTime 640x480"
    assert len(camera_key("x" * 9999, "", (640, 480))) < 250


def test_the_camera_not_learnt_for_longest_makes_room(path: Path) -> None:
    store = ProfileStore(path)
    for index in range(MOST):
        store.remember(f"camera {index}", SOFT)
    store.remember("camera 0", CRISP)
    store.remember("new", SOFT)
    known = [f"camera {index}" for index in range(MOST) if store.recall(f"camera {index}")]
    assert known == ["camera 0", *(f"camera {index}" for index in range(2, MOST))]
    assert ProfileStore(path).recall("new") == SOFT
    assert path.stat().st_size < profiles.LARGEST_BYTES


def test_the_longest_keys_still_fit_the_file(path: Path) -> None:
    store = ProfileStore(path)
    for index in range(MOST):
        store.remember(camera_key(f"{index:03}" + "\U0001f4f7" * 300, "", (7680, 4320)), SOFT)
    assert path.stat().st_size <= profiles.LARGEST_BYTES
    assert len(ProfileStore(path)._profiles) == MOST


def test_the_same_profile_again_is_not_written_again(path: Path) -> None:
    store = ProfileStore(path)
    store.remember("a", SOFT)
    path.unlink()
    store.remember("a", CameraProfile.of(1.2, 2.0, 0.3))
    assert not path.exists()


def test_cameras_learnt_before_doubled_pictures_were_told_apart_are_still_known(path: Path) -> None:
    path.parent.mkdir()
    numbers = SOFT.as_array().tolist()[:-1]
    path.write_text(json.dumps({"version": 2, "profiles": {"a": numbers}}), encoding="utf-8")
    store = ProfileStore(path)
    assert store.recall("a") == SOFT
    store.remember("b", SOFT)
    assert json.loads(path.read_text(encoding="utf-8"))["version"] == 3
    assert ProfileStore(path).recall("a") == SOFT


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"[1]",
        b'{"version": 1, "profiles": {}}',
        b'{"version": 3}',
        b'{"version": 3, "profiles": [1]}',
        b'{"version": 3, "profiles": {"a": 1}}',
        b'{"version": 3, "profiles": {"a": [1, 2, 3]}}',
        b'{"version": 3, "profiles": {"a": [NaN]}}',
        b'{"version": 3, "profiles": {"a": ["soft"]}}',
        b'{"version": 3, "profiles": {"a": {"sharp": 1}}}',
        b"[" * 100_000,
        b" " * 300_000,
        json.dumps({"version": 3, "profiles": {str(i): {} for i in range(MOST + 1)}}).encode(),
    ],
)
def test_a_damaged_file_is_ignored_with_a_warning_and_replaced(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    store = ProfileStore(path)
    assert store.recall("a") is None
    assert f"{path} is damaged and not used" in caplog.text
    store.remember("b", SOFT)
    assert ProfileStore(path).recall("b") == SOFT


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]":,versionpfl 1a', max_size=60).map(str.encode))
def test_no_content_does_harm(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    assert ProfileStore(path).recall("a") is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_no_ordinary_file_is_not_waited_for(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert ProfileStore(path).recall("a") is None


def test_a_full_disk_is_said_once_and_what_was_learnt_holds_until_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = ProfileStore(path)
    store.remember("a", SOFT)
    monkeypatch.setattr(Path, "write_text", full)
    caplog.set_level(logging.WARNING)
    store.remember("a", CRISP)
    store.remember("b", CRISP)
    assert len(caplog.messages) == 1
    assert "No space left" in caplog.text
    assert store.recall("b") == CRISP
    assert ProfileStore(path).recall("a") == SOFT


def test_without_a_place_for_it_profiles_hold_until_the_end() -> None:
    store = ProfileStore(None)
    store.remember("a", SOFT)
    assert store.recall("a") == SOFT


def test_the_file_is_in_the_users_state_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    move_in(monkeypatch, tmp_path)
    path = profiles_path()
    assert path
    assert path.is_relative_to(tmp_path)


def test_threads_do_not_lose_each_others_profiles(path: Path) -> None:
    store = ProfileStore(path)
    threads = [Thread(target=store.remember, args=(str(index), SOFT)) for index in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    again = ProfileStore(path)
    assert all(again.recall(str(index)) == SOFT for index in range(20))
