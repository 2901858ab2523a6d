"""The profile of a camera, measured with a ruler held in front of it rather than added up."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sharpcam.profile import BAND_EDGES, CameraProfile
from training.degrade import Camera, Luma, develop, h264, mjpeg, project, resize

SIDE = 96
DOUBLE = 2.0
"""Scale at which the grids of sensor and frame fall together in every cell of the student."""
_WINDOW = np.hanning(SIDE)[:, None] * np.hanning(SIDE)[None]
"""So that the borders do not leak into the fine bands."""
_FREQUENCY = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
_BANDS = [(low <= _FREQUENCY) & (high > _FREQUENCY) for low, high in pairwise(BAND_EDGES)]


def _spectrum(y: Luma) -> NDArray[np.complex128]:
    return np.fft.rfft2((y - y.mean()) * _WINDOW)


@cache
def _ruler() -> tuple[Luma, NDArray[np.complex128]]:
    """A faint fixed texture with detail in every band, and its spectrum."""
    texture = np.random.default_rng(0).standard_normal((SIDE, SIDE), dtype=np.float32)
    pattern = np.clip(0.5 + 0.05 * texture, 0, 1, dtype=np.float32)
    return pattern, _spectrum(pattern)


def _shown(camera: Camera, scene: Luma) -> Luma:
    """A scene in the frame, before compression."""
    seen = develop(camera, project(camera, scene), np.random.default_rng(1))
    return resize(seen, SIDE, SIDE, camera.scaler)


def _response(camera: Camera) -> NDArray[np.float64]:
    """The part of the ruler's contrast that arrives in each band, in place; what scaling folds
    back from finer bands does not count."""
    pattern, before = _ruler()
    after = _spectrum(_shown(camera, pattern))
    cross, power = (before.conj() * after).real, np.abs(before) ** 2
    return np.array([cross[band].sum() / power[band].sum() for band in _BANDS])


def true_profile(camera: Camera) -> CameraProfile:
    """The profile that this camera's frames have, before compression; see CameraProfile."""
    quiet = replace(camera, shot_noise=0.0, read_noise=0.0, smear=0.0, oversharpen=0.0)
    response, boost, noise = np.ones(5), np.zeros(5), np.zeros(2)
    if camera.lens_px or camera.motion_px or camera.scale > 1:
        response = _response(quiet)
    if camera.oversharpen:
        boost = _response(replace(quiet, oversharpen=camera.oversharpen)) - response
    if camera.shot_noise or camera.read_noise:
        noise = _noise_bands(camera)
    codecs = np.zeros(3)
    if camera.quality is not None:
        small = camera.compress_at_sensor and camera.scale > 1
        codecs[1 if small else 0] = (100 - camera.quality) / 50
    if camera.crf is not None:
        codecs[2] = (100 - like_mjpeg(camera.crf)) / 50
    return CameraProfile.from_array(
        np.concatenate([response, boost, noise, codecs, [camera.smear, camera.scale == DOUBLE]])
    )


def _noise_bands(camera: Camera) -> NDArray[np.float64]:
    """Coarse and fine noise on a mid-grey wall, as the deviation of white noise in grey levels."""
    wall = np.full((SIDE, SIDE), 0.5, np.float32)
    power = np.abs(_spectrum(_shown(camera, wall))) ** 2
    coarse = power[_BANDS[0] | _BANDS[1]].mean()
    fine = power[_BANDS[3] | _BANDS[4]].mean()
    return 255 * np.sqrt(np.array([coarse, fine]) / (_WINDOW**2).sum())


@cache
def like_mjpeg(crf: int) -> float:
    """The MJPEG quality that does as much damage as H.264 at this rate factor: equal mean square
    error on a picture with a photograph's spectrum."""
    rng = np.random.default_rng(2)
    frequency = np.hypot(np.fft.fftfreq(160)[:, None], np.fft.rfftfreq(160)[None])
    spectrum = np.fft.rfft2(rng.standard_normal((160, 160))) / np.maximum(frequency, 1 / 160) ** 1.3
    y = np.fft.irfft2(spectrum)
    y = np.clip(0.5 + 0.18 * (y - y.mean()) / y.std(), 0, 1).astype(np.float32)

    def error(shown: Luma) -> float:
        return float(np.mean((shown - y) ** 2))

    qualities = np.arange(25, 100, 3)
    errors = [error(mjpeg(y, int(quality))) for quality in qualities]
    return float(np.interp(-error(h264([y] * 3, crf)), -np.array(errors), qualities))
