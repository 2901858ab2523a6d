"""`sharpcam enhance` through the command line: what it makes, and what it refuses."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import SAMPLE, audio_packets, write_clip, write_tone_only
from numpy.typing import NDArray
from rich.console import Console
from tiny import write_adder, write_identity

from sharpcam import batch
from sharpcam.batch import Restorer, run
from sharpcam.cli import main
from sharpcam.enhancer import Passthrough
from sharpcam.estimator import Earlier
from sharpcam.jobs import Job, plan
from sharpcam.picture import Picture, read_picture, write_picture
from sharpcam.profile import TYPICAL, CameraProfile
from sharpcam.scaling import fit, scaled_i420
from sharpcam.video import VideoReader

Enhance = Callable[..., int]


@pytest.fixture
def enhance(tmp_path_factory: pytest.TempPathFactory) -> Enhance:
    """Run the command with a student that adds 10 grey levels per pixel of blur: here 20."""
    model = write_adder(tmp_path_factory.mktemp("model") / "adder.onnx")

    def command(*arguments: object) -> int:
        given = [str(argument) for argument in arguments]
        options = [] if "--profile" in given else ["--profile", "2,0,0"]
        options += [] if "--model" in given else ["--model", str(model)]
        return main(["enhance", *given, "--threads", "1", *options])

    return command


def picture(path: Path, *shape: int, dtype: type = np.uint8, level: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    scale = 257 if dtype == np.uint16 else 1
    write_picture(path, Picture(np.full(shape or (20, 30, 3), level * scale, dtype)))
    return path


def level(path: Path) -> float:
    """The middle grey level of a picture's first channel."""
    return float(np.median(read_picture(path).pixels.reshape(-1)[:1]))


