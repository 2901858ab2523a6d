"""What a webcam does to a picture: small functions on luma, composed by a `Camera`.

All pictures are luma as float32 [H, W] in 0..1. The order is the light's: lens and motion, then the
sensor's resolution and noise, then the camera's own processing (denoising, sharpening), then
compression and scaling to the size of the frame. Severities are a webcam's, far milder than those
of super-resolution training sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Luma = NDArray[np.float32]
GAMMA = 2.2
SCALERS = {
    "area": Image.Resampling.BOX,  # for shrinking; enlarges bilinearly
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
"""Pillow's kernels, antialiased when shrinking, as the literature's bicubic is."""


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera's faults. The defaults are a perfect camera."""

    lens_px: float = 0.0
    """Defocus and lens blur: standard deviation of a Gaussian, in pixels of the frame."""
    motion_px: float = 0.0
    """Length of a straight motion blur, in pixels of the frame."""
    motion_angle: float = 0.0
    """Its direction in radians."""
    scale: float = 1.0
    """The sensor has 1 / scale of the frame's width and height."""
    scaler: str = "bilinear"
    """Kernel that brings the sensor's picture to the frame's size."""
    shot_noise: float = 0.0
    """Variance of the photon noise per unit of linear light (0..1)."""
    read_noise: float = 0.0
    """Standard deviation of the sensor's own noise in linear light (0..1)."""
    smear: float = 0.0
    """Strength of the camera's denoising, 0 to 1: edges stay, fine texture goes."""
    oversharpen: float = 0.0
    """Amount of the camera's own unsharp mask."""
    oversharpen_px: float = 1.0
    """Its radius (standard deviation), in pixels of the sensor."""
    quality: int | None = None
    """MJPEG quality, 1 to 100; None for no MJPEG."""
    crf: int | None = None
    """Constant rate factor of an H.264 camera or call, 18 (fine) to 40 (coarse); None for none."""
    compress_at_sensor: bool = False
    """Compressed before scaling to the frame (a small camera picture shown large)."""


def lens_blur(y: Luma, sigma_px: float) -> Luma:
    """Gaussian blur; nothing below 0.2 px, where the kernel is a point."""
    return y if sigma_px < 0.2 else cv2.GaussianBlur(y, (0, 0), sigma_px)


