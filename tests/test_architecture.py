"""The house rules that a machine can check: layers, cycles, torch, one library one file."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sharpcam"
OURS = (PACKAGE, ROOT / "training", ROOT / "benchmarks")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

LAYERS: tuple[set[str], ...] = (
    {
        "errors",
        "check",
        "frame",
        "settings",
        "setting_kinds",
        "status",
        "slot",
        "loop_calls",
        "profile",
        "profile_tracker",
        "network",
    },
    {"coring", "demand", "denoise", "freeze", "governor", "buffers", "yuv"},
    {"assets", "atomic", "icon", "paths", "session", "settings_toml", "signals", "system"},
    {"log", "profiles", "settings_file", "welcome"},
    {"meter", "scaling", "compare", "standby"},
    {
        "engines",
        "graph",
        "graph_cells",
        "model",
        "engine_choice",
        "enhancer",
        "estimator",
        "picture",
        "mjpeg",
        "unpack",
        "video",
        "video_writer",
    },
    {"source", "camera", "mirror", "sink", "window", "preview_feed"},
    {"capture", "supply", "output", "guard", "pipeline", "learner", "tiered"},
    {"controller", "profile_in_use", "remote", "remote_server"},
    {"choose", "opening", "terminal", "run", "devices", "batch", "jobs"},
    {"bench", "bench_engines", "bench_path", "bench_frames", "bench_turns"},
    {"remote_client", "autostart", "doctor", "guide", "preview_process", "resident"},
    {"bench_app", "preview", "tray_menu", "tray_backend", "tray"},
    {"app"},
    {"cli", "__main__"},
)
"""From the bottom up; imports point downward or within a layer."""

HOMES = {
    "av": {"mjpeg", "video", "video_writer"},
    "cv2_enumerate_cameras": {"system"},
    "jeepney": {"session"},
    "onnx": {"graph", "graph_cells", "model"},
    "onnxruntime": {"engines"},
    "openvino": {"engines"},
    "platformdirs": {"paths"},
    "psutil": {"session"},
    "pystray": {"tray_backend"},
    "pyvirtualcam": {"sink"},
    "tomlkit": {"settings_toml"},
    "torch": {"engines"},
    "Xlib": {"session", "system"},
}
"""Each library with a device or a format behind it has one home, so changing it is one file."""


def part_of(module: str) -> str:
    """sharpcam.system.linux -> system; sharpcam -> __init__."""
    return (module.split(".") + ["__init__"])[1]


@cache
def imports(path: Path) -> set[str]:
    """Every module name that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            names.add(node.module)
            if node.module == "sharpcam":
                names |= {f"sharpcam.{alias.name}" for alias in node.names}
    return names


def layer(part: str) -> int:
    for index, parts in enumerate(LAYERS):
        if part in parts:
            return index
    pytest.fail(f"sharpcam/{part}.py stands in no layer: add it to LAYERS")


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downward(module: str) -> None:
    if part_of(module) == "__init__":
        assert not any(name.startswith("sharpcam") for name in imports(MODULES[module]))
        return
    mine = layer(part_of(module))
    for name in imports(MODULES[module]):
        if name in MODULES and name != "sharpcam":
            assert layer(part_of(name)) <= mine, f"{module} imports {name}, which is above it"


def test_there_is_no_import_cycle() -> None:
    graph = {
        module: {name for name in imports(path) if name in MODULES and name != module}
        for module, path in MODULES.items()
    }
    while leaves := [module for module, needs in graph.items() if not needs & graph.keys()]:
        for module in leaves:
            del graph[module]
    assert not graph, f"import cycle among {sorted(graph)}"


@pytest.mark.parametrize("library", HOMES)
def test_a_library_has_one_home(library: str) -> None:
    users = {
        part_of(module)
        for module, path in MODULES.items()
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert users <= HOMES[library]


def test_only_cli_exits_the_process() -> None:
    for module, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        if module != "sharpcam.cli":
            assert "sys.exit" not in text, module
            assert "SystemExit" not in text, module


def test_only_system_and_session_ask_which_system_it_is() -> None:
    for module, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        if part_of(module) not in ("session", "system"):
            for question in ("sys.platform", "os.name", "platform.system"):
                assert question not in text, f"{module} asks {question}"


def test_files_stay_short() -> None:
    for path in (file for folder in OURS for file in folder.rglob("*.py")):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path


def fresh_interpreter(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def test_importing_everything_leaves_torch_unloaded() -> None:
    own = "sharpcam.engines.torch"  # loaded where it is the engine
    names = [name for name in MODULES if name not in ("sharpcam.__main__", own)]
    code = f"import sys, importlib; [importlib.import_module(n) for n in {names}];"
    assert fresh_interpreter(code + "print('torch' in sys.modules)").strip() == "False"


def test_version_and_help_load_no_heavy_library() -> None:
    code = (
        "import sys, contextlib, io; from sharpcam import cli\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    cli.main(['--version'])\n"
        "print([m for m in ('cv2', 'numpy', 'onnxruntime', 'av', 'rich') if m in sys.modules])"
    )
    assert fresh_interpreter(code).strip() == "[]"


def test_nothing_is_unpickled() -> None:
    for path in (file for folder in OURS for file in folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert "pickle" not in imports(path), path
        assert text.count("torch.load(") == text.count("weights_only=True"), path
        assert "allow_pickle" not in text, path
