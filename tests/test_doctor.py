"""`sharpcam doctor`: what it says, to people and to programs, and when it fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from tiny import write_identity

from sharpcam import doctor, system
from sharpcam.check import Check, Verdict, ok, problem, unknown
from sharpcam.cli import main
from sharpcam.doctor import LIBRARIES, examine, library, student, summary, version_of
from sharpcam.session import desktop
from sharpcam.system import CameraInfo, VirtualCameraInfo

CAMERA = CameraInfo(0, "Logitech C270", "/dev/video0", "046d:0825", 200)
OURS = VirtualCameraInfo("v4l2loopback", "/dev/video10", "SharpCam")
MISSING = problem("v4l2loopback module", "not installed", "sudo apt install it", blocks=True)


class Machine:
    """What the system says of itself."""

    def __init__(self) -> None:
        self.cameras = [CAMERA]
        self.virtual = [OURS]
        self.checks: list[Check] = [ok("system", "Debian")]
        self.screen = True


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A healthy one, to be broken."""
    machine = Machine()
    monkeypatch.setattr(system, "cameras", lambda: machine.cameras)
    monkeypatch.setattr(system, "virtual_cameras", lambda: machine.virtual)
    monkeypatch.setattr(system, "has_screen", lambda: machine.screen)
    monkeypatch.setattr(desktop, "shows_tray_icons", lambda: True)
    monkeypatch.setattr(system, "checks", lambda cameras, virtual: list(machine.checks))
    return machine


@pytest.fixture
def says(
    machine: Machine, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., str]:
    """Runs the command with a small student and returns what it prints."""
    model = write_identity(tmp_path / "tiny.onnx")

    def run(*options: str, code: int = 0) -> str:
        assert main(["doctor", "--model", str(model), *options]) == code
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_a_healthy_machine_has_no_problem(says: Callable[..., str]) -> None:
    text = says()
    assert text.splitlines()[-1] == "No problem found."
    assert (
        "ok           virtual camera: in the meeting app, choose 'SharpCam' (v4l2loopback)" in text
    )
    assert "advice: sharpcam help camera" in text
    assert "restores a picture of 1280x720" in text


def test_what_blocks_is_said_last_and_is_the_exit_code(
    says: Callable[..., str], machine: Machine
) -> None:
    machine.checks.append(MISSING)
    machine.virtual = []
    lines = says(code=1).splitlines()
    assert lines[-1] == (
        "2 problems; SharpCam cannot work before these are mended: "
        "v4l2loopback module, virtual camera."
    )
    at = lines.index("problem      v4l2loopback module: not installed")
    assert lines[at + 1].strip() == "mend: sudo apt install it"


def test_a_problem_that_does_not_block_leaves_the_exit_code_alone(
    says: Callable[..., str], machine: Machine
) -> None:
    machine.checks.append(problem("WirePlumber", "not running", "start it"))
    machine.checks.append(unknown("Secure Boot", "not known"))
    assert says().splitlines()[-1] == "1 problem, none of which stops SharpCam."


def test_json_is_one_line_with_everything(says: Callable[..., str], machine: Machine) -> None:
    machine.checks.append(MISSING)
    text = says("--json", code=1)
    assert text.count("\n") == 1
    told = json.loads(text)
    assert told["blocked"] is True
    assert {
        "name": "v4l2loopback module",
        "state": "problem",
        "detail": "not installed",
        "hint": "sudo apt install it",
        "blocks": True,
    } in told["checks"]
    assert {check["state"] for check in told["checks"]} == {"ok", "problem"}


@pytest.mark.parametrize("text", ["[red]Cam[/red]", "Cam :smile:", "[/]"])
def test_what_a_system_says_is_shown_as_it_is(
    says: Callable[..., str], machine: Machine, text: str
) -> None:
    machine.checks.append(problem(text, text, text))
    assert says().count(text) == 3


def test_without_a_camera_sharpcam_has_no_work(machine: Machine, tmp_path: Path) -> None:
    machine.cameras = []
    check = by_name(examine(write_identity(tmp_path / "tiny.onnx")))["cameras"]
    assert (check.blocks, check.hint) == (True, system.CAMERA_HINT)


def test_a_missing_virtual_camera_points_to_its_cause(machine: Machine, tmp_path: Path) -> None:
    model = write_identity(tmp_path / "tiny.onnx")
    machine.virtual = []
    assert by_name(examine(model))["virtual camera"].hint == system.VIRTUAL_CAMERA_HINT
    machine.checks.append(MISSING)
    assert by_name(examine(model))["virtual camera"].hint == "mend first: v4l2loopback module"


# Libraries


def failing(module: str, error: Exception) -> Callable[[str], object]:
    """Loads every module but one."""

    def load(name: str) -> object:
        if name == module:
            raise error
        return import_module(name)

    return load


