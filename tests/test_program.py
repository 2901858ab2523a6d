"""The running program in this process: everything real but the virtual camera, a clip as camera."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from clips import SAMPLE, write_clip
from fakes import until
from own_home import move_in

from sharpcam import controller, demand, output, remote_client, remote_server, resident, supply
from sharpcam.errors import SharpCamError
from sharpcam.frame import Frame
from sharpcam.preview_feed import FeedReader
from sharpcam.profile import CameraProfile
from sharpcam.profiles import ProfileStore, profiles_path
from sharpcam.remote_client import ask, follow
from sharpcam.remote_server import ControlServer, only_instance
from sharpcam.resident import Resident
from sharpcam.settings_file import SettingsFile, SettingsWatcher, settings_path
from sharpcam.sink import NullSink, Sink, StreamFormat

SIZE = 320, 240


class VirtualCamera(NullSink):
    """Keeps the newest frames; as many watch as a test says."""

    name = "SharpCam"

    def __init__(self, watching: Callable[[], int]) -> None:
        self.count, self.closed = 0, 0
        self.last: tuple[Frame, Frame] | None = None
        self._watching = watching

    def send(self, after: Frame, before: Frame) -> None:
        self.count, self.last = self.count + 1, (after, before)

    def watchers(self) -> int | None:
        return self._watching()

    def __exit__(self, *_: object) -> None:
        self.closed += 1


class Program:
    """What a test has in hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watching = 1
        self.missing: SharpCamError | None = None
        self.streams: list[StreamFormat] = []
        self.kinds: list[tuple[str, ...]] = []
        self.cameras: list[VirtualCamera] = []
        self.file = SettingsFile(settings_path())
        self.file.load()
        self.store = ProfileStore(profiles_path())
        self.resident = Resident(self.file, self.store, self.open_virtual)

    def open_virtual(self, stream: StreamFormat, kinds: tuple[str, ...]) -> Iterator[Sink]:
        if self.missing:
            raise self.missing
        self.streams.append(stream)
        self.kinds.append(kinds)
        self.cameras.append(VirtualCamera(lambda: self.watching))
        yield self.cameras[-1]

    @property
    def camera(self) -> VirtualCamera:
        return self.cameras[-1]

    def until(self, **wanted: Any) -> dict[str, Any]:
        """Wait for a status with these values, asked through the control channel."""

        seen: dict[str, Any] = {}

        def fits() -> bool:
            seen.update(ask("status"))
            return all(seen[key] == value for key, value in wanted.items())

        until(fits, lambda: seen)
        return seen  # not the next one, which may be another

    def until_more_frames(self, count: int = 3) -> None:
        start = self.camera.count
        until(lambda: self.camera.count >= start + count, lambda: ask("status"))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Program]]:
    """Starts the program with these settings; it is ended afterwards, and nothing may be left."""
    move_in(monkeypatch, tmp_path)
    monkeypatch.setattr(demand, "ON_SECONDS", 0.0)
    monkeypatch.setattr(demand, "OFF_SECONDS", 0.0)
    for host, name in (
        *((output, "HOLD_SECONDS"), (supply, "JOIN_SECONDS"), (controller, "STOP_SECONDS")),
        *((resident, "SETTLE_SECONDS"), (resident, "RELEASE_SECONDS")),
        *((remote_client, "ANSWER_SECONDS"), (remote_server, "JOIN_SECONDS")),
    ):
        monkeypatch.setattr(host, name, 60.0)  # however slow the machine is
    # A test asks without rest, and who has been answered goes a moment later.
    monkeypatch.setattr(remote_server, "MOST_CLIENTS", 1000)
    for name in ("one", "two"):
        write_clip(tmp_path / f"{name}.mkv", frames=25, size=SIZE)
    threads = set(threading.enumerate())
    stack: list[Any] = []

    def begin(**settings: object) -> Program:
        path = settings_path()
        assert path
        path.parent.mkdir(parents=True, exist_ok=True)
        wanted = {"camera": str(tmp_path / "one.mkv"), "size": "320x240", **settings}
        path.write_text("\n".join(f"{key} = {json.dumps(it)}" for key, it in wanted.items()))
        program = Program(tmp_path)
        for part in (
            program.resident,
            SettingsWatcher(program.file, program.resident.taken_over),
            ControlServer(program.resident, only_instance()),
        ):
            part.__enter__()
            stack.append(part)
        return program

    yield begin
    for part in reversed(stack):
        part.__exit__(None, None, None)
    until(lambda: set(threading.enumerate()) <= threads, threading.enumerate)
    assert not list(tmp_path.rglob("preview-*"))


