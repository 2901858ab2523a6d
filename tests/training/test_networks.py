"""The networks: contracts of shape, harmless at birth, and the spec's own arithmetic."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sharpcam.errors import SharpCamError
from sharpcam.network import ESTIMATOR_CROP, NetworkSpec
from sharpcam.profile import CameraProfile
from training.checkpoint import save_weights
from training.profiler import ProfileNet
from training.student import (
    SLOPE,
    CameraConv,
    ChannelNorm,
    ResidualBlock,
    UNetStudent,
    denormalise_profile,
    normalise_profile,
)
from training.teacher import TeacherSpec, UNetTeacher, load_teacher, put_after

SPECS = [
    NetworkSpec(),
    NetworkSpec(channels=16, blocks=6, filters=0),
    NetworkSpec(channel_attention=True, spatial_attention=True),
    NetworkSpec(channels=16, norm="instance", refinement=True),
    NetworkSpec(channels=16, norm="batch"),
]


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(2, 1, 40, 56, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("spec", SPECS)
def test_a_new_student_leaves_the_picture_as_it_is(spec: NetworkSpec, picture) -> None:
    restored, features = UNetStudent(spec)(picture, torch.rand(2, CameraProfile.SIZE))
    assert torch.equal(restored, picture)
    assert features.shape == (2, spec.channels, 10, 14)


def test_a_new_teacher_leaves_the_picture_as_it_is(picture: torch.Tensor) -> None:
    teacher = UNetTeacher(TeacherSpec(width=8))
    restored, features = teacher(picture, torch.rand(2, CameraProfile.SIZE))
    assert torch.equal(restored, picture)
    assert features.shape == (2, teacher.feature_channels, 10, 14)


def test_a_teacher_after_a_student_begins_with_what_that_makes_and_leaves_it_alone(
    picture: torch.Tensor, tmp_path: Path
) -> None:
    spec = NetworkSpec(channels=16)
    teacher, camera = UNetTeacher(TeacherSpec(8, after=spec)), torch.rand(2, CameraProfile.SIZE)
    randomise(teacher.first)
    made, _ = teacher.first(picture, camera)
    restored, features = teacher(picture, camera)
    assert torch.equal(restored, made)
    assert not torch.equal(restored, picture)
    (restored.square().mean() + features.square().mean()).backward()
    assert all(parameter.grad is None for parameter in teacher.first.parameters())
    assert teacher.stem.weight.grad.abs().sum() > 0
    assert teacher.from_first.weight.grad.abs().sum() > 0

    randomise(teacher.head)
    save_weights(tmp_path / "teacher.safetensors", teacher, {"spec": asdict(teacher.spec)})
    again = load_teacher(tmp_path / "teacher.safetensors")
    assert again.spec == teacher.spec
    assert torch.equal(again(picture, camera)[0], teacher(picture, camera)[0])


@pytest.mark.parametrize("about", [{}, {"spec": asdict(NetworkSpec())}], ids=["none", "student"])
def test_what_is_no_teacher_is_refused(about: dict, tmp_path: Path) -> None:
    weights = tmp_path / "teacher.safetensors"
    save_weights(weights, UNetStudent(NetworkSpec()), about)
    with pytest.raises(SharpCamError, match="is not a teacher's"):
        load_teacher(weights)


@pytest.mark.parametrize(
    "before",
    [None, NetworkSpec(), NetworkSpec(channels=16)],
    ids=["alone", "after a student", "after another one"],
)
def test_a_teacher_put_after_a_student_keeps_its_features(
    picture: torch.Tensor, before: NetworkSpec | None
) -> None:
    teacher, student = UNetTeacher(TeacherSpec(8, after=before)), UNetStudent(NetworkSpec())
    randomise(teacher)
    randomise(student)
    if before == student.spec:
        teacher.first.load_state_dict(student.state_dict())
    camera = torch.rand(2, CameraProfile.SIZE)
    then = put_after(teacher, student)
    assert torch.equal(then(picture, camera)[0], student(picture, camera)[0])
    if before in (None, student.spec):
        torch.testing.assert_close(then(picture, camera)[1], teacher(picture, camera)[1])
    assert then.spec == TeacherSpec(8, after=student.spec)


def test_the_stem_is_pixel_unshuffle_and_a_3x3_convolution(picture: torch.Tensor) -> None:
    stem, camera = UNetStudent(NetworkSpec()).stem, torch.zeros(2, NetworkSpec().experts)
    # Tap (4 i + a, 4 j + b) of the stem is tap (i, j) of the channel of phase (a, b).
    weight = stem.weight.view(32, 3, 4, 3, 4).permute(0, 2, 4, 1, 3).reshape(32, 16, 3, 3)
    unshuffled = F.conv2d(F.pixel_unshuffle(picture, 4), weight, stem.bias, padding=1)
    torch.testing.assert_close(stem(picture, camera), unshuffled, rtol=1e-4, atol=1e-5)


def randomise(network: nn.Module) -> None:
    generator = torch.Generator().manual_seed(5)
    for parameter in network.parameters():
        parameter.data = 0.2 * torch.randn(parameter.shape, generator=generator)


def test_the_profile_changes_what_the_student_does(picture: torch.Tensor) -> None:
    student = UNetStudent(NetworkSpec())
    randomise(student)
    soft, sharp = (
        torch.from_numpy(profile.as_array()).repeat(2, 1)
        for profile in (CameraProfile.of(1.5, 0), CameraProfile())
    )
    assert not torch.allclose(student(picture, soft)[0], student(picture, sharp)[0])


@pytest.mark.parametrize("spec", [*SPECS[:2], *SPECS[3:]])
def test_the_spec_counts_the_multiply_adds(spec: NetworkSpec) -> None:
    counted = 0

    def count(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal counted
        counted += output[0, 0].numel() * module.weight.numel()

    student = UNetStudent(spec)
    for module in student.modules():
        if isinstance(module, (nn.Conv2d, CameraConv)):
            module.register_forward_hook(count)
    if spec.filters:  # one filter of 12x12 taps for each pixel
        counted += 144 * 64**2
    student(torch.zeros(1, 1, 64, 64), torch.zeros(1, CameraProfile.SIZE))
    assert counted / 64**2 == spec.macs_per_pixel


@pytest.mark.parametrize("spec", [SPECS[0], NetworkSpec(spatial_attention=True)])
def test_nothing_outside_the_receptive_field_matters(spec: NetworkSpec) -> None:
    student = UNetStudent(spec).double()
    randomise(student)
    for parameter in student.parameters():
        parameter.data = parameter.data.double()
    reach = spec.receptive_field
    side = (2 * reach + 64) // 8 * 8
    y = torch.rand(1, 1, side, side, dtype=torch.double).requires_grad_()
    middle = side // 2
    student(y, torch.ones(1, CameraProfile.SIZE, dtype=torch.double))[0][
        0, 0, middle, middle
    ].backward()
    touched = y.grad[0, 0].nonzero()
    assert (touched - middle).abs().max() <= reach // 2 + spec.fold
    if not spec.spatial_attention:  # whose gate is saturated far out, by these random weights
        assert (touched - middle).abs().max() > reach // 2 - 2 * spec.fold


def test_leaky_relu_has_the_slope_that_the_modules_say() -> None:
    assert F.leaky_relu(torch.tensor(-1.0), SLOPE).item() == pytest.approx(-SLOPE)


def test_the_estimator_reads_crops_and_is_blind_to_brightness() -> None:
    net = ProfileNet()
    y = torch.rand(3, 4, ESTIMATOR_CROP, ESTIMATOR_CROP) / 2
    profile = net(y)
    assert profile.shape == (3, CameraProfile.SIZE)
    torch.testing.assert_close(net(y + 0.3), profile, rtol=1e-3, atol=1e-4)
    turned = y[:, [2, 0, 3, 1]]  # neither does the order of the crops matter
    torch.testing.assert_close(net(turned), profile, rtol=1e-3, atol=1e-4)


def test_a_batch_of_cameras_is_convolved_as_each_of_them_alone() -> None:
    convolution = CameraConv(3, 5, 3, numbers=2)
    randomise(convolution)
    x, cameras = torch.rand(4, 3, 8, 9), torch.randn(4, 2)
    together = convolution(x, cameras)
    for index in range(4):
        kernel, bias = convolution.weight.clone(), convolution.bias.clone()
        for number, weights, biases in zip(
            cameras[index], convolution.weights, convolution.biases, strict=True
        ):
            kernel += number * weights
            bias += number * biases
        alone = F.conv2d(x[index : index + 1], kernel, bias, padding=1)
        torch.testing.assert_close(together[index : index + 1], alone, rtol=1e-4, atol=1e-5)
        one = convolution(x[index : index + 1], cameras[index : index + 1])
        torch.testing.assert_close(one, alone, rtol=1e-4, atol=1e-5)


def test_a_profile_comes_back_from_its_normalised_numbers() -> None:
    profile = torch.from_numpy(CameraProfile.of(0.8, 2.0, 0.3, 0.5).as_array())[None]
    torch.testing.assert_close(denormalise_profile(normalise_profile(profile)), profile)


def test_the_student_is_a_fraction_of_the_teacher() -> None:
    pixels = torch.zeros(1, 1, 64, 64), torch.from_numpy(CameraProfile().as_array())[None]
    counted = 0

    def count(module: nn.Conv2d, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal counted
        counted += output[0, 0].numel() * module.weight.numel()

    teacher = UNetTeacher(TeacherSpec(width=32))
    for module in teacher.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    teacher(*pixels)
    assert 5 <= counted / 64**2 / NetworkSpec().macs_per_pixel <= 40


def test_statistics_of_the_training_are_part_of_the_weights(picture: torch.Tensor) -> None:
    block = ResidualBlock(8, 2, "batch")
    randomise(block)
    x, camera, film = (torch.randn(2, *rest) for rest in ((8, 12, 12), (2,), (2, 8)))
    norm = block.norm
    norm.PACE = 1.0  # takes over this batch's
    normed = block.train()(x, camera, film)
    with torch.no_grad():  # of a batch they are divided by one less
        norm.variance *= 1 - 1 / (2 * 12 * 12)
    torch.testing.assert_close(block.eval()(x, camera, film), normed, rtol=1e-4, atol=1e-4)


def test_an_instance_norm_does_not_care_for_contrast() -> None:
    norm = ChannelNorm(3, each=True)
    x = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(norm(5 * x + 2), norm(x), rtol=1e-3, atol=1e-3)
