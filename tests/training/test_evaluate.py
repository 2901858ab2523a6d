"""The evaluation: its rows, its columns, and the command that prints them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tiny import write_adder, write_identity

from sharpcam import bench_turns
from sharpcam.enhancer import Passthrough, load_enhancer
from sharpcam.errors import SharpCamError
from sharpcam.estimator import Earlier, ProfileEstimator
from sharpcam.profile import TYPICAL, CameraProfile
from training import baselines, evaluate, scores
from training.cameras import BUCKETS
from training.checkpoint import save_weights
from training.data import PHOTOS
from training.peers import Fsrcnn
from training.rows import Bucket, fill, learnt, student_rows
from training.scores import milliseconds, score
from training.teacher import TeacherSpec, UNetTeacher

EVERY_BUCKET = {
    "seed-bicubic", "seed-bilinear", "webcam-mild", "webcam-360p", "low light", "self-sharpened",
    "clean", "call codec",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """OpenMP's threads wait by spinning, which takes all where other tests run, too."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


@pytest.fixture(scope="module")
def bucket() -> Bucket:
    """Two pictures as a soft camera shows them."""
    pictures = evaluate.test_pictures(PHOTOS, None)[:2]
    return fill(BUCKETS["webcam-mild"], pictures, ProfileEstimator())


class Told(Passthrough):
    """A student that notes what it was told of the camera."""

    def __init__(self) -> None:
        self.profiles: list[CameraProfile] = []

    def set_profile(self, profile: CameraProfile) -> None:
        self.profiles.append(profile)


def test_a_bucket_shows_its_pictures_through_its_camera_and_learns_it(bucket: Bucket) -> None:
    assert [y.shape for y in bucket.shown] == [y.shape for y in bucket.targets]
    assert bucket.true.blur_px == pytest.approx(1.1, abs=0.05)
    assert bucket.auto.blur_px == pytest.approx(1.1, abs=0.4)
    estimator, earlier = ProfileEstimator(), Earlier()
    assert bucket.auto == learnt([estimator.estimate(y, earlier) for y in bucket.shown])
    assert bucket.singles == [estimator.estimate(y) for y in bucket.shown]
    assert learnt([]) == TYPICAL


def test_a_student_is_told_what_its_row_says(bucket: Bucket) -> None:
    student = Told()
    rows = student_rows("net", student, wrongly=True)
    told = {}
    for name, restore in rows.items():
        student.profiles.clear()
        made = restore(bucket)
        assert all(y is shown for y, shown in zip(made, bucket.shown, strict=True))
        told[name] = list(student.profiles)
    true = bucket.true
    assert told == {
        "net, auto": [bucket.auto],
        "net, true profile": [true],
        "net, blind": [TYPICAL],
        "net, auto from each picture alone": bucket.singles,
        "net, true but 25 % less blur": [true.with_blur(0.75)],
        "net, true but 25 % more blur": [true.with_blur(1.25)],
    }
    assert list(student_rows("net", student, wrongly=False)) == list(rows)[:3]
    assert true.with_blur(0.75).blur_px == pytest.approx(0.75 * true.blur_px, abs=0.03)