def test_a_missing_opencv_library_is_a_debian_package(machine: Machine) -> None:
    error = ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
    checks = by_name(examine(None, failing("cv2", error)))
    assert checks["opencv-python"].hint == "sudo apt install libgl1 libglib2.0-0"
    assert checks["opencv-python"].blocks
    assert checks.keys() == {"SharpCam", "opencv-python"}  # nothing goes without it


@pytest.mark.parametrize("kind", [ImportError, OSError])
def test_an_engine_that_does_not_load_blocks(machine: Machine, kind: type[Exception]) -> None:
    error = kind("DLL load failed while importing\nonnxruntime_pybind11_state")
    check = by_name(examine(None, failing("onnxruntime", error)))["onnxruntime"]
    assert check.detail == (
        "does not load: DLL load failed while importing onnxruntime_pybind11_state"
    )
    assert check.hint == f"{sys.executable} -m pip install --force-reinstall onnxruntime"
    assert check.blocks


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIBRARIES, "no-such-package-anywhere", "no_such_module_anywhere")
    check = library("no-such-package-anywhere")
    assert check
    assert check.detail == "does not load: No module named 'no_such_module_anywhere'"
    assert check.hint.endswith("pip install --force-reinstall no-such-package-anywhere")
    assert check.blocks


def test_a_library_without_a_version_is_still_one() -> None:
    assert version_of("no-such-package-anywhere") == ""
    assert version_of("onnxruntime") == version("onnxruntime")


def test_versions_are_told(machine: Machine) -> None:
    told = by_name(examine(None))["libraries"].detail
    for package in LIBRARIES:
        assert f"{package} {version(package)}" in told


# The student


def test_a_damaged_model_blocks(tmp_path: Path) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(b"nonsense")
    checks = by_name(list(student(path)))
    assert checks["model"].blocks
    assert str(path) in checks["model"].detail
    assert "engine" not in checks
    assert checks["profile estimator"].verdict is Verdict.OK


def test_a_missing_model_blocks(tmp_path: Path) -> None:
    assert by_name(list(student(tmp_path / "gone.onnx")))["model"].blocks


def test_a_model_that_fails_on_a_picture_blocks(tmp_path: Path) -> None:
    path = write_identity(tmp_path / "fails.onnx")
    proto = onnx.load(str(path))
    # Loads, but asks for seven pixels of every picture when it runs.
    del proto.graph.node[:]
    proto.graph.node.append(helper.make_node("Reshape", ["y", "seven"], ["y_sharp"]))
    shape = helper.make_tensor("seven", TensorProto.INT64, [4], [1, 1, 1, 7])
    proto.graph.initializer.append(shape)
    onnx.save_model(proto, str(path))
    check = by_name(list(student(path)))["engine"]
    assert check.detail.startswith("a picture is not restored")
    assert check.blocks


def test_a_missing_estimator_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from sharpcam import estimator

    monkeypatch.setattr(estimator, "asset", lambda name: tmp_path / "gone.onnx")
    checks = by_name(list(student(None)))
    assert checks["engine"].verdict is Verdict.OK
    assert checks["profile estimator"].blocks


def test_the_real_machine_is_examined_without_failing() -> None:
    names = by_name(examine(None)).keys()
    assert {"SharpCam", "system", "screen", "cameras", "virtual camera", "engine"} <= names


@pytest.mark.parametrize(
    ("checks", "text"),
    [
        ([], "No problem found."),
        ([ok("a", "b"), unknown("c", "d")], "No problem found."),
        ([problem("a", "b", "c")] * 2, "2 problems, none of which stops SharpCam."),
    ],
)
def test_the_last_line_counts_problems(checks: list[Check], text: str) -> None:
    assert summary(checks) == text


def test_the_doctor_loads_no_device_library_before_it_can_say_so() -> None:
    source = Path(doctor.__file__).read_text(encoding="utf-8")
    top = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    allowed = (
        *("__future__", "argparse", "json", "platform", "sys", "time", "collections", "importlib"),
        *("pathlib", "rich", "sharpcam.check", "sharpcam.errors", "sharpcam import __version__"),
    )
    for line in top:
        assert line.split(" ", 1)[1].startswith(allowed), line


@pytest.mark.parametrize(
    ("shows", "found"),
    [(True, [Verdict.OK]), (False, [Verdict.PROBLEM]), (None, [])],
    ids=["icons", "no icons", "nobody knows"],
)
def test_a_desktop_without_tray_icons_is_told_and_stops_nothing(
    shows: bool | None, found: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desktop, "shows_tray_icons", lambda: shows)
    checks = list(doctor.tray())
    assert [check.verdict for check in checks] == found
    assert not any(check.blocks for check in checks)