def names(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def error_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was complained about, each with a hint below."""
    lines = capsys.readouterr().err.splitlines()
    complaints = [line for line in lines if line.startswith("sharpcam: ")]
    hints = [line for line in lines if line.startswith("  hint: ")]
    assert len(complaints) == len(hints)
    assert "Traceback" not in "".join(lines)
    return complaints


def test_one_picture_into_one_file(tmp_path: Path, enhance: Enhance) -> None:
    source = picture(tmp_path / "in.png")
    assert enhance(source, "-o", tmp_path / "out.png") == 0
    assert level(tmp_path / "out.png") == 120
    assert names(tmp_path) == ["in.png", "out.png"]


def test_one_picture_into_a_folder_that_is_made(tmp_path: Path, enhance: Enhance) -> None:
    assert enhance(picture(tmp_path / "in.png"), "-o", tmp_path / "new" / "folder") == 0
    assert names(tmp_path / "new") == ["folder/in.png"]


def test_folders_keep_their_structure_and_mix_pictures_with_videos(
    tmp_path: Path, enhance: Enhance
) -> None:
    folder = tmp_path / "in"
    picture(folder / "a.PNG")
    picture(folder / "deep" / "er" / "b.jpeg")
    picture(folder / ".hidden.png")
    write_clip(folder / "deep" / "c.avi", 3)
    (folder / "notes.txt").write_text("not a picture")
    out = folder / "sharp"  # within the input: a second run must not take it as input
    for _ in range(2):
        assert enhance(folder, "-o", out, "--overwrite") == 0
        assert names(out) == ["a.PNG", "deep/c.mp4", "deep/er/b.jpeg"]


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((1, 1, 3), np.uint8),
        ((16, 16, 3), np.uint8),
        ((17, 31, 3), np.uint8),
        ((20, 30), np.uint8),
        ((20, 30), np.uint16),
        ((20, 30, 4), np.uint8),
        ((20, 30, 4), np.uint16),
    ],
)
def test_every_kind_of_picture_comes_back_as_its_kind(
    tmp_path: Path, enhance: Enhance, shape: tuple[int, ...], dtype: type
) -> None:
    source = picture(tmp_path / "in.png", *shape, dtype=dtype)
    assert enhance(source, "-o", tmp_path / "out.png") == 0
    result = read_picture(tmp_path / "out.png").pixels
    assert (result.shape, result.dtype) == (shape, dtype)
    assert level(tmp_path / "out.png") == 120 * (257 if dtype == np.uint16 else 1)


def test_an_8k_picture(tmp_path: Path, enhance: Enhance) -> None:
    source = picture(tmp_path / "in.png", 4320, 7680)
    assert enhance(source, "-o", tmp_path / "out.png") == 0
    assert (read_picture(tmp_path / "out.png").pixels == 120).all()


def test_strength_0_leaves_every_bit_of_a_picture(tmp_path: Path, enhance: Enhance) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (33, 47, 3), dtype=np.uint8)
    write_picture(tmp_path / "in.png", Picture(noise))
    assert enhance(tmp_path / "in.png", "-o", tmp_path / "out.png", "--strength", "0") == 0
    np.testing.assert_array_equal(read_picture(tmp_path / "out.png").pixels, noise)


@pytest.mark.parametrize(("strength", "added"), [("0", 0), ("1", 20)])
def test_a_real_clip_frame_by_frame(
    tmp_path: Path, enhance: Enhance, strength: str, added: int
) -> None:
    out = tmp_path / "out.mkv"
    assert enhance(SAMPLE, "-o", out, "--strength", strength) == 0
    with VideoReader(SAMPLE) as before, VideoReader(out) as after:
        assert (after.width, after.height, after.fps) == (640, 480, 30)
        for (old, old_time), (new, new_time) in zip(before, after, strict=True):
            assert new_time == pytest.approx(old_time, abs=0.001)
            expected = np.clip(old[:480].astype(int) + added, 0, 255)
            assert np.abs(new[:480] - expected).mean() < 1.0
            assert np.abs(new[480:].astype(int) - old[480:]).mean() < 1.0


def test_a_clip_keeps_its_audio(tmp_path: Path, enhance: Enhance) -> None:
    source = write_clip(tmp_path / "in.mp4", tone="aac")
    assert enhance(source, "-o", tmp_path / "out.mp4") == 0
    assert audio_packets(tmp_path / "out.mp4") == audio_packets(source) != []


def test_size_scales_up_into_the_box_and_never_down(tmp_path: Path, enhance: Enhance) -> None:
    picture(tmp_path / "in" / "small.png", 100, 300, 3)
    picture(tmp_path / "in" / "large.png", 700, 600, 3)
    write_clip(tmp_path / "in" / "clip.mp4", 2, (64, 48))
    assert enhance(tmp_path / "in", "-o", tmp_path / "out", "--size", "640x480") == 0
    assert read_picture(tmp_path / "out" / "small.png").pixels.shape == (213, 640, 3)
    assert read_picture(tmp_path / "out" / "large.png").pixels.shape == (700, 600, 3)
    with VideoReader(tmp_path / "out" / "clip.mp4") as video:
        assert (video.width, video.height) == (640, 480)


def test_fitting_keeps_the_aspect_ratio() -> None:
    assert fit((640, 480), (1920, 1080)) == (1440, 1080)
    assert fit((1, 1), (1920, 1080)) == (1080, 1080)
    assert fit((2000, 100), (1920, 1080)) == (2000, 100)
    assert fit((426, 240), (1920, 1080), even=True) == (1916, 1080)


def test_i420_is_scaled_plane_by_plane() -> None:
    i420 = np.concatenate([np.full(4 * 8, 50), np.full(8, 100), np.full(8, 200)])
    scaled = scaled_i420(i420.astype(np.uint8).reshape(6, 8), (20, 10))
    assert scaled.shape == (15, 20)
    planes = (scaled[:10], scaled[10:].reshape(-1)[:50], scaled[10:].reshape(-1)[50:])
    assert [np.unique(plane).tolist() for plane in planes] == [[50], [100], [200]]


class Recording(Passthrough):
    """Remembers the profiles it was given."""

    def __init__(self) -> None:
        self.profiles: list[CameraProfile] = []

    def set_profile(self, profile: CameraProfile) -> None:
        self.profiles.append(profile)


class Counting:
    """Estimates blur 0.0, 0.1, 0.2, ... and sees nothing in dark pictures."""

    def __init__(self) -> None:
        self.seen = 0

    def estimate(
        self, y: NDArray[np.uint8], earlier: Earlier | None = None
    ) -> CameraProfile | None:
        self.seen += 1
        return None if y.mean() < 50 else CameraProfile.of((self.seen - 1) / 10, 1, 0)


def test_the_profile_is_estimated_for_every_picture(tmp_path: Path) -> None:
    enhancer = Recording()
    restorer = Restorer(enhancer, estimator=Counting())
    for name, grey in (("a.png", 100), ("b.png", 100), ("dark.png", 0)):
        source = picture(tmp_path / name, level=grey)
        restorer.restore(Job(source, tmp_path / "out" / name), lambda _: None)
    assert enhancer.profiles == [CameraProfile.of(0, 1, 0), CameraProfile.of(0.1, 1, 0), TYPICAL]


def test_the_profile_of_a_video_is_the_median_over_its_first_frames(tmp_path: Path) -> None:
    enhancer, estimator = Recording(), Counting()
    restorer = Restorer(enhancer, estimator=estimator)
    restorer.restore(Job(SAMPLE, tmp_path / "out.mkv"), lambda _: None)
    assert estimator.seen == 5  # 65 frames, one in 15
    assert enhancer.profiles == [CameraProfile.of(0.2, 1, 0)]


@pytest.mark.parametrize(
    ("denoise", "strength", "steadier"), [(True, 1.0, True), (False, 1.0, False), (True, 0, False)]
)
def test_what_does_not_move_in_a_video_is_averaged_unless_switched_off(
    tmp_path: Path, denoise: bool, strength: float, steadier: bool
) -> None:
    restorer = Restorer(Passthrough(), strength=strength, denoise=denoise)
    restorer.restore(Job(SAMPLE, tmp_path / "out.mkv"), lambda _: None)
    restorer = Restorer(Passthrough(), denoise=False)
    restorer.restore(Job(SAMPLE, tmp_path / "as it is.mkv"), lambda _: None)
    change = []
    for name in ("out.mkv", "as it is.mkv"):
        with VideoReader(tmp_path / name) as video:
            frames = np.stack([i420[: video.height].copy() for i420, _ in video])
        change.append(np.abs(np.diff(frames.astype(int), axis=0)).mean())
    assert (change[0] < 0.97 * change[1]) == steadier
    assert (change[0] == change[1]) != steadier


def test_progress_runs_to_the_end(tmp_path: Path) -> None:
    done: list[float] = []
    Restorer(Passthrough()).restore(Job(SAMPLE, tmp_path / "out.mkv"), done.append)
    assert done == sorted(done)
    assert 0.9 < done[-1] <= 1


# What is refused. Every case: one line and a hint, exit code 1, nothing under the final name.


def make_bad_inputs(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for extension in ("jpg", "png"):
        path = folder / f"cut.{extension}"
        write_picture(path, Picture(noise))
        path.write_bytes(path.read_bytes()[:-500])
    clip = write_clip(folder / "cut.mp4", 50)
    clip.write_bytes(clip.read_bytes()[:-500])
    for name in ("empty.png", "empty.mp4"):
        (folder / name).touch()
    (folder / "text.png").write_text("text")
    (folder / "text.mp4").write_text("text")
    write_tone_only(folder / "tone.m4a").rename(folder / "tone.mp4")
    (folder / "no pictures").mkdir()
    bad = {path.name: path for path in folder.iterdir()}
    return bad | {"missing.png": folder / "missing.png", "missing.mp4": folder / "missing.mp4"}


def test_bad_inputs_do_not_stop_the_good_ones(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = make_bad_inputs(tmp_path / "bad")
    first, last = picture(tmp_path / "first.png"), write_clip(tmp_path / "last.mp4", 3)
    assert enhance(first, *bad.values(), last, "-o", tmp_path / "out") == 1
    complaints = error_lines(capsys)
    assert sorted(bad) == sorted(BAD)
    assert len(complaints) == len(bad)
    for name in bad:
        assert any(name in complaint for complaint in complaints), name
    assert names(tmp_path / "out") == ["first.png", "last.mp4"]


BAD = (
    *("cut.jpg", "cut.png", "cut.mp4", "empty.png", "empty.mp4", "text.png", "text.mp4"),
    *("tone.mp4", "missing.png", "missing.mp4", "no pictures"),
)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_alone(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    source = make_bad_inputs(tmp_path / "bad")[name]
    target = tmp_path / "out" / f"out{source.suffix}"
    assert enhance(source, "-o", target) == 1
    (complaint,) = error_lines(capsys)
    assert name in complaint
    assert not names(tmp_path / "out")


def test_names_that_no_file_can_have_do_not_stop_the_others(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str]
) -> None:
    good, long = picture(tmp_path / "good.png"), tmp_path / f"{'long' * 100}.png"
    assert enhance(long, good, "-o", tmp_path / "out") == 1
    assert enhance(long, "-o", tmp_path / "out2") == 1
    assert enhance(good, "-o", long) == 1
    assert enhance(good, "-o", long.with_suffix("")) == 1
    assert all("longlong" in complaint for complaint in error_lines(capsys))
    assert names(tmp_path / "out") == ["good.png"]


def test_the_longest_name_is_written(tmp_path: Path, enhance: Enhance) -> None:
    source = picture(tmp_path / f"{'x' * 251}.png")
    assert enhance(source, "-o", tmp_path / "out") == 0
    assert names(tmp_path / "out") == [source.name]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_in_a_circle_are_left_out(tmp_path: Path, enhance: Enhance) -> None:
    folder = picture(tmp_path / "in" / "good.png").parent
    (folder / "round.png").symlink_to("round.png")
    (folder / "back").symlink_to(".")
    assert enhance(folder, "-o", tmp_path / "out") == 0
    assert names(tmp_path / "out") == ["good.png"]


def test_an_output_that_exists_needs_overwrite(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = picture(tmp_path / "in.png"), picture(tmp_path / "out.png", level=7)
    assert enhance(source, "-o", target) == 1
    assert "exists already" in error_lines(capsys)[0]
    assert level(target) == 7
    assert enhance(source, "-o", target, "--overwrite") == 0
    assert level(target) == 120


def test_a_failure_leaves_the_old_output_alone(tmp_path: Path, enhance: Enhance) -> None:
    target = picture(tmp_path / "out.png", level=7)
    (tmp_path / "in.png").write_text("text")
    assert enhance(tmp_path / "in.png", "-o", target, "--overwrite") == 1
    assert level(target) == 7
    assert names(tmp_path) == ["in.png", "out.png"]


def test_the_input_is_never_overwritten(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str]
) -> None:
    source = picture(tmp_path / "in.png")
    link = tmp_path / "link.png"
    link.hardlink_to(source)
    for output in (source, tmp_path / "." / "in.png", tmp_path, link):
        assert enhance(source, "-o", output, "--overwrite") == 1
    assert enhance(tmp_path, "-o", tmp_path, "--overwrite") == 1
    assert len(error_lines(capsys)) == 5
    assert level(source) == 100


def test_two_inputs_for_one_output_are_refused(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = picture(tmp_path / "a" / "x.png"), picture(tmp_path / "b" / "x.png", level=7)
    assert enhance(first, second, "-o", tmp_path / "out") == 1
    assert "both" in error_lines(capsys)[0]
    assert level(tmp_path / "out" / "x.png") == 120


@pytest.mark.parametrize("output", ["file.txt/out.png", "file.txt/folder", "out.xyz", "out.mp4"])
def test_an_output_that_cannot_be_written(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    source = picture(tmp_path / "in.png")
    (tmp_path / "file.txt").touch()
    assert enhance(source, "-o", tmp_path / output) == 1
    assert len(error_lines(capsys)) == 1
    assert names(tmp_path) == ["file.txt", "in.png"]


def test_several_inputs_need_a_folder(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = picture(tmp_path / "a.png"), picture(tmp_path / "b.png")
    (tmp_path / "out").touch()
    assert enhance(first, second, "-o", tmp_path / "out") == 1
    assert "is a file" in error_lines(capsys)[0]


@pytest.mark.parametrize("content", [None, b"", b"not a model"])
def test_a_bad_model_is_refused(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    source, model = picture(tmp_path / "in.png"), tmp_path / "model.onnx"
    if content is not None:
        model.write_bytes(content)
    assert enhance(source, "-o", tmp_path / "out.png", "--model", model) == 1
    assert "model.onnx" in error_lines(capsys)[0]
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("profile", ["soft", "1,2", "1,2,3,4", "9,0,0", "nan,0,0"])
def test_a_bad_profile_is_refused(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str], profile: str
) -> None:
    source = picture(tmp_path / "in.png")
    assert enhance(source, "-o", tmp_path / "out.png", "--profile", profile) == 1
    assert "profile" in error_lines(capsys)[0]


def test_a_bug_in_one_file_does_not_cost_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Passthrough):
        def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
            if y[0, 0] == 7:
                raise IndexError("a bug")
            return y

    sources = [picture(tmp_path / "in" / f"{grey}.png", level=grey) for grey in (7, 8)]
    jobs, problems = plan(sources, tmp_path / "out", overwrite=False)
    lines = io.StringIO()
    problems += run(Restorer(Broken()), jobs, Console(file=lines, width=1000))
    assert len(problems) == 1
    assert "IndexError: a bug" in lines.getvalue()
    assert "Traceback" in caplog.text
    assert names(tmp_path / "out") == ["8.png"]


@pytest.mark.parametrize("name", ["a [red] b.png", ":smile:.png", "[/"])
def test_names_are_shown_as_they_are(
    tmp_path: Path, enhance: Enhance, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    source = picture(tmp_path / name / "x].png")
    assert enhance(source, "-o", tmp_path / "out.png") == 0
    assert capsys.readouterr().err == f"{source} -> {tmp_path / 'out.png'}\n"


def test_a_terminal_shows_any_name(tmp_path: Path) -> None:
    jobs, _ = plan([picture(tmp_path / "[red]a.png")], tmp_path / "out", overwrite=False)
    lines = io.StringIO()
    run(Restorer(Passthrough()), jobs, Console(file=lines, width=1000, force_terminal=True))
    assert "[red]a.png \x1b" in lines.getvalue()


def test_ctrl_c_keeps_finished_files_and_leaves_no_half_ones(
    tmp_path: Path, enhance: Enhance, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Passthrough):
        frames = 0

        def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
            self.frames += 1
            if self.frames == 4:
                raise KeyboardInterrupt
            return y

    monkeypatch.setattr(batch, "load_enhancer", lambda *_: Interrupted())
    first, clip = picture(tmp_path / "a.png"), write_clip(tmp_path / "b.mp4", 9)
    assert enhance(first, clip, "-o", tmp_path / "out") == 130
    assert names(tmp_path / "out") == ["a.png"]


def test_the_bundled_student_and_estimator_do_a_picture(tmp_path: Path) -> None:
    photo = next(iter(sorted((SAMPLE.parents[2] / "training" / "photos").glob("*.webp"))))
    assert main(["enhance", str(photo), "-o", str(tmp_path / "out.png")]) == 0
    before, after = read_picture(photo).pixels, read_picture(tmp_path / "out.png").pixels
    assert before.shape == after.shape
    assert np.abs(after.astype(int) - before).mean() < 20


def test_an_identity_student_changes_nothing(tmp_path: Path, enhance: Enhance) -> None:
    model = write_identity(tmp_path / "identity.onnx")
    noise = np.random.default_rng(3).integers(0, 256, (33, 47, 4), dtype=np.uint8)
    write_picture(tmp_path / "in.png", Picture(noise))
    assert enhance(tmp_path / "in.png", "-o", tmp_path / "out.png", "--model", model) == 0
    np.testing.assert_array_equal(read_picture(tmp_path / "out.png").pixels, noise)
