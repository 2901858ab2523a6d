"""The command as a process: how it ends when somebody ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import write_clip
from mortal import skip_if_ignored

from sharpcam import cli, devices

COMMAND = [sys.executable, "-m", "sharpcam"]


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
@pytest.mark.parametrize("option", ["run --fps", "run --seconds", "bench --seconds"])
def test_seconds_and_rates_are_above_zero(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([*option.split(), value])
    assert end.value.code == 2
    assert option.split()[1] in capsys.readouterr().err


def test_ctrl_c_shows_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(devices, "main", interrupted)
    assert cli.main(["devices"]) == 130


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_leaves_nothing_half_written(name: str, tmp_path: Path) -> None:
    skip_if_ignored(name)
    number = getattr(signal, name)
    clip = write_clip(tmp_path / "in.mp4", 400, (640, 480))
    out = tmp_path / "out"
    with subprocess.Popen(
        [*COMMAND, "enhance", str(clip), "-o", str(out)], stderr=subprocess.PIPE, text=True
    ) as program:
        end = time.monotonic() + 120
        while not (out.is_dir() and any(out.iterdir())):
            assert program.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        program.send_signal(number)
        said = program.communicate(timeout=60)[1]
    assert program.returncode == 128 + number, said
    assert "Traceback" not in said
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_a_reader_that_goes_away_is_no_bug(arguments: list[str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "devices", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        program.stdout.close()
        assert program.stderr
        said = program.stderr.read()
    assert (program.returncode, said) == (1, "")


def test_each_command_has_its_module_and_without_one_the_program_stays() -> None:
    modules = {
        (): "sharpcam.app",
        ("--no-tray",): "sharpcam.app",
        ("preview",): "sharpcam.preview",
        ("learn",): "sharpcam.remote_client",
        ("bench",): "sharpcam.bench",
        ("bench", "--app"): "sharpcam.bench_app",
    }
    for arguments, module in modules.items():
        assert cli.build_parser().parse_args(arguments).module == module


def test_a_preview_without_the_program_is_a_run_to_the_window() -> None:
    parser = cli.build_parser()
    wanted = vars(parser.parse_args(["run", "--sink", "window"]))
    given = vars(parser.parse_args(["preview"]))
    assert given | {"command": "run", "module": "sharpcam.run"} == wanted