def motion_blur(y: Luma, length_px: float, angle: float) -> Luma:
    """Mean along a straight line of this length."""
    if length_px < 1:
        return y
    size = 2 * int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((size, size), np.float32)
    for t in np.linspace(-length_px / 2, length_px / 2, 4 * size):
        # Bilinear splat, so that the blur grows smoothly with the length.
        x, z = size // 2 + t * np.cos(angle), size // 2 + t * np.sin(angle)
        left, top = int(np.floor(x)), int(np.floor(z))
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            if 0 <= top + i < size and 0 <= left + j < size:
                kernel[top + i, left + j] += (1 - abs(z - top - i)) * (1 - abs(x - left - j))
    return cv2.filter2D(y, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def resize(y: Luma, height: int, width: int, scaler: str) -> Luma:
    """Scale to a size with one of the `SCALERS`."""
    if y.shape == (height, width):
        return y
    if scaler == "area" and width > y.shape[1]:
        scaler = "bilinear"
    return np.asarray(Image.fromarray(y).resize((width, height), SCALERS[scaler]))


def sensor_noise(y: Luma, shot: float, read: float, rng: np.random.Generator) -> Luma:
    """Photon and read noise, added in linear light as the sensor does."""
    if shot == 0 and read == 0:
        return y
    light = np.power(np.clip(y, 0, 1), GAMMA)
    noise = rng.standard_normal(y.shape, dtype=np.float32)
    light = light + noise * np.sqrt(shot * light + read * read, dtype=np.float32)
    return np.power(np.clip(light, 0, 1), 1 / GAMMA, dtype=np.float32)


def denoise_smear(y: Luma, strength: float) -> Luma:
    """A bilateral filter mixed in: what the camera's processor does to noise and to fine hair
    alike."""
    if strength == 0:
        return y
    return y + strength * (cv2.bilateralFilter(y, 5, 0.06, 1.5) - y)


def unsharp(y: Luma, amount: float, sigma_px: float) -> Luma:
    """Unsharp mask, clipped as the camera's 8 bits clip it."""
    if amount == 0:
        return y
    return np.clip(y + amount * (y - cv2.GaussianBlur(y, (0, 0), sigma_px)), 0, 1)


def to_uint8(y: Luma) -> NDArray[np.uint8]:
    """Luma as 8 bits, rounded."""
    return np.clip(y * 255 + 0.5, 0, 255).astype(np.uint8)


def mjpeg(y: Luma, quality: int) -> Luma:
    """Through one JPEG."""
    _, coded = cv2.imencode(".jpg", to_uint8(y), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255


def h264(clip: list[Luma], crf: int) -> Luma:
    """The last picture of a clip after H.264 as cameras and calls code it: no look-ahead."""
    height, width = clip[0].shape
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = width + width % 2, height + height % 2
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 30)
    encoder.options = {"crf": str(crf), "preset": "superfast", "tune": "zerolatency"}
    encoder.thread_count = 1
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    shown = None
    packets = []
    for y in clip:
        i420 = np.full((encoder.height * 3 // 2, encoder.width), 128, np.uint8)
        # Limited range, as H.264 has it: its rounding is part of what the codec does.
        i420[:height, :width] = np.clip(y * 219 + 16.5, 16, 235)
        i420[height : encoder.height, :width] = i420[height - 1, :width]
        i420[: encoder.height, width:] = i420[: encoder.height, width - 1 : width]
        packets += encoder.encode(av.VideoFrame.from_ndarray(i420, format="yuv420p"))
    for packet in [*packets, *encoder.encode(None), None]:
        for frame in decoder.decode(packet):
            shown = frame
    luma = shown.to_ndarray(format="yuv420p")[:height, :width].astype(np.float32)
    return np.clip((luma - 16) / 219, 0, 1)


def pan(camera: Camera, seen: Luma, rng: np.random.Generator) -> list[Luma]:
    """A few frames of a scene that moves a little and comes to rest as `seen`, each with its own
    noise: what the codec predicts from."""
    count = int(rng.integers(1, 5))
    step = rng.uniform(-1.5, 1.5, 2)
    clip = []
    for back in reversed(range(count)):
        move = np.array([[1, 0, back * step[0]], [0, 1, back * step[1]]], np.float32)
        size = seen.shape[1], seen.shape[0]
        moved = cv2.warpAffine(seen, move, size, borderMode=cv2.BORDER_REPLICATE) if back else seen
        clip.append(develop(camera, moved, rng))
    return clip


def project(camera: Camera, y: Luma) -> Luma:
    """What falls on the sensor: float32 [H, W] to float32 at the sensor's size."""
    height, width = y.shape
    y = motion_blur(lens_blur(y, camera.lens_px), camera.motion_px, camera.motion_angle)
    if camera.scale > 1:
        y = resize(y, round(height / camera.scale), round(width / camera.scale), camera.scaler)
    return y


def develop(camera: Camera, y: Luma, rng: np.random.Generator) -> Luma:
    """What the camera makes of the sensor's picture before compression; the same size."""
    y = sensor_noise(y, camera.shot_noise, camera.read_noise, rng)
    y = denoise_smear(y, camera.smear)
    return unsharp(y, camera.oversharpen, camera.oversharpen_px)


def degrade(camera: Camera, y: Luma, rng: np.random.Generator) -> Luma:
    """The whole camera: float32 [H, W] in 0..1 to the same shape, on the grid of 8 bits."""
    seen = project(camera, y)

    def coded(shown: Luma) -> Luma:
        return shown if camera.quality is None else mjpeg(shown, camera.quality)

    if camera.crf is not None:
        shown = h264(pan(camera, seen, rng), camera.crf)
    else:
        shown = develop(camera, seen, rng)
    if camera.compress_at_sensor:
        shown = coded(shown)
    shown = resize(shown, *y.shape, camera.scaler)
    if not camera.compress_at_sensor:
        shown = coded(shown)
    return to_uint8(shown).astype(np.float32) / 255
