"""Video with a known original: every figure does what its name says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny import write_adder, write_identity

from sharpcam.assets import asset
from sharpcam.errors import SharpCamError
from training import video_quality, vmaf
from training.baselines import unsharp_mask
from training.degrade import Camera
from training.footage import luma
from training.video_quality import at_rest, coded_bytes, film, shrunk, turned


@pytest.fixture(scope="module")
def clip() -> list[np.ndarray]:
    """Eight crisp frames of a bundled clip: uint8 [240, 320]."""
    return shrunk(luma(asset("samples/book.mkv"), 8), 2)


def softened(clip: list[np.ndarray]) -> list[np.ndarray]:
    return [cv2.GaussianBlur(y, (0, 0), 1.5) for y in clip]


@pytest.fixture
def _needs_vmaf() -> None:
    try:
        vmaf.ffmpeg_with_vmaf()
    except SharpCamError as error:
        pytest.skip(f"{error.message}: {error.hint}")


@pytest.mark.usefixtures("_needs_vmaf")
def test_vmaf_is_high_for_the_original_and_lower_for_a_soft_clip(clip: list[np.ndarray]) -> None:
    same, soft = vmaf.vmaf(clip, clip), vmaf.vmaf(softened(clip), clip)
    assert same["vmaf"] > 95
    assert soft["vmaf"] < same["vmaf"] - 20
    assert soft["vmaf_neg"] == pytest.approx(soft["vmaf"], abs=5)


@pytest.mark.usefixtures("_needs_vmaf")
def test_sharpening_beyond_the_original_earns_vmaf_but_not_neg(clip: list[np.ndarray]) -> None:
    soft, hard = softened(clip), [unsharp_mask(y, 1.5, 1.0) for y in clip]
    found = vmaf.vmaf(hard, clip)
    assert found["vmaf"] > found["vmaf_neg"] + 2
    assert vmaf.vmaf(soft, clip)["vmaf_neg"] < found["vmaf_neg"]


def test_without_libvmaf_the_refusal_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "ffmpeg"
    bare.write_text("#!/bin/sh\necho ' T.. scale  V->V  Scale the input.'\n")
    bare.chmod(0o755)
    monkeypatch.setattr(vmaf.shutil, "which", lambda name: str(bare))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(SharpCamError, match="no ffmpeg with libvmaf"):
        vmaf.ffmpeg_with_vmaf.__wrapped__()


def test_what_trembles_is_told_from_what_stands_still() -> None:
    rng = np.random.default_rng(0)
    scene = np.repeat(np.uint8([[80, 160]]), 64, axis=1).repeat(96, axis=0)
    grain = rng.normal(0, 3, (8, 96, 128))
    shown = [np.clip(scene + it, 0, 255).astype(np.uint8) for it in grain]
    louder = [np.clip(scene + 2 * it, 0, 255).astype(np.uint8) for it in grain]
    found = at_rest(louder, shown, scene)
    assert found["flicker"] == pytest.approx(2, abs=0.1)
    assert found["noise_gain"] == pytest.approx(2, abs=0.1)
    assert at_rest([scene] * 8, shown, scene) == {"flicker": 0, "noise_gain": 0}


def test_noise_gain_is_that_of_flat_parts_alone() -> None:
    rng = np.random.default_rng(0)
    scene = np.full((96, 128), 100, np.uint8)
    scene[:, 64:] = rng.integers(0, 200, (96, 64))
    still = np.zeros((8, 96, 128))
    still[:, :, 64:] = rng.normal(0, 5, (8, 96, 64))
    grain = rng.normal(0, 3, (8, 96, 128))
    shown = [np.clip(scene + it, 0, 255).astype(np.uint8) for it in grain]
    made = [
        np.clip(scene + it + more, 0, 255).astype(np.uint8)
        for it, more in zip(grain, still, strict=True)
    ]
    found = at_rest(made, shown, scene)
    assert found["noise_gain"] == pytest.approx(1)
    assert found["flicker"] > 1.2


def test_a_turned_camera_shows_the_scene_so_far_aside(clip: list[np.ndarray]) -> None:
    frames = turned(clip[0], 2.0)
    assert len(frames) == video_quality.TIMES
    for index, y in enumerate(frames):
        np.testing.assert_array_equal(y, clip[0][:, 2 * index :][:, : y.shape[1]])


def test_detail_costs_bits(clip: list[np.ndarray]) -> None:
    assert coded_bytes(softened(clip)) < 0.8 * coded_bytes(clip)


def test_every_frame_has_noise_of_its_own_and_a_codec_is_left_out(clip: list[np.ndarray]) -> None:
    first, second = film(Camera(read_noise=0.01, crf=40), [clip[0], clip[0]])
    assert (first != second).mean() > 0.3
    np.testing.assert_array_equal(film(Camera(crf=40), clip[:1])[0], clip[0])


def test_the_command_prints_every_way_and_says_why_vmaf_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> str:
        raise SharpCamError("no ffmpeg with libvmaf here", "install one")

    monkeypatch.setattr(video_quality, "ffmpeg_with_vmaf", nowhere)
    monkeypatch.setattr(video_quality, "TIMES", 3)
    files = write_identity(tmp_path / "standard.onnx"), write_adder(tmp_path / "lite.onnx")
    flags = [str(asset("samples/book.mkv")), "--frames", "3", "--shrink", "2"]
    flags += [part for file in files for part in ("--model", str(file))]
    assert video_quality.main(flags) == 0
    steadier = json.loads(capsys.readouterr().out.splitlines()[-1])
    flags += ["--no-denoise", "--json", str(tmp_path / "figures.json")]
    assert video_quality.main(flags) == 0
    out, err = capsys.readouterr()
    assert "no ffmpeg with libvmaf here: install one" in err
    printed = json.loads(out.splitlines()[-1])
    assert printed == json.loads((tmp_path / "figures.json").read_text())
    book = printed["clips"]["book"]
    assert set(book) == {"input", "unsharp mask", "standard", "lite", "original"}
    assert book["standard"] == {"psnr": book["input"]["psnr"], "bit_rate": 1}
    assert book["original"]["psnr"] == 60
    assert book["original"]["bit_rate"] > 1
    for camera in video_quality.AT_REST:
        assert printed["at_rest"][camera]["standard"] == {"flicker": 1, "noise_gain": 1}
        assert printed["at_rest"][camera]["unsharp mask"]["flicker"] > 1.2
        assert steadier["at_rest"][camera]["standard"]["flicker"] < 0.95
        for speed in video_quality.SPEEDS_PX:
            scene = f"{camera}, {speed:g} px"
            plain, averaged = printed["turned"][scene], steadier["turned"][scene]
            assert plain["standard"] == plain["input"] == averaged["input"]
            assert averaged["standard"]["psnr"] > plain["standard"]["psnr"] - 0.1


def test_a_clip_that_is_none_exits_with_1_and_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    student = write_identity(tmp_path / "standard.onnx")
    assert video_quality.main([str(tmp_path / "none.mkv"), "--model", str(student)]) == 1
    assert "hint" in capsys.readouterr().err
