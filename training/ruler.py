"""The profile of a camera, measured with a ruler held in front of it rather than added up."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam.profile import CameraProfile
from training.degrade import Camera, Luma, develop, h264, mjpeg, project, resize


@cache
def _ruler() -> tuple[Luma, NDArray[np.bool_], float, NDArray[np.float64], NDArray[np.float64]]:
    """A faint fixed texture, the band where blur is read, its amplitude, and blur against loss."""
    rng = np.random.default_rng(0)
    texture = rng.standard_normal((96, 96), dtype=np.float32)
    pattern = np.clip(0.5 + 0.08 * cv2.GaussianBlur(texture, (0, 0), 0.6), 0, 1)
    frequency = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(96)[None])
    band = (frequency > 0.08) & (frequency < 0.4)
    spectrum = _amplitude(pattern)[band]
    sigmas = np.linspace(0, 3, 61)
    loss = np.array(
        [(spectrum * np.exp(-2 * (np.pi * sigma * frequency[band]) ** 2)).sum() for sigma in sigmas]
    )
    return pattern, band, float(spectrum.sum()), sigmas, loss / spectrum.sum()


def _amplitude(y: Luma) -> NDArray[np.float64]:
    """Amplitude spectrum, windowed so that the borders do not leak into the fine band."""
    window = np.hanning(y.shape[0])[:, None] * np.hanning(y.shape[1])[None]
    return np.abs(np.fft.rfft2((y - y.mean()) * window))


def _kept(camera: Camera) -> float:
    """The part of the ruler's fine amplitude that a camera without noise and codec keeps."""
    pattern, band, amplitude, _, _ = _ruler()
    seen = develop(camera, project(camera, pattern), np.random.default_rng(1))
    return float(_amplitude(resize(seen, *pattern.shape, camera.scaler))[band].sum() / amplitude)


def true_profile(camera: Camera) -> CameraProfile:
    """The profile that this camera's frames have, before compression.

    Blur is the standard deviation of the Gaussian that loses as much amplitude between 0.08 and
    0.4 cycles per pixel as lens, motion and scaling do: the detail that is gone. Sharpening is how
    much of that amplitude the camera's own sharpening adds afterwards, which brings halos but no
    detail back. Noise is what a mid-grey wall shows in the frame.
    """
    _, _, _, sigmas, loss = _ruler()
    quiet = replace(camera, shot_noise=0.0, read_noise=0.0, smear=0.0, oversharpen=0.0)
    kept = _kept(quiet)
    blur_px = np.interp(-kept, -loss, sigmas)
    sharpening = 0.0
    if camera.oversharpen:
        sharpening = _kept(replace(quiet, oversharpen=camera.oversharpen)) / kept - 1
    noise = 0.0
    if camera.shot_noise or camera.read_noise:
        wall = np.full((96, 96), 0.5, np.float32)
        shown = develop(camera, project(camera, wall), np.random.default_rng(1))
        noise = resize(shown, *wall.shape, camera.scaler).std() * 255
    compression = 0.0
    if camera.quality is not None:
        compression = (100 - camera.quality) / 50
    if camera.crf is not None:
        compression = max(compression, (100 - like_mjpeg(camera.crf)) / 50)
    return CameraProfile.clipped(blur_px, noise, compression, sharpening)


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