def test_perceptual_figures_come_from_some_of_the_pictures(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    monkeypatch.setattr(scores, "lpips", lambda a, b: counted.append(1) or 0.25)
    many = bucket.shown * 5
    found = score(many, bucket.targets * 5, perceptual=4)
    assert len(counted) == 4
    assert found["lpips"] == 0.25
    assert 0.5 < found["ms_ssim"] < 1
    assert set(score(many, bucket.targets * 5, perceptual=0)) == {"psnr", "ssim"}


def test_the_original_is_perfect_in_every_column(bucket: Bucket) -> None:
    found = score(bucket.targets, bucket.targets, perceptual=2)
    assert found == pytest.approx({"psnr": 60, "ssim": 1, "lpips": 0, "ms_ssim": 1})


def test_times_are_medians_in_turns_of_frames_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(bench_turns.time, "perf_counter", lambda: now[0])
    turns = []

    def way(name: str, first: float, later: float):
        def run(frame: np.ndarray) -> None:
            before = [name] if name in turns else []
            # After another way's frame the caches are cold, and a slow one always is as slow.
            cold = 3 if turns[-1:] != before and first < 1 else 1
            now[0] += cold * (later if before else first)
            turns.append(name)

        return run

    frame = np.zeros((4, 4), np.uint8)
    found = milliseconds({"fast": way("fast", 0.2, 0.01), "slow": way("slow", 1.0, 0.5)}, frame)
    assert found == {"fast": 10.0, "slow": 500.0}  # first runs and first frames are left out
    row = 1 + bench_turns.IN_A_ROW
    assert turns[4 : 6 + 2 * row] == ["fast"] * row + ["slow"] + ["fast"] * (row + 1)
    assert turns.count("fast") == 2 + 12 * row
    assert turns.count("slow") == 2 + 3


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two students that are none, and a small untrained teacher."""
    torch.manual_seed(0)
    teacher = UNetTeacher(TeacherSpec(width=8))
    save_weights(tmp_path / "teacher.safetensors", teacher, {"spec": asdict(teacher.spec)})
    return {
        "standard": write_identity(tmp_path / "standard.onnx"),
        "lite-int8": write_adder(tmp_path / "lite-int8.onnx"),
        "teacher": tmp_path / "teacher.safetensors",
    }


def run(few_photographs: Path, files: dict[str, Path], *more: str) -> int:
    flags = ["--data", str(few_photographs), "--teacher", str(files["teacher"])]
    models = ["--model", str(files["lite-int8"]), "--model", str(files["standard"])]
    return evaluate.main([*flags, *models, *more])


def test_the_command_prints_every_row_and_column(
    few_photographs: Path,
    files: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rival(net: str, threads: int) -> Passthrough:
        if net == "seed":
            raise SharpCamError("the seed net has no weights", "train it")
        passthrough = Passthrough()
        passthrough.enhance = lambda y: y
        return passthrough

    monkeypatch.setattr(evaluate, "PeerEnhancer", rival)
    save_weights(tmp_path / "fsrcnn.safetensors", Fsrcnn(), {"step": 7, "seconds": 120.0})
    monkeypatch.setattr(evaluate, "WEIGHTS", tmp_path)
    # LPIPS has its own test, and takes a second per picture where cores are busy.
    monkeypatch.setattr(scores, "lpips", lambda a, b: float(np.abs(a - b.astype(float)).mean()))
    monkeypatch.setattr(baselines, "FIT_PICTURES", 2)
    monkeypatch.setattr(scores, "ROUNDS", 1)
    json_file, sheet = tmp_path / "scores.json", tmp_path / "sheet.png"
    more = ("--perceptual", "1", "--json", str(json_file), "--sheet", str(sheet))
    assert run(few_photographs, files, *more) == 0
    out, err = capsys.readouterr()
    assert "no row for the seed's student: the seed net has no weights" in err
    assert "FSRCNN-size net: 7 steps, 2 minutes of training" in out
    printed = json.loads(out.splitlines()[-1])
    assert printed["rivals"] == {"FSRCNN-size net": {"step": 7, "seconds": 120.0}}
    assert printed == json.loads(json_file.read_text())
    assert printed["pictures"] == 2
    assert "8 bit" in printed["engine"]
    assert set(printed["models"]) == {"standard", "lite-int8"}
    assert set(printed["buckets"]) == EVERY_BUCKET
    for figures in printed["buckets"].values():
        assert {
            "identity", "oracle unsharp", "oracle RCAS", "9x9 linear filter", "FSRCNN-size net",
            "teacher", "standard, auto", "standard, true profile", "standard, blind",
            "lite-int8, auto", "standard, true but 25 % less blur",
            "standard on ONNX Runtime, 8 bit, auto", "standard on ONNX Runtime, 32 bit, auto",
        } <= set(figures)  # fmt: skip
        assert "lite-int8, true but 25 % less blur" not in figures
        for row in figures.values():
            assert {"psnr", "gain", "ssim", "lpips", "ms_ssim"} <= set(row)
        assert figures["standard, auto"]["gain"] == 0
        assert {"blur_px", "noise"} <= set(figures["standard, auto"])
    mild = printed["buckets"]["webcam-mild"]
    assert mild["oracle unsharp"]["gain"] > 0.5
    assert mild["lite-int8, auto"]["gain"] < 0
    assert mild["9x9 linear filter"]["lpips"] < mild["identity"]["lpips"]
    for threads in ("1", "2"):
        ways = set(printed["milliseconds_720p"][threads])
        assert {"standard", "lite-int8", "oracle unsharp", "teacher", "FSRCNN-size net"} <= ways
    assert cv2.imread(str(sheet)).shape == (8 * 384, 4 * 384, 3)


def test_quick_leaves_out_what_takes_long(
    few_photographs: Path, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(few_photographs, files, "--quick", "--engine", "onnxruntime-fp32") == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["engine"] == "ONNX Runtime, 32 bit"
    assert printed["milliseconds_720p"] == {}
    rows = printed["buckets"]["clean"]
    assert set(rows["identity"]) == {"psnr", "ssim", "gain"}
    assert "teacher" not in rows
    assert rows["standard, auto"]["psnr"] == 60


def test_a_folder_without_pictures_exits_with_1_and_a_hint(
    few_photographs: Path,
    files: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    assert run(few_photographs, files, "--pictures", str(tmp_path / "empty")) == 1
    assert "hint: give --pictures a folder" in capsys.readouterr().err


def test_students_of_one_name_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = write_identity(tmp_path / "other" / "standard.onnx")
    with pytest.raises(SharpCamError, match="same name"):
        evaluate.students([files["standard"], twin], 1)


def test_every_bundled_student_is_evaluated() -> None:
    stems = [file.stem for file in evaluate.shipped()]
    assert "standard" in stems
    assert "profile" not in stems
    assert evaluate.main_way(evaluate.shipped()) == "standard"
    for file in evaluate.shipped():
        assert load_enhancer(file, 1).name
