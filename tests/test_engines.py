"""Engines on devices that are not here: PyTorch's on the processor, the others on stand-ins."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import until
from numpy.typing import NDArray
from tiny import write_adder

from sharpcam import enhancer as enhancer_module
from sharpcam.assets import asset
from sharpcam.engines import CHOICES, EXACT, Choice, EngineLostError, Program, onnx_runtime
from sharpcam.enhancer import BypassError, StudentEnhancer
from sharpcam.errors import SharpCamError
from sharpcam.model import load_model
from sharpcam.profile import TYPICAL, CameraProfile
from sharpcam.settings import ENGINES
from sharpcam.system import accelerators
from sharpcam.system.accelerators import Accelerator

PICTURE = np.random.default_rng(0).integers(0, 256, (96, 128)).astype(np.uint8)


def test_the_settings_know_every_engine() -> None:
    assert ("auto", *CHOICES) == ENGINES


# --- PyTorch


@pytest.fixture
def on_processor() -> Choice:
    pytest.importorskip("torch")
    return Choice("torch-cpu", "PyTorch", "torch", exact=True, device="cpu")


@pytest.mark.parametrize("tier", ["lite", "standard"])
@pytest.mark.parametrize("strength", [0.0, 0.6, 1.0, 1.4])
def test_pytorch_computes_the_student_to_a_grey_level(
    on_processor: Choice, tier: str, strength: float
) -> None:
    model = load_model(asset(f"model/{tier}.onnx"))
    wanted = model.session(TYPICAL, 1, EXACT).run(PICTURE, strength)
    session = model.session(TYPICAL, 1, on_processor)
    for _ in range(2):  # the second time into memory that is there
        got = session.run(PICTURE, strength)
        assert np.abs(got.astype(int) - wanted).max() <= 1
    smaller = session.run(np.ascontiguousarray(PICTURE[:48]), strength)
    assert smaller.shape == (48, 128)
    assert got.flags.owndata


def test_what_pytorch_is_not_told_how_to_compute_is_a_clear_error(on_processor: Choice) -> None:
    from sharpcam.engines.torch import _Program

    step = SimpleNamespace(operation="Einsum", inputs=("y",), output="y_sharp", attributes={})
    with pytest.raises(SharpCamError, match="Einsum"):
        _Program([step], {}, "cpu")


def test_pytorch_without_the_device_says_so(on_processor: Choice) -> None:
    import torch

    for name in ("torch-cuda", "torch-mps"):
        device = CHOICES[name].device
        there = torch.cuda if device == "cuda" else torch.backends.mps
        if there.is_available():
            continue
        with pytest.raises(SharpCamError, match=device):
            CHOICES[name].engine()


def test_memory_that_runs_out_is_a_lost_engine(
    on_processor: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sharpcam.engines import torch as engine

    session = load_model(asset("model/lite.onnx")).session(TYPICAL, 1, on_processor)

    def full(*_: object) -> None:
        raise engine.torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nX")

    monkeypatch.setitem(engine.OPERATIONS, "Conv", full)
    with pytest.raises(EngineLostError, match=r"^CUDA out of memory.*MiB\.$"):
        session.run(PICTURE, 1.0)


# --- the picture goes on


class Device:
    """An engine that adds nine grey levels until it is lost."""

    label, name, exact, sparse, cells = "Device", "device", True, False, False

    def __init__(self) -> None:
        self.lost = False

    def engine(self) -> Device:
        return self

    def compile(self, data: bytes, threads: int) -> Program:
        return self

    def run(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        if self.lost:
            raise EngineLostError("it fell off the bus")
        return y + np.uint8(9)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    monkeypatch.setattr(enhancer_module, "fastest_on_processor", lambda threads: EXACT)
    return Device()


def restored(student: StudentEnhancer) -> NDArray[np.uint8] | None:
    try:
        return student.enhance(PICTURE, 1.0)
    except BypassError:
        return None


def test_when_the_device_is_lost_frames_pass_until_the_processor_has_taken_over(
    tmp_path: Path, device: Device
) -> None:
    student = StudentEnhancer(load_model(write_adder(tmp_path / "x.onnx")), 1, choice=device)
    assert student.name == "tiny (Device)"
    before = student.version
    first = restored(student)
    assert first is not None
    assert np.array_equal(first, PICTURE + np.uint8(9))
    device.lost = True
    with pytest.raises(BypassError, match="it fell off the bus; the processor takes over"):
        student.enhance(PICTURE, 1.0)
    until(lambda: student.version is not before)  # set when all else is
    wanted = student._model.session(TYPICAL, 1, EXACT).run(PICTURE, 1.0)
    assert np.array_equal(student.enhance(PICTURE, 1.0), wanted)
    assert student.name == f"tiny ({EXACT.label})"


def test_a_device_that_is_lost_when_the_profile_changes_costs_no_profile(
    tmp_path: Path, device: Device
) -> None:
    model = load_model(write_adder(tmp_path / "x.onnx"))
    student = StudentEnhancer(model, 1, choice=device)
    restored(student)  # so that the next session is prepared for this size
    device.lost = True
    soft = CameraProfile.of(2.0, 1.0, 0.5)
    student.set_profile(soft)
    until(lambda: restored(student) is not None)
    wanted = model.session(soft, 1, EXACT).run(PICTURE, 1.0)
    assert np.array_equal(student.enhance(PICTURE, 1.0), wanted)


def test_an_enhancer_that_is_closed_meanwhile_stays_closed(
    tmp_path: Path, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = StudentEnhancer(load_model(write_adder(tmp_path / "x.onnx")), 1, choice=device)
    student.close()
    student._replace()
    with pytest.raises(RuntimeError, match="after close"):
        student.enhance(PICTURE, 1.0)


# --- ONNX Runtime and OpenVINO on other devices


def test_a_provider_that_this_build_lacks_is_a_clear_error() -> None:
    with pytest.raises(SharpCamError, match="NoSuchProvider"):
        onnx_runtime.OnnxRuntime("NoSuchProvider")


class Session:
    """ONNX Runtime's, on what it was asked to use or on the processor after all."""

    def __init__(self, provider: str, fails: bool = False) -> None:
        self._provider, self._fails = provider, fails

    def get_providers(self) -> list[str]:
        return [self._provider]

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name) for name in ("y", "strength")]

    def run(self, names: list[str], feed: dict[str, Any]) -> list[NDArray[np.uint8]]:
        if self._fails:
            raise RuntimeError("CUDA failure 2:\n  out of memory")
        return [feed["y"]]