def test_frames_flow_and_the_commands_act_on_them(start: Callable[..., Program]) -> None:
    program = start(profile="1.5,1,0.2", cpu_budget_percent=100)
    program.until(state="sharpening", camera=str(program.folder / "one.mkv"), watchers=1)
    ask("toggle")
    program.until(state="off", enabled=False)
    program.until_more_frames()
    after, before = program.camera.last
    assert np.array_equal(after.i420, before.i420)
    ask("on")
    program.until(state="sharpening")
    until(lambda: not np.array_equal(program.camera.last[0].y, program.camera.last[1].y))
    ask("set", key="strength", value="0.5")
    assert program.until(strength=0.5)["sinks"] == ["SharpCam"]
    assert len(program.cameras) == 1, "the virtual camera was never closed"


def test_what_is_changed_is_kept_in_the_file(start: Callable[..., Program]) -> None:
    program = start()
    program.until(state="sharpening")
    ask("off")
    ask("set", key="strength", value="0.7")
    text = settings_path().read_text()
    assert "enabled = false" in text
    assert "strength = 0.7" in text
    assert SettingsFile(settings_path()).load() == program.resident.settings


def test_a_file_edited_by_hand_is_taken_over(start: Callable[..., Program]) -> None:
    program = start()
    program.until(state="sharpening")
    path = settings_path()
    # As editors save: while a file is being written it says less than it will.
    partial = path.with_suffix(".part")
    partial.write_text(path.read_text() + "\nenabled = false\n")
    partial.replace(path)
    program.until(state="off")
    program.until_more_frames()


def test_another_camera_comes_without_the_virtual_one_going(start: Callable[..., Program]) -> None:
    program = start()
    program.until(source="one.mkv")
    ask("set", key="camera", value=str(program.folder / "two.mkv"))
    program.until(source="two.mkv", state="sharpening")
    ask("set", key="camera", value="No such camera")
    status = program.until(state="no camera")
    assert "No such camera" in status["reason"]
    assert status["hint"]
    ask("set", key="camera", value=str(program.folder / "one.mkv"))
    program.until(source="one.mkv", state="sharpening")
    assert len(program.cameras) == 1
    assert program.camera.closed == 0


def test_pause_lets_go_of_the_camera_and_sleep_does_not_undo_it(
    start: Callable[..., Program],
) -> None:
    program = start()
    program.until(state="sharpening")
    assert ask("pause")["state"] == "paused"
    program.resident.fall_asleep()
    program.resident.wake_up()
    assert program.until(state="paused")["paused"]
    assert ask("resume")["state"] != "paused"
    program.until(state="sharpening")
    program.resident.fall_asleep()
    assert program.resident.controller.status().state.value == "paused"
    program.resident.wake_up()
    program.until(state="sharpening")


def test_another_size_opens_the_virtual_camera_anew(start: Callable[..., Program]) -> None:
    program = start()
    program.until(state="sharpening")
    ask("set", key="size", value="160x120")
    program.until(size=[160, 120])
    assert [(it.width, it.height) for it in program.streams] == [SIZE, (160, 120)]
    assert program.cameras[0].closed == 1
    ask("set", key="sinks", value="pipewire")
    program.until(state="sharpening")
    assert program.kinds[-1] == ("pipewire",)


def test_while_nobody_watches_the_camera_is_off_unless_it_shall_not_be(
    start: Callable[..., Program],
) -> None:
    program = start()
    program.watching = 0
    program.until(state="standby")
    ask("set", key="on_demand", value="false")
    program.until(state="sharpening")


def test_mirror_swaps_left_and_right_live(start: Callable[..., Program]) -> None:
    program = start(enabled=False)
    program.until(state="off")

    def rises() -> bool:
        """Whether it is brighter on the right; the clip is, clearly and always."""
        columns = program.camera.last[1].y.mean(axis=0)
        return bool(columns[-1] > columns[0])

    program.until_more_frames()  # the state is told before its first frame is sent
    before = rises()
    ask("set", key="mirror", value="on")
    until(lambda: rises() != before)
    ask("set", key="mirror", value="off")
    until(lambda: rises() == before)


def test_previews_come_and_go_and_turn_the_camera_on(start: Callable[..., Program]) -> None:
    program = start()
    program.watching = 0
    program.until(state="standby", preview=None)
    descriptors: list[int] = []
    for _ in range(20):
        statuses = follow("watch")
        path = next(status["preview"] for status in statuses if status["preview"])
        program.until(state="sharpening", watchers=0)
        with FeedReader(Path(path)) as reader:
            until(lambda reader=reader: reader.read())
        statuses.close()
        program.until(state="standby", preview=None)
        assert not Path(path).exists()
        descriptors.append(psutil.Process().num_fds() if hasattr(psutil.Process, "num_fds") else 0)
    assert len(program.cameras) == 1
    assert min(descriptors[10:]) <= max(descriptors[:5]), descriptors


