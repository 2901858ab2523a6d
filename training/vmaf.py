"""VMAF and VMAF-NEG of a clip, through an ffmpeg that has libvmaf.

imageio-ffmpeg's ffmpeg has it (`pip install imageio-ffmpeg`); the system's often has not. NEG gives
no credit for contrast beyond the reference's (Li et al. 2020): VMAF that grows while NEG does not
is sharpening for the metric's sake.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from sharpcam.errors import SharpCamError
from training.baselines import Picture

MODELS = {"vmaf": "vmaf_v0.6.1", "vmaf_neg": "vmaf_v0.6.1neg"}


@cache
def ffmpeg_with_vmaf() -> str:
    """The first ffmpeg that has the filter.

    Raises:
        SharpCamError: there is none.
    """
    candidates = [shutil.which("ffmpeg")]
    try:
        import imageio_ffmpeg
    except ImportError:
        pass
    else:
        candidates.insert(0, imageio_ffmpeg.get_ffmpeg_exe())
    for program in filter(None, candidates):
        listed = subprocess.run(
            [program, "-hide_banner", "-filters"], capture_output=True, text=True, check=False
        )
        if " libvmaf " in listed.stdout:
            return program
    raise SharpCamError(
        "no ffmpeg with libvmaf here, so there is no VMAF", "pip install imageio-ffmpeg"
    )


def vmaf(made: list[Picture], reference: list[Picture]) -> dict[str, float]:
    """Means over the clip by name of the model, 0 to 100; luma uint8 [H, W], even sides.

    Raises:
        SharpCamError: no ffmpeg has libvmaf, or it fails.
    """
    program = ffmpeg_with_vmaf()
    height, width = made[0].shape
    models = "|".join(f"version={model}\\:name={name}" for name, model in MODELS.items())
    with tempfile.TemporaryDirectory() as folder:
        inputs = []
        for name, clip in (("made.yuv", made), ("reference.yuv", reference)):
            _write_i420(clip, Path(folder) / name)
            inputs += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}"]
            inputs += ["-r", "30", "-i", name]
        # Run in the folder: a path in a filter's options would need escaping.
        done = subprocess.run(
            [program, "-hide_banner", "-nostdin", "-v", "error", *inputs, "-lavfi"]
            + [f"libvmaf=model='{models}':n_threads=2:log_fmt=json:log_path=vmaf.json"]
            + ["-f", "null", "-"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SharpCamError(f"ffmpeg failed: {done.stderr.strip()[-300:]}", "see its message")
        pooled = json.loads((Path(folder) / "vmaf.json").read_text())["pooled_metrics"]
    return {name: round(float(pooled[name]["mean"]), 3) for name in MODELS}


def _write_i420(clip: list[Picture], path: Path) -> None:
    """Luma with grey chroma, as raw frames."""
    height, width = clip[0].shape
    grey = np.full(height * width // 2, 128, np.uint8).tobytes()
    with path.open("wb") as file:
        for y in clip:
            file.write(y.tobytes() + grey)
