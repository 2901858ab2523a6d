"""The settings file: read with patience, written with care, watched for changes."""

from __future__ import annotations

import errno
import logging
import os
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from fakes import Gate
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sharpcam import settings_file
from sharpcam.errors import SharpCamError
from sharpcam.settings import Settings
from sharpcam.settings_file import SettingsFile, SettingsWatcher, settings_path

MINE = """# my camera
strength = 0.5  # soft light
future = "unknown, kept"

[table]
x = 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sharpcam" / "settings.toml"


def written(path: Path, text: str | bytes) -> SettingsFile:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return SettingsFile(path)


# Reading


def test_without_a_file_the_defaults_hold_and_nothing_is_said(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert SettingsFile(path).load() == Settings()
    assert SettingsFile(None).load() == Settings()
    assert caplog.messages == []
    assert not path.parent.exists()


def test_a_file_sets_what_it_names(path: Path) -> None:
    file = written(path, 'strength = 0.5\nsize = "640x480"\nsinks = ["pipewire"]\n')
    assert file.load() == Settings(strength=0.5, size=(640, 480), sinks=("pipewire",))
    assert file.settings.strength == 0.5


def test_an_unknown_key_is_said_with_the_nearest_name_and_costs_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert written(path, "mirorr = true\nfps = 25\n").load() == Settings(fps=25.0)
    assert caplog.messages == [f"{path}: unknown setting 'mirorr': did you mean 'mirror'?"]


def test_a_bad_value_is_the_default_with_a_warning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert written(path, "strength = 9\nfps = 25\n").load() == Settings(fps=25.0)
    assert "strength: expected 0 to 1.5, got '9'; 1.0 is used" in caplog.text


@pytest.mark.parametrize(
    "broken",
    [
        "strength = ",
        b"\xff\xfe\x00",
        "x = " + "[" * 100_000,
        "a = 1\na = 2",
        "strength = 0.5\n" + "#" * 300_000,
    ],
    ids=["no value", "no text", "deep", "twice", "large"],
)
def test_a_broken_file_leaves_the_last_good_settings(
    path: Path, broken: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert written(path, broken).load() == Settings()
    file = written(path, "strength = 0.5")
    file.load()
    written(path, broken)
    caplog.clear()
    assert file.load() == Settings(strength=0.5)
    assert len(caplog.messages) == 1
    assert "the settings stay as they were" in caplog.text


def test_a_file_from_an_editor_on_windows_is_read(path: Path) -> None:
    assert written(path, b"\xef\xbb\xbfstrength = 0.5\r\nmirror = true\r\n").load().mirror


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_no_ordinary_file_is_not_waited_for(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert SettingsFile(path).load() == Settings()
    assert "no ordinary file" in caplog.text


def test_a_folder_in_the_files_place_does_no_harm(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.mkdir(parents=True)
    file = SettingsFile(path)
    assert file.load() == Settings()
    with pytest.raises(SharpCamError, match="it is a folder"):
        file.save(Settings(strength=0.5))


# Writing


def test_saved_settings_come_back(path: Path) -> None:
    settings = Settings(enabled=False, strength=0.3, size=(640, 480), sinks=("obs", "pipewire"))
    SettingsFile(path).save(settings)
    assert SettingsFile(path).load() == settings
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.toml"]


def test_only_what_differs_from_the_defaults_is_written_with_what_it_does(path: Path) -> None:
    SettingsFile(path).save(Settings(mirror=True))
    assert path.read_text().splitlines()[0].startswith("# SharpCam's settings")
    assert path.read_text().splitlines()[1:] == ["mirror = true # swap left and right"]


def test_a_persons_comments_order_and_unknown_keys_are_kept(path: Path) -> None:
    file = written(path, MINE)
    assert file.load() == Settings(strength=0.5)
    file.save(Settings(strength=0.7, mirror=True))
    assert path.read_text() == MINE.replace("0.5", "0.7").replace(
        'kept"\n', 'kept"\nmirror = true # swap left and right\n'
    )
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.toml"]


def test_saving_what_the_file_says_leaves_it_untouched(path: Path) -> None:
    file = written(path, 'sinks = "pipewire"\nstrength = 1\n')
    before = path.stat().st_mtime_ns
    file.save(file.load())
    assert path.stat().st_mtime_ns == before


def test_a_value_can_go_back_to_its_default(path: Path) -> None:
    file = written(path, "strength = 0.5 # mine\n")
    file.load()
    file.save(Settings())
    assert path.read_text() == "strength = 1.0 # mine\n"


@pytest.mark.parametrize("invalid", ["strength = ", "strength = 9\n", "fps.x = 1\n"])
def test_an_invalid_file_is_kept_beside_before_it_is_overwritten(
    path: Path, invalid: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = written(path, invalid)
    file.load()
    file.save(Settings(strength=0.7, fps=25.0))
    assert path.with_name("settings.toml.bak").read_text() == invalid
    assert SettingsFile(path).load() == Settings(strength=0.7, fps=25.0)
    assert "is kept as settings.toml.bak" in caplog.text


def test_an_unknown_key_alone_makes_no_copy(path: Path) -> None:
    file = written(path, "future = 1\n")
    file.load()
    file.save(Settings(strength=0.7))
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.toml"]
    assert tomllib.loads(path.read_text()) == {"future": 1, "strength": 0.7}


def test_where_no_copy_can_be_kept_the_invalid_file_stays(path: Path) -> None:
    file = written(path, "strength = ")
    path.with_name("settings.toml.bak").mkdir()
    with pytest.raises(SharpCamError, match="bak"):
        file.save(Settings(strength=0.7))
    assert path.read_text() == "strength = "


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows links to developers only")
def test_a_link_into_somebodys_dotfiles_stays_a_link(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    target.write_text("strength = 0.5\n")
    path.parent.mkdir()
    path.symlink_to(target)
    SettingsFile(path).save(Settings(strength=0.7))
    assert path.is_symlink()
    assert target.read_text() == "strength = 0.7\n"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet="strengh_fps=.[]{}\"'#\n 0123", max_size=40) | st.text(max_size=40))
@example("[strength]\nx = 1\n")
@example("[[fps]]\n")
@example("strength = {a = 1}\nfps = '''\n'''")
@example("mirror = true\r\n[t]\r\n")
def test_whatever_a_file_holds_settings_are_saved_and_nothing_is_lost(
    path: Path, text: str
) -> None:
    data = text.encode("utf-8", "surrogatepass")
    file = written(path, data)
    file.load()
    wanted = replace(file.settings, strength=0.7, mirror=True)
    file.save(wanted)
    assert SettingsFile(path).load() == wanted
    try:
        before = tomllib.loads(data.decode("utf-8-sig"))
    except ValueError:
        assert path.with_name("settings.toml.bak").read_bytes() == data
        return
    after = tomllib.loads(path.read_text(encoding="utf-8"))
    assert {k: v for k, v in before.items() if k not in Settings().as_plain()}.items() <= (
        after.items()
    ) or path.with_name("settings.toml.bak").read_bytes() == data


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_where_nothing_can_be_written_the_program_goes_on_and_says_it_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = written(path, "strength = 0.5\n")
    file.load()
    monkeypatch.setattr(Path, "write_text", full_disk)
    caplog.set_level(logging.WARNING)
    for strength in (0.6, 0.7):
        file.keep(Settings(strength=strength))
        assert file.settings.strength == strength
    assert len(caplog.messages) == 1
    assert "No space left on device; the settings hold until the end" in caplog.text
    assert path.read_text() == "strength = 0.5\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.toml"]


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "sharpcam").write_text("")
    file = SettingsFile(tmp_path / "sharpcam" / "settings.toml")
    assert file.load() == Settings()
    with pytest.raises(SharpCamError, match="cannot make the folder"):
        file.save(Settings(strength=0.5))


def test_without_a_home_folder_the_settings_hold_until_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_home(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_config_path", no_home)
    assert settings_path() is None
    file = SettingsFile(settings_path())
    file.keep(Settings(strength=0.5))
    assert file.settings == Settings(strength=0.5)
    assert "no home folder" in caplog.text


# Watching


def test_a_change_to_valid_and_different_settings_is_told_once(path: Path) -> None:
    file = written(path, "strength = 0.5\n")
    file.load()
    assert file.poll() is None
    path.write_text("strength = 0.75\n")
    assert file.poll() == Settings(strength=0.75)
    assert file.poll() is None


def test_a_change_that_changes_nothing_is_not_told(path: Path) -> None:
    file = written(path, "strength = 0.5\n")
    file.load()
    path.write_text("# only words\nstrength = 0.50\n")
    assert file.poll() is None


def test_a_half_written_file_is_said_once_and_told_when_it_is_whole(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = written(path, "strength = 0.5\n")
    file.load()
    path.write_text("strength = ")
    assert file.poll() is None
    assert file.poll() is None
    assert len(caplog.messages) == 1
    assert file.settings.strength == 0.5
    path.write_text("strength = 0.75\n")
    assert file.poll() == Settings(strength=0.75)


def test_a_file_that_goes_away_changes_nothing_and_is_read_when_it_is_back(path: Path) -> None:
    file = written(path, "strength = 0.5\n")
    file.load()
    path.unlink()
    assert file.poll() is None
    assert file.settings.strength == 0.5
    path.write_text("strength = 0.75\n")
    assert file.poll() == Settings(strength=0.75)


def test_a_file_that_is_emptied_counts_only_when_it_stays_so(path: Path) -> None:
    file = written(path, "strength = 0.5\n")
    file.load()
    path.write_text("")
    assert file.poll() is None
    path.write_text("strength = 0.75\n")
    assert file.poll() == Settings(strength=0.75)
    path.write_text("")
    assert file.poll() is None
    assert file.poll() == Settings()
    assert file.poll() is None


def test_what_was_saved_here_is_not_told(path: Path) -> None:
    file = written(path, "strength = 0.5\n")
    file.load()
    file.save(Settings(strength=0.7))
    assert file.poll() is None


def test_a_change_in_the_file_survives_a_save_of_something_else_and_is_told(path: Path) -> None:
    file = written(path, "strength = 0.5\n")
    file.load()
    path.write_text("strength = 0.75\n")  # and before the next poll:
    file.save(Settings(strength=0.5, enabled=False))
    assert file.poll() == Settings(strength=0.75, enabled=False)
    assert SettingsFile(path).load() == Settings(strength=0.75, enabled=False)


def test_what_could_not_be_written_is_written_the_next_time(path: Path) -> None:
    file = SettingsFile(path)
    path.parent.write_text("")  # in the folder's place
    file.keep(Settings(strength=0.5))
    path.parent.unlink()
    file.keep(Settings(strength=0.5, mirror=True))
    assert SettingsFile(path).load() == Settings(strength=0.5, mirror=True)


def test_the_watcher_tells_of_changes_from_its_own_thread(path: Path) -> None:
    file = written(path, "strength = 0.5\n")
    file.load()
    told: list[Settings] = []
    polled, changed, heard = Gate(), Gate(), Event()

    def hear(settings: Settings) -> None:
        told.append(settings)
        heard.set()

    def wait(seconds: float) -> None:
        assert seconds == settings_file.POLL_SECONDS
        polled.open()
        changed.wait()

    with SettingsWatcher(file, hear, wait):
        polled.wait()
        path.write_text("strength = 0.75\n")
        changed.open()
        assert heard.wait(60)
    assert told == [Settings(strength=0.75)]


def test_the_watcher_ends_with_its_context(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_file, "POLL_SECONDS", 60.0)  # also so long its end is waited for
    watcher = SettingsWatcher(written(path, ""), lambda _: None)
    with watcher:
        pass
    assert not watcher._thread.is_alive()
