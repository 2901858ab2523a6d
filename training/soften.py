"""Film a clip again with a worse camera: what made `assets/samples/soft.mkv`.

    python -m training.soften assets/samples/book.mkv soft.mkv --bucket webcam-mild

Luma goes through one of the evaluation's cameras, noise anew in every frame; chroma is left alone.
The file is H.264 either way, which takes the place of the camera's own MJPEG.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from sharpcam.errors import SharpCamError
from sharpcam.video import VideoReader
from sharpcam.video_writer import VideoWriter
from training.cameras import BUCKETS
from training.degrade import Camera, degrade, to_uint8
from training.verb import refused


def soften(source: Path, target: Path, camera: Camera) -> int:
    """Write the clip as this camera would have it; returns the number of frames.

    Raises:
        SharpCamError: the source is no video, or the target cannot be written.
    """
    uncoded = replace(camera, quality=None, crf=None)
    rng = np.random.default_rng(0)
    count = 0
    with (
        VideoReader(source, as_camera=True) as video,
        VideoWriter(target, video.width, video.height, video.fps) as writer,
    ):
        for i420, seconds in video:
            y = i420[: video.height].astype(np.float32) / 255
            soft = i420.copy()
            soft[: video.height] = to_uint8(degrade(uncoded, y, rng))
            writer.write(soft, seconds)
            count += 1
    return count


def main(argv: list[str] | None = None) -> int:
    """Soften one clip."""
    parser = argparse.ArgumentParser(prog="python -m training.soften", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--bucket", choices=BUCKETS, default="webcam-mild")
    args = parser.parse_args(argv)
    try:
        count = soften(args.source, args.target, BUCKETS[args.bucket])
    except SharpCamError as error:
        return refused(error)
    print(f"{args.target}: {count} frames as {args.bucket} shows them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
