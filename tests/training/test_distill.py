"""The whole recipe through its command, small: train, stop, resume, export, evaluate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from sharpcam.model import load_model
from sharpcam.network import NetworkSpec
from sharpcam.profile import CameraProfile
from training import distill
from training.checkpoint import read_about
from training.config import PRESETS, parse
from training.objectives import picture_terms, student_loss
from training.shipped import any_student
from training.student import UNetStudent
from training.teacher import TeacherSpec, UNetTeacher, load_teacher


@pytest.fixture(scope="module")
def run_folder(few_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python -m training.distill --preset smoke` leaves, on a few photographs."""
    runs = tmp_path_factory.mktemp("runs")
    flags = ["--preset", "smoke", "--data", str(few_photographs), "--runs", str(runs)]
    assert distill.main([*flags, "--crops-per-photo", "6"]) == 0
    return runs / "smoke"


def test_it_leaves_weights_curves_and_exports(run_folder: Path) -> None:
    for name in ("teacher", "standard", "estimator"):
        for suffix in (".safetensors", ".csv", ".state.pt"):
            assert (run_folder / f"{name}{suffix}").stat().st_size > 0
    assert load_model(run_folder / "standard.onnx").spec == NetworkSpec()
    assert (run_folder / "profile.onnx").exists()


def test_weights_and_model_say_how_they_were_made(run_folder: Path) -> None:
    with safe_open(run_folder / "teacher.safetensors", "pt") as file:
        about = file.metadata()
    config = json.loads(json.loads(about["config"]))
    assert config["teacher"]["steps"] == PRESETS["smoke"].teacher.steps
    provenance = load_model(run_folder / "standard.onnx").provenance
    assert provenance["data"] == json.loads(about["data"])
    assert provenance["step"] > 0


def test_the_curves_show_all_five_terms_and_the_buckets(run_folder: Path) -> None:
    columns = (run_folder / "standard.csv").read_text().splitlines()[0].split(",")
    assert {"pixel", "edge", "ssim", "vgg", "feature", "output"} <= set(columns)
    assert {"webcam-mild", "webcam-360p", "low light", "clean"} <= set(columns)


def test_a_teacher_goes_on_from_a_student_of_a_run(run_folder: Path, few_photographs: Path) -> None:
    student = run_folder / "standard.safetensors"
    flags = ["--preset", "smoke", "--data", str(few_photographs), "--runs", str(run_folder.parent)]
    flags += ["--only", "teacher", "--teacher-after", str(student), "--name", "after"]
    assert distill.main([*flags, "--crops-per-photo", "6"]) == 0
    path = run_folder.parent / "after" / "teacher.safetensors"
    first, begun = load_teacher(path).first, any_student(student)
    assert first is not None
    for name, value in begun.state_dict().items():
        torch.testing.assert_close(first.state_dict()[name], value)
    about = json.loads(read_about(path)["config"])
    assert about["teacher_after"] == "standard.safetensors"


