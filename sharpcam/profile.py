"""CameraProfile: what a camera does to a picture, in seventeen numbers that the student is
told.

A blind network cannot tell a soft camera from a soft wall. A webcam's faults hardly change, so
they are estimated from many frames and handed to the student, which is conditioned on them. People
see and give four numbers (blur, noise, compression, sharpening); those of an ordinary lens camera
stand for the rest (`CameraProfile.of`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sharpcam.errors import SharpCamError

BAND_EDGES = (0.04, 0.12, 0.2, 0.28, 0.36, 0.5)
"""Of the five bands of spatial frequency, in cycles per pixel of the frame."""
BAND_CENTRES = (0.09, 0.165, 0.243, 0.322, 0.42)
"""The frequency that stands for each band."""
FINE_SHARE = 0.82
"""Part of the spectrum's area above 0.24 cycles per pixel, where white noise has its energy."""
MOST_BLUR_PX = 3.0

Bands = tuple[float, float, float, float, float]


def gaussian_response(sigma_px: float) -> Bands:
    """The contrast that a Gaussian blur leaves in each band, 0 to 1."""
    one, two, three, four, five = (
        float(np.exp(-2 * (np.pi * sigma_px * centre) ** 2)) for centre in BAND_CENTRES
    )
    return one, two, three, four, five


_SIGMAS_PX = np.linspace(0, MOST_BLUR_PX, 121)
_KEPT = np.array([sum(gaussian_response(sigma)) for sigma in _SIGMAS_PX])


