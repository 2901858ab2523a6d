"""The enhancers' promises: any size, strength 0 bit-exact, profiles swapped in, strips unseen."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import SPEC, write_adder, write_blur, write_identity

from sharpcam.engines import Choice
from sharpcam.enhancer import Passthrough, StudentEnhancer, load_enhancer
from sharpcam.errors import SharpCamError
from sharpcam.model import Model, Session, load_model
from sharpcam.profile import TYPICAL, CameraProfile

SIZES = [(1, 1), (1, 7), (16, 16), (17, 31), (480, 640), (2, 5), (1079, 3)]


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height * 10_000 + width).integers(
        0, 256, (height, width), dtype=np.uint8
    )


@pytest.mark.parametrize("size", SIZES)
def test_every_size_comes_back_as_it_was(tmp_path: Path, size: tuple[int, int]) -> None:
    enhancer = load_enhancer(write_identity(tmp_path / "identity.onnx"), threads=1)
    y = noise(*size)
    np.testing.assert_array_equal(enhancer.enhance(y, 1.0), y)


def test_padding_repeats_the_edge(tmp_path: Path) -> None:
    model = write_blur(tmp_path / "blur.onnx", size=3)
    white = np.full((5, 9), 255, np.uint8)
    sharp = load_enhancer(model, threads=1).enhance(white, 1.0)
    assert (sharp[1:, 1:] == 255).all()  # zeros beyond the right and lower edge would darken it


def test_strength_0_returns_the_input_without_running_the_net(tmp_path: Path) -> None:
    enhancer = load_enhancer(write_adder(tmp_path / "adder.onnx"), threads=1)
    y = noise(6, 10)
    assert enhancer.enhance(y, 0.0) is y


def test_the_input_is_not_changed_and_may_be_a_view(tmp_path: Path) -> None:
    enhancer = load_enhancer(write_adder(tmp_path / "adder.onnx"), threads=1)
    whole = noise(16, 32)
    before = whole.copy()
    view = whole[::2, 4:20]
    sharp = enhancer.enhance(view, 1.0)
    assert sharp.shape == view.shape
    np.testing.assert_array_equal(whole, before)


def test_what_changes_by_a_grey_level_stays_as_it_is(tmp_path: Path) -> None:
    enhancer = load_enhancer(write_adder(tmp_path / "adder.onnx"), threads=1)
    y = np.full((6, 10), 100, np.uint8)
    for added, shown in ((1, 100), (2, 102)):
        enhancer.set_profile(CameraProfile.of(blur_px=0, noise=added))
        np.testing.assert_array_equal(enhancer.enhance(y, 1.0), np.full_like(y, shown))


def test_a_new_profile_takes_effect_at_a_later_frame(tmp_path: Path) -> None:
    enhancer = load_enhancer(write_adder(tmp_path / "adder.onnx"), threads=1)
    black = np.zeros((4, 4), np.uint8)
    assert CameraProfile.of(1.0, 1.5, 0.3) == TYPICAL
    assert enhancer.enhance(black, 1.0)[0, 0] == 17  # 14.3 + 1.5 + 1.5
    enhancer.set_profile(CameraProfile.of(2, 0))
    assert enhancer.enhance(black, 1.0)[0, 0] == 20


SOFT = CameraProfile.of(2.0, 1.0, 0.5)


def test_the_version_changes_with_the_profile_and_only_then(tmp_path: Path) -> None:
    enhancer = load_enhancer(write_identity(tmp_path / "identity.onnx"), threads=1)
    versions = [enhancer.version]
    for profile in (TYPICAL, SOFT, SOFT, TYPICAL):
        enhancer.set_profile(profile)
        enhancer.enhance(noise(4, 4), 1.0)
        versions.append(enhancer.version)
    changes = [before != after for before, after in pairwise(versions)]
    assert changes == [False, True, False, True]


def test_an_equal_profile_costs_nothing(tmp_path: Path) -> None:
    enhancer = StudentEnhancer(
        load_model(write_adder(tmp_path / "adder.onnx")), 1, CameraProfile.of(1, 0)
    )
    session = enhancer._session
    enhancer.set_profile(CameraProfile.of(1, 0))
    assert enhancer._session is session


def test_another_number_of_threads_gives_the_same_picture_and_is_ready_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    make = Model.session

    def session(model: Model, profile: CameraProfile, threads: int, choice: Choice) -> Session:
        asked.append(threads)
        return make(model, profile, threads, choice)

    monkeypatch.setattr(Model, "session", session)
    y = noise(64, 48)
    enhancer = load_enhancer(write_blur(tmp_path / "blur.onnx", 5), threads=2)
    before, version, session = enhancer.enhance(y, 1.0), enhancer.version, enhancer._session
    enhancer.set_threads(2)
    assert enhancer._session is session
    enhancer.set_threads(1)
    assert enhancer._session is not session
    assert asked[-1] == 1
    assert np.array_equal(enhancer.enhance(y, 1.0), before)
    assert enhancer.version == version
    enhancer.close()
    enhancer.set_threads(2)
    assert enhancer._session is None


def test_strips_give_what_the_whole_picture_gives(tmp_path: Path) -> None:
    size = SPEC.receptive_field - 1 | 1
    model = load_model(write_blur(tmp_path / "blur.onnx", size))
    y = noise(403, 90)
    whole = StudentEnhancer(model, 1).enhance(y, 1.0)
    for max_pixels in (1, 90 * 150, 90 * 402):
        strips = StudentEnhancer(model, 1, max_pixels=max_pixels).enhance(y, 1.0)
        assert np.abs(strips.astype(int) - whole).max() <= 1  # sums in another order
        assert (strips == whole).mean() > 0.99


def test_nothing_runs_after_close(tmp_path: Path) -> None:
    enhancer = load_enhancer(write_identity(tmp_path / "identity.onnx"), threads=1)
    enhancer.close()
    enhancer.set_profile(CameraProfile.of(2, 0, 0))
    with pytest.raises(RuntimeError, match="after close"):
        enhancer.enhance(noise(4, 4), 1.0)


def test_passthrough_hands_back_the_same_picture() -> None:
    y = noise(5, 5)
    assert Passthrough().enhance(y, 1.5) is y


def test_a_file_that_is_no_student_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    with pytest.raises(SharpCamError):
        load_enhancer(tmp_path / "bad.onnx", threads=1)