def test_the_bundled_teacher_as_it_is_goes_on_from_no_other_student(
    few_photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--preset", "smoke", "--data", str(few_photographs), "--runs", str(tmp_path)]
    flags += ["--only", "teacher", "--teacher", "bundled", "--teacher-after", "any.onnx"]
    assert distill.main(flags) == 1
    assert "hint: ask for --teacher tune" in capsys.readouterr().err


def test_a_folder_without_photographs_exits_with_1_and_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    flags = ["--preset", "smoke", "--data", str(tmp_path / "empty"), "--runs", str(tmp_path)]
    assert distill.main(flags) == 1
    assert "hint: give --data a folder" in capsys.readouterr().err


def test_flags_change_a_preset() -> None:
    flags = ["--preset", "smoke", "--channels", "32", "--student-steps", "7", "--spatial-attention"]
    config, _ = parse(flags, "x", "y")
    assert (config.channels, config.student.steps, config.spatial_attention) == (32, 7, True)
    assert config.student.batch == PRESETS["smoke"].student.batch
    plain = PRESETS["smoke"]
    assert config.identity("student") != plain.identity("student")


def test_what_the_estimator_is_trained_with_is_its_own_matter() -> None:
    flags = ["--preset", "smoke", "--lost-weight", "1", "--join-only", "--validation-cameras", "9"]
    config, _ = parse(flags, "x", "y")
    plain = PRESETS["smoke"]
    for network in ("student", "teacher"):
        assert config.identity(network) == plain.identity(network)
    assert config.identity("estimator") != plain.identity("estimator")


def test_a_tier_is_a_student_of_its_own_beside_the_others() -> None:
    lite, _ = parse(["--preset", "smoke", "--tier", "lite"], "x", "y")
    plain = PRESETS["smoke"]
    assert (lite.tier, lite.channels, lite.blocks) == ("lite", 16, 3)
    assert lite.identity("student") != plain.identity("student")
    assert lite.identity("teacher") == plain.identity("teacher")
    assert lite.identity("estimator") == plain.identity("estimator")
    wide, _ = parse(["--tier", "lite", "--channels", "48"], "x", "y")
    assert (wide.channels, wide.blocks) == (48, 3)


def test_only_what_changes_its_numbers_keeps_a_network_from_resuming() -> None:
    plain = PRESETS["smoke"]
    gentler = replace(plain, student=replace(plain.student, rate=1e-5))
    assert gentler.identity("student") != plain.identity("student")
    assert gentler.identity("teacher") == plain.identity("teacher")
    taught = replace(plain, teacher=replace(plain.teacher, batch=3))
    assert taught.identity("student") != plain.identity("student")
    assert taught.identity("estimator") == plain.identity("estimator")
    longer = replace(plain, threads=7, student=replace(plain.student, steps=9))
    assert longer.identity("student") == plain.identity("student")


def test_a_weight_of_zero_switches_the_vgg_term_off() -> None:
    config, _ = parse(["--preset", "smoke", "--vgg-weight", "0"], "x", "y")
    y = torch.rand(2, 1, 64, 64)
    assert set(picture_terms(config, y, y, 0)) == {"pixel", "error", "edge", "ssim"}


def test_the_teacher_gets_no_gradient_from_the_student() -> None:
    config = PRESETS["smoke"]
    teacher, student = UNetTeacher(TeacherSpec(width=8)), UNetStudent(NetworkSpec())
    adapter = nn.Conv2d(32, teacher.feature_channels, 1)
    y = torch.rand(2, 1, 64, 64)
    batch = [y, y.flip(0), torch.rand(2, CameraProfile.SIZE)]
    terms = student_loss(config, teacher, adapter, student, batch, 0)
    torch.stack(list(terms.values())).sum().backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert adapter.weight.grad.abs().sum() > 0


class Answers(nn.Module):
    """A teacher that gives the same pictures whatever it sees."""

    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, y: torch.Tensor, camera: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.answer, torch.rand(len(y), 8, y.shape[2] // 4, y.shape[3] // 4)


def test_only_what_the_teacher_does_better_is_learnt_from_its_output() -> None:
    config = PRESETS["smoke"]
    student, adapter = UNetStudent(NetworkSpec()), nn.Conv2d(32, 8, 1)
    target = torch.rand(2, 1, 64, 64)
    degraded = (target + 0.1).clamp(0, 1)
    for answer, expected in ((target, True), (target + 0.2, False)):
        batch = [degraded, target, torch.zeros(2, CameraProfile.SIZE)]
        terms = student_loss(config, Answers(answer), adapter, student, batch, 1)
        assert (terms["output"].item() > 0) == expected


def test_the_bundled_teacher_is_taken_as_it_is_or_tuned(few_photographs: Path, tmp_path) -> None:
    flags = ["--preset", "smoke", "--data", str(few_photographs), "--runs", str(tmp_path)]
    flags += ["--crops-per-photo", "2", "--student-steps", "2", "--estimator-steps", "2"]
    assert distill.main([*flags, "--teacher", "bundled", "--name", "bundled"]) == 0
    assert not (tmp_path / "bundled" / "teacher.safetensors").exists()
    assert distill.main([*flags, "--teacher", "tune", "--teacher-steps", "2"]) == 0
    paths = tmp_path / "smoke" / "teacher.safetensors", distill.TEACHER
    tuned, bundled = map(load_teacher, paths)
    assert tuned.spec == bundled.spec
    before, after = (teacher.middle[0].feed.weight for teacher in (bundled, tuned))
    assert 0 < (before - after).abs().max() < 0.01
