"""`sharpcam enhance`: pictures, folders and videos, one after the other.

A bad file never stops the others: its error is printed, and the exit code is 1 in the end.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft

from sharpcam.denoise import TemporalDenoiser
from sharpcam.enhancer import Enhancer, load_enhancer
from sharpcam.errors import SharpCamError
from sharpcam.estimator import Earlier, ProfileEstimator
from sharpcam.jobs import Job, plan
from sharpcam.picture import enhance_picture, luma_of, read_picture, write_picture
from sharpcam.profile import TYPICAL, CameraProfile
from sharpcam.profile_tracker import median_profile
from sharpcam.scaling import fit, scaled, scaled_i420
from sharpcam.terminal import terminal
from sharpcam.video import VideoReader
from sharpcam.video_writer import VideoWriter

log = logging.getLogger(__name__)

ESTIMATES = 25
"""How many frames of a video are looked at for its camera's profile, half a second apart."""


class Estimator(Protocol):
    """What is asked of `estimator.ProfileEstimator`."""

    def estimate(
        self, y: NDArray[np.uint8], earlier: Earlier | None = None
    ) -> CameraProfile | None: ...


@dataclass(frozen=True, slots=True)
class Restorer:
    """Enhances one file after the other with the same settings."""

    enhancer: Enhancer
    strength: float = 1.0
    size: tuple[int, int] | None = None
    """Results smaller than this are scaled up until one side fits; larger ones stay."""
    estimator: Estimator | None = None
    """None: the profile that the enhancer has."""
    denoise: bool = True
    """Videos: average over time what does not move."""

    def restore(self, job: Job, on_progress: Callable[[float], None]) -> None:
        """Enhance one file; `on_progress` is told how much is done, 0 to 1.

        Raises:
            SharpCamError: the input cannot be read or the output not written.
        """
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SharpCamError(
                f"cannot make the folder {job.target.parent}: {error.strerror or error}",
                "choose a place that you may write to",
            ) from error
        if job.is_picture:
            self._restore_picture(job)
        else:
            self._restore_video(job, on_progress)

    def _restore_picture(self, job: Job) -> None:
        picture = read_picture(job.source)
        if self.estimator and self.strength:
            self.enhancer.set_profile(self.estimator.estimate(luma_of(picture.pixels)) or TYPICAL)
        pixels = enhance_picture(picture.pixels, self.enhancer, self.strength)
        if self.size:
            height, width = pixels.shape[:2]
            across = picture.orientation >= 5  # shown on its side
            pixels = scaled(pixels, fit((width, height), self.size[::-1] if across else self.size))
        write_picture(job.target, replace(picture, pixels=pixels))

    def _restore_video(self, job: Job, on_progress: Callable[[float], None]) -> None:
        if self.estimator and self.strength:
            self.enhancer.set_profile(video_profile(job, self.estimator))
        denoiser = TemporalDenoiser() if self.denoise and self.strength else None
        with VideoReader(job.source) as video:
            size = video.width, video.height
            if self.size:
                across = video.tags.rotation % 180 != 0
                size = fit(size, self.size[::-1] if across else self.size, even=True)
            audio = job.source if video.has_audio else None
            with VideoWriter(job.target, *size, video.fps, audio, video.tags) as writer:
                for i420, seconds in video:
                    y = i420[: video.height]
                    before = denoiser.denoise(y) if denoiser else y
                    y[:] = self.enhancer.enhance(before, self.strength)
                    writer.write(scaled_i420(i420, size), seconds)
                    if video.duration:
                        on_progress(min(1.0, seconds / video.duration))


def video_profile(job: Job, estimator: Estimator) -> CameraProfile:
    """The median of the estimates over the first frames, half a second apart."""
    with VideoReader(job.source) as video:
        step = max(1, round(video.fps / 2))
        frames = islice(video, 0, step * ESTIMATES, step)
        earlier = Earlier()
        estimates = [estimator.estimate(i420[: video.height], earlier) for i420, _ in frames]
    known = [estimate for estimate in estimates if estimate]
    profile = median_profile(known) if known else TYPICAL
    log.info("%s: %s from %d frames", job.source, profile, len(known))
    return profile


def run(restorer: Restorer, jobs: list[Job], console: Console) -> list[SharpCamError]:
    """Do all jobs, with a progress bar on a terminal; returns what went wrong, already printed."""
    problems: list[SharpCamError] = []
    name = TextColumn("{task.description}", markup=False)
    columns = name, BarColumn(), MofNCompleteColumn(), TimeLeft()
    shows = console.is_terminal
    with Progress(*columns, console=console, disable=not shows, transient=True) as progress:
        everything = progress.add_task("enhance", total=len(jobs))
        for index, job in enumerate(jobs):
            progress.update(everything, description=job.source.name)
            try:
                restorer.restore(job, _advance(progress, everything, index))
            except SharpCamError as error:
                problems.append(error)
            except Exception as error:
                # A bug must not cost the other files either.
                log.exception("%s", job.source)
                message = f"cannot enhance {job.source}: {type(error).__name__}: {error}"
                problems.append(SharpCamError(message, "report this, with the file if you may"))
            else:
                console.print(f"{job.source} -> {job.target}")
                continue
            report(problems[-1], console)
        progress.update(everything, completed=len(jobs))
    return problems


def _advance(progress: Progress, task: TaskID, index: int) -> Callable[[float], None]:
    return lambda done: progress.update(task, completed=index + done)


def report(error: SharpCamError, console: Console) -> None:
    """The same two lines that `cli.py` prints."""
    console.print(f"sharpcam: {error.message}\n  hint: {error.hint}")


def main(args: argparse.Namespace) -> int:
    """`sharpcam enhance`; see `cli.py` for the arguments."""
    console = terminal()
    profile = None if args.profile == "auto" else CameraProfile.parse(args.profile)
    jobs, problems = plan(args.inputs, args.output, args.overwrite)
    for problem in problems:
        report(problem, console)
    if not jobs:
        return 1
    enhancer = load_enhancer(args.model, args.threads, args.engine)
    try:
        if profile:
            enhancer.set_profile(profile)
        estimator = None if profile else ProfileEstimator()
        restorer = Restorer(enhancer, args.strength, args.size, estimator, args.denoise)
        problems += run(restorer, jobs, console)
    except KeyboardInterrupt:
        console.print("stopped; finished files are kept")
        return 130
    finally:
        enhancer.close()
    return 1 if problems else 0