def test_toggling_while_frames_flow_opens_nothing_anew_and_shows_no_other_picture(
    start: Callable[..., Program],
) -> None:
    program = start()
    program.until(state="sharpening")
    program.until_more_frames()  # the clip's first one has the number 0, too
    (camera,) = program.cameras
    kinds: list[bool] = []
    sequences: list[int] = []
    send = camera.send

    def keep(after: Frame, before: Frame) -> None:
        kinds.append(after is before)  # switched off: untouched
        sequences.append(after.sequence)
        send(after, before)

    camera.send = keep
    for _ in range(10):
        enabled = ask("toggle")["enabled"]
        count = len(kinds)
        until(lambda count=count, off=not enabled: off in kinds[count + 2 :])
    assert {True, False} == set(kinds)
    assert 0 not in sequences, "the standby picture has this number"
    assert program.cameras == [camera]
    assert len(program.streams) == 1


def test_what_is_learnt_is_remembered_and_known_at_the_next_start(
    start: Callable[..., Program],
) -> None:
    program = start(camera=str(SAMPLE), size="640x360")
    status = program.until(state="sharpening")
    until(lambda: ask("status")["profile"])
    until(lambda: profiles_path().exists())
    kept = json.loads(profiles_path().read_text())["profiles"]
    assert list(kept) == [f"{SAMPLE.name} 640x360"]
    assert status["tier"] in ("standard", "bypass")
    ask("learn_again")
    until(lambda: ask("status")["profile"])


def test_a_profile_set_by_hand_is_used_until_auto(start: Callable[..., Program]) -> None:
    program = start(camera=str(SAMPLE), size="640x360")
    program.until(state="sharpening")
    until(lambda: program.resident.profile)
    ask("set", key="profile", value="2,3,0.5")
    told = CameraProfile.of(2.0, 3.0, 0.5)
    assert ask("status")["profile"] == told.told
    ask("set", key="profile", value="auto")
    assert program.resident.profile not in (None, told)


def test_at_the_end_of_the_session_everything_is_closed_before_the_system_goes_on(
    start: Callable[..., Program],
) -> None:
    program = start()
    program.until(state="sharpening")
    program.resident.end()
    assert program.camera.closed == 1
    assert not [it for it in threading.enumerate() if it.name in ("pipeline", "capture")]
    assert program.resident.quitting.is_set()


def test_without_a_virtual_camera_it_says_why_and_tries_again(
    start: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharpcam.controller.RETRY_SECONDS", (0.01,))
    broken: list[Program] = []
    real = Program.open_virtual

    def refuse(self: Program, stream: StreamFormat, kinds: tuple[str, ...]) -> Iterator[Sink]:
        if not broken:
            raise SharpCamError("no virtual camera", "install one")
        return real(self, stream, kinds)

    monkeypatch.setattr(Program, "open_virtual", refuse)
    program = start()
    assert program.until(state="failed")["hint"] == "install one"
    broken.append(program)
    program.until(state="sharpening")


def test_a_file_that_cannot_be_written_is_said_once(
    start: Callable[..., Program], caplog: pytest.LogCaptureFixture
) -> None:
    program = start()
    program.until(state="sharpening")
    path = settings_path()
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("a file where the folder was")
    ask("off")
    ask("set", key="strength", value="0.7")
    program.until(state="off", strength=0.7)
    assert caplog.text.count("the settings hold until the end") == 1


def test_a_preview_without_a_screen_is_refused(
    start: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    start()
    with pytest.raises(SharpCamError, match="no screen"):
        ask("preview")


def test_sessions_leave_no_file_descriptor_behind(start: Callable[..., Program]) -> None:
    program = start()
    program.until(state="sharpening")
    before = psutil.Process().num_fds()
    for _ in range(5):
        ask("set", key="camera", value=str(program.folder / "two.mkv"))
        program.until(source="two.mkv", state="sharpening")
        ask("pause")
        ask("resume")
        ask("set", key="camera", value=str(program.folder / "one.mkv"))
        program.until(source="one.mkv", state="sharpening")
        statuses = follow("watch")
        next(status for status in statuses if status["preview"])
        statuses.close()
        program.until(preview=None)
    until(lambda: psutil.Process().num_fds() <= before + 2, psutil.Process().num_fds)