def test_a_provider_is_used_or_refused_and_its_failures_are_lost_engines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = "CUDAExecutionProvider"
    monkeypatch.setattr(onnx_runtime, "providers", lambda: [cuda, onnx_runtime.PROCESSOR])
    asked: list[str] = []

    def opens(session: Session) -> None:
        def open_session(data: bytes, threads: int, provider: str, fused: bool) -> Session:
            assert fused
            asked.append(provider)
            return session

        monkeypatch.setattr(onnx_runtime, "open_session", open_session)

    engine = onnx_runtime.OnnxRuntime(cuda)
    opens(Session(cuda))
    assert np.array_equal(engine.compile(b"", 1).run(PICTURE, 1.0), PICTURE)
    opens(Session(cuda, fails=True))
    with pytest.raises(EngineLostError, match="CUDA failure 2: out of memory"):
        engine.compile(b"", 1).run(PICTURE, 1.0)
    opens(Session(onnx_runtime.PROCESSOR))
    with pytest.raises(SharpCamError, match="does not start"):
        engine.compile(b"", 1)
    assert asked == [cuda] * 3


class Core:
    """OpenVINO with a graphics processor."""

    available_devices = ("CPU", "GPU.0")

    def __init__(self) -> None:
        self.lost = False
        self.compiled: list[tuple[str, dict[str, object]]] = []

    def read_model(self, data: bytes) -> SimpleNamespace:
        return SimpleNamespace(inputs=[], reshape=lambda shape: None)

    def compile_model(self, model: object, device: str, options: dict[str, object]) -> Core:
        self.compiled.append((device, options))
        return self

    def create_infer_request(self) -> Core:
        return self

    def infer(self, feed: dict[str, Any], **_: object) -> None:
        if self.lost:
            raise RuntimeError("[GPU] device\nlost")
        self._y = feed["y"]

    def get_tensor(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(data=self._y)


def test_openvino_computes_where_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino = pytest.importorskip("sharpcam.engines.openvino")
    core = Core()
    monkeypatch.setattr(openvino, "_core", lambda: core)
    with pytest.raises(SharpCamError, match="NPU"):
        openvino.OpenVino("NPU")
    program = openvino.OpenVino("GPU").compile(b"", 1)
    assert np.array_equal(program.run(PICTURE, 1.0), PICTURE)
    assert core.compiled == [("GPU", {"PERFORMANCE_HINT": "LATENCY"})]
    core.lost = True
    with pytest.raises(EngineLostError, match=r"\[GPU\] device lost"):
        program.run(PICTURE, 1.0)


# --- what this computer has


@pytest.fixture(autouse=True)
def forget() -> Any:
    yield
    accelerators.found.cache_clear()


def test_linux_tells_by_its_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    found = accelerators.found
    assert found(tmp_path / "none") == frozenset()
    (tmp_path / "dri").mkdir()
    (tmp_path / "dri" / "renderD128").touch()
    (tmp_path / "nvidiactl").touch()
    assert found(tmp_path) == {Accelerator.NVIDIA, Accelerator.GRAPHICS}
    found.cache_clear()
    (tmp_path / "accel").mkdir()
    (tmp_path / "accel" / "accel0").touch()
    assert Accelerator.NEURAL in found(tmp_path)


@pytest.mark.parametrize(
    ("machine", "expected"), [("arm64", {Accelerator.APPLE}), ("x86_64", set())]
)
def test_apples_own_chips_have_metal(
    machine: str, expected: set[Accelerator], monkeypatch: pytest.MonkeyPatch
) -> None:
    accelerators.found.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(accelerators.platform, "machine", lambda: machine)
    assert accelerators.found() == expected


@pytest.mark.parametrize("driver", ["nvcuda.dll", None])
def test_windows_tells_of_nvidia_by_its_driver(
    driver: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    accelerators.found.cache_clear()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(accelerators.ctypes.util, "find_library", lambda name: driver)
    assert (Accelerator.NVIDIA in accelerators.found()) == bool(driver)
    assert Accelerator.GRAPHICS in accelerators.found()


def test_an_engine_is_worth_a_try_only_where_its_device_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import sharpcam.engines as engines

    monkeypatch.setattr(engines, "find_spec", lambda name: object())
    cuda = "CUDAExecutionProvider"
    for here, build, expected in (
        (set(), [cuda], False),
        ({Accelerator.NVIDIA}, [], False),
        ({Accelerator.NVIDIA}, [cuda], True),
    ):
        monkeypatch.setattr(engines, "found", lambda here=here: here)
        monkeypatch.setattr(onnx_runtime, "providers", lambda build=build: build)
        assert CHOICES["onnxruntime-cuda"].installed == expected
        assert CHOICES["torch-cuda"].installed == (Accelerator.NVIDIA in here)
    assert EXACT.installed