@dataclass(frozen=True, slots=True)
class CameraProfile:
    """A camera's faults, as training/ruler.py measures them. The default is a perfect camera."""

    response: Bands = (1.0, 1.0, 1.0, 1.0, 1.0)
    """The contrast that lens, motion and scaling leave in each band, 0 to 1: what is missing is
    lost, whatever the camera's own sharpening makes of the rest."""
    boost: Bands = (0.0, 0.0, 0.0, 0.0, 0.0)
    """What the camera's own sharpening adds to it, 0 to 1.5. It hides blur without bringing detail
    back, and its halos must not be doubled."""
    noise_bands: tuple[float, float] = (0.0, 0.0)
    """Noise on a mid-grey wall before compression, coarse (below 0.2 cycles per pixel) and fine:
    the standard deviation in grey levels of 255 of white noise that is as strong there, 0 to 24."""
    codecs: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """MJPEG of the frame, MJPEG of a smaller picture that was scaled to the frame, and H.264: 0 for
    none, 1 for MJPEG quality 50, (100 - quality) / 50; H.264 as MJPEG of equal error; 0 to 1.2."""
    smear: float = 0.0
    """Strength of the camera's denoising, 0 to 1: edges stay, fine texture goes."""
    doubled: float = 0.0
    """1 for a sensor of exactly half the width and height (360 lines shown as 720), else 0; in
    between in doubt. Of such a picture each place in a cell of 2x2 pixels wants a filter of its
    own."""

    SIZE: ClassVar[int] = 17
    LOW: ClassVar[NDArray[np.float32]] = np.zeros(17, np.float32)
    HIGH: ClassVar[NDArray[np.float32]] = np.array(
        [1.0] * 5 + [1.5] * 5 + [24.0] * 2 + [1.2] * 3 + [1.0] * 2, np.float32
    )

    def __post_init__(self) -> None:
        values = self.as_array()
        if values.shape != (self.SIZE,):
            raise ValueError(f"expected {self.SIZE} numbers, got {values.size}")
        # Half a rounding of float32 beyond a bound is on it.
        if not np.all((values >= self.LOW - 1e-6) & (values <= self.HIGH + 1e-6)):
            raise ValueError(f"out of bounds: {values.tolist()}")

    @classmethod
    def from_array(cls, values: NDArray[np.floating]) -> CameraProfile:
        """The nearest profile within the bounds: [17] in `as_array`'s order.

        Raises:
            ValueError: not 17 finite numbers.
        """
        if values.shape != (cls.SIZE,) or not np.all(np.isfinite(values)):
            raise ValueError(f"expected {cls.SIZE} numbers, got {values!r}")
        # As float32, so that what was stored or averaged is equal to what it was made of.
        v = np.clip(values.astype(np.float32), cls.LOW, cls.HIGH).tolist()
        return cls(
            (v[0], v[1], v[2], v[3], v[4]),
            (v[5], v[6], v[7], v[8], v[9]),
            (v[10], v[11]),
            (v[12], v[13], v[14]),
            v[15],
            v[16],
        )

    @classmethod
    def of(
        cls, blur_px: float, noise: float, compression: float = 0.0, sharpening: float = 0.0
    ) -> CameraProfile:
        """An ordinary camera with these faults: a lens that blurs like a Gaussian, white noise,
        MJPEG, sharpening like an unsharp mask of 1.2 px.

        Raises:
            ValueError: one of them is out of bounds.
        """
        faults = (blur_px, noise, compression, sharpening)
        for name, value, high in zip(_NAMES, faults, _MOST, strict=True):
            if not 0 <= value <= high:
                raise ValueError(f"{name}: expected 0 to {high:g}, got {value:g}")
        response = np.array(gaussian_response(blur_px))
        fine = response * (1 - np.array(gaussian_response(1.2)))
        boost = sharpening * response.sum() / max(float(fine.sum()), 1e-6) * fine
        codecs = (compression, 0.0, 0.0)
        return cls.from_array(np.array([*response, *boost, noise, noise, *codecs, 0.0, 0.0]))

    @classmethod
    def parse(cls, text: str) -> CameraProfile:
        """Read "BLUR,NOISE,COMPRESSION" or "BLUR,NOISE,COMPRESSION,SHARPENING", as the command
        line has it.

        Raises:
            SharpCamError: not three or four numbers, or one of them out of bounds.
        """
        try:
            blur_px, noise, compression, *rest = (float(part) for part in text.split(","))
            return cls.of(blur_px, noise, compression, *rest)
        except (ValueError, TypeError) as error:
            raise SharpCamError(
                f"not a camera profile: {text!r} ({error})",
                "give 'auto' or BLUR,NOISE,COMPRESSION[,SHARPENING], for example 1.2,2,0.3",
            ) from error

    @property
    def blur_px(self) -> float:
        """Standard deviation of the Gaussian that loses as much contrast, in pixels, 0 to 3."""
        return float(np.interp(-sum(self.response), -_KEPT, _SIGMAS_PX))

    @property
    def noise(self) -> float:
        """Standard deviation of the noise on a mid-grey wall, in grey levels of 255."""
        coarse, fine = self.noise_bands
        return float(np.sqrt((1 - FINE_SHARE) * coarse**2 + FINE_SHARE * fine**2))

    @property
    def compression(self) -> float:
        """The strongest codec's: 0 for none, 1 for MJPEG quality 50."""
        return max(self.codecs)

    @property
    def sharpening(self) -> float:
        """How much contrast the camera's own sharpening adds: 0 for none, 1 for twice as much."""
        return sum(self.boost) / max(sum(self.response), 1e-6)

    @property
    def in_short(self) -> tuple[float, float, float, float]:
        """Blur in pixels, noise in grey levels, compression, sharpening."""
        return self.blur_px, self.noise, self.compression, self.sharpening

    @property
    def told(self) -> dict[str, float]:
        """`in_short` by the names of the numbers."""
        return {name: round(v, 3) for name, v in zip(_NAMES, self.in_short, strict=True)}

    def with_blur(self, factor: float) -> CameraProfile:
        """The same camera with its blur so many times as wide."""
        wider = (max(kept, 1e-6) ** factor**2 for kept in self.response)
        one, two, three, four, five = (min(kept, 1.0) for kept in wider)
        return replace(self, response=(one, two, three, four, five))

    def as_array(self) -> NDArray[np.float32]:
        """float32 [17]: the student's `camera` input."""
        bands = (*self.response, *self.boost, *self.noise_bands)
        return np.array([*bands, *self.codecs, self.smear, self.doubled], np.float32)

    def __str__(self) -> str:
        blur_px, noise, compression, sharpening = self.in_short
        return (
            f"blur {blur_px:.2f} px, noise {noise:.1f}, "
            f"compression {compression:.2f}, sharpening {sharpening:.2f}"
        )


_NAMES = ("blur_px", "noise", "compression", "sharpening")
_MOST = (MOST_BLUR_PX, 16.0, 1.2, 2.0)

TYPICAL = CameraProfile.of(1.0, 1.5, 0.3)
"""A soft built-in webcam: what is assumed until the picture has told more."""
