"""Every term by value, and that it pulls the right way."""

from __future__ import annotations

import math

import pytest
import torch

from training.losses import (
    VGGFeatures,
    charbonnier,
    feature_distance,
    log_error,
    sobel_edge,
    ssim,
    vgg_perceptual,
)


@pytest.fixture
def target() -> torch.Tensor:
    return torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def test_charbonnier_is_l1_far_from_zero() -> None:
    zero, half = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.5)
    assert charbonnier(half, zero).item() == pytest.approx(0.5, abs=1e-4)
    assert charbonnier(zero, zero).item() == pytest.approx(1e-3)


def test_sobel_edge_is_the_slope_of_a_ramp_and_blind_to_brightness() -> None:
    ramp = (torch.arange(16.0) / 100).expand(1, 1, 16, 16)
    # Slope 0.01 per pixel across, 0 down: their mean.
    assert sobel_edge(ramp, torch.zeros_like(ramp)).item() == pytest.approx(0.005, rel=1e-4)
    assert sobel_edge(ramp + 0.3, ramp).item() == pytest.approx(0, abs=1e-6)


def test_ssim_is_one_for_equal_pictures_and_falls_with_noise(target: torch.Tensor) -> None:
    assert ssim(target, target).item() == pytest.approx(1)
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
    little, much = (ssim(target + amount * noise, target).item() for amount in (0.02, 0.2))
    assert 1 > little > much


def test_ssim_agrees_with_the_one_of_the_evaluation(target: torch.Tensor) -> None:
    from training import metrics

    noisy = (target + 0.1).clamp(0, 1)
    a, b = ((y[0, 0] * 255).round().to(torch.uint8) for y in (noisy, target))
    border = metrics.BORDER
    inner = slice(border, -border)
    ours = ssim(a[None, None, inner, inner] / 255, b[None, None, inner, inner] / 255).item()
    assert ours == pytest.approx(metrics.ssim(a.numpy(), b.numpy()), abs=1e-4)


def test_vgg_sees_no_difference_between_equals_and_more_in_stronger_blur(
    target: torch.Tensor,
) -> None:
    assert vgg_perceptual(target, target).item() == 0
    soft = torch.nn.functional.avg_pool2d(target, 3, 1, 1)
    softer = torch.nn.functional.avg_pool2d(soft, 3, 1, 1)
    assert 0 < vgg_perceptual(soft, target).item() < vgg_perceptual(softer, target).item()


def test_vgg_halves_twice_and_has_the_published_widths(target: torch.Tensor) -> None:
    shapes = [tuple(stage.shape[1:]) for stage in VGGFeatures()(target)]
    assert shapes == [(64, 32, 32), (128, 16, 16), (256, 8, 8)]


def test_feature_distance_is_relative_to_the_teachers_variance() -> None:
    teacher = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    assert feature_distance(teacher, teacher).item() == 0
    zero = torch.zeros_like(teacher)
    small, large = feature_distance(zero, teacher), feature_distance(zero, 10 * teacher)
    assert small.item() == pytest.approx(large.item(), rel=1e-3)


@pytest.mark.parametrize("term", [charbonnier, sobel_edge, vgg_perceptual])
def test_descending_a_term_brings_the_picture_closer(term, target: torch.Tensor) -> None:
    picture = torch.nn.functional.avg_pool2d(target, 3, 1, 1).requires_grad_()
    before = term(picture, target)
    before.backward()
    step = 1e-3 / picture.grad.abs().max()
    assert term(picture.detach() - step * picture.grad, target) < before


def test_a_decibel_is_worth_as_much_in_every_picture() -> None:
    target = torch.rand(2, 1, 32, 32)
    off = torch.randn(2, 1, 32, 32) * torch.tensor([0.02, 0.2])[:, None, None, None]
    a_decibel = 10 ** (-1 / 20)
    before = log_error(target + off, target)
    after = log_error(target + a_decibel * off, target)
    assert (before - after) * 10 / math.log(10) == pytest.approx(1, abs=0.06)
    assert log_error(target, target) == pytest.approx(math.log(1e-5))
