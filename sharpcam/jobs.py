"""What `sharpcam enhance` has to do: every input file with the name of its output.

Nothing is written here, and nothing is read but folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sharpcam.errors import SharpCamError
from sharpcam.paths import check_output, exists
from sharpcam.picture import PICTURE_EXTENSIONS
from sharpcam.video import VIDEO_EXTENSIONS
from sharpcam.video_writer import OUTPUT_EXTENSIONS


@dataclass(frozen=True, slots=True)
class Job:
    """One file to enhance."""

    source: Path
    target: Path

    @property
    def is_picture(self) -> bool:
        return self.source.suffix.lower() in PICTURE_EXTENSIONS


def plan(
    inputs: Sequence[Path], output: Path, overwrite: bool
) -> tuple[list[Job], list[SharpCamError]]:
    """Pair inputs with outputs; returns the jobs and what is wrong with the other inputs.

    A single file goes to the file `output`, or into it where it is a folder or has no extension.
    Everything else goes into the folder `output`: files by their names, folders with their
    structure.

    Raises:
        SharpCamError: `output` cannot take any of the inputs.
    """
    single = len(inputs) == 1 and not _is_folder(inputs[0])
    into_folder = _is_folder(output) or not single or not output.suffix
    if into_folder and not _is_folder(output) and exists(output):
        raise SharpCamError(
            f"{output} is a file, but the results need a folder", "give another name after -o"
        )
    jobs: dict[str, Job] = {}
    problems: list[SharpCamError] = []
    for source in inputs:
        try:
            with _asking(source):
                pairs = _pairs(source, output) if into_folder else [(source, output)]
        except SharpCamError as error:
            problems.append(error)
            continue
        for file, target in pairs:
            try:
                with _asking(file):
                    job = _checked(Job(file, target), overwrite)
                other = jobs.setdefault(os.path.normcase(target), job)
                if other is not job:
                    raise _collision(job, other)
            except SharpCamError as error:
                problems.append(error)
    return list(jobs.values()), problems


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # what is wrong with it is said where it is used


@contextmanager
def _asking(path: Path) -> Iterator[None]:
    """Looking a file up fails where its name is too long, a folder may not be entered or a link
    leads to itself."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        where, why = getattr(error, "filename", None), getattr(error, "strerror", None)
        raise SharpCamError(
            f"cannot use {where or path}: {why or error}", "check the name and the permissions"
        ) from error


def _pairs(source: Path, folder: Path) -> list[tuple[Path, Path]]:
    if not _is_folder(source):
        return [(source, folder / _writable(Path(source.name)))]
    if folder.resolve() == source.resolve():
        raise SharpCamError(
            f"the output folder is the input folder {source}", "give another folder after -o"
        )
    files = [(file, folder / _writable(file.relative_to(source))) for file in _walk(source, folder)]
    if not files:
        raise SharpCamError(
            f"the folder {source} has no pictures or videos in it",
            f"known are {' '.join(sorted(PICTURE_EXTENSIONS | VIDEO_EXTENSIONS))}",
        )
    return files


def _walk(folder: Path, output: Path) -> Iterator[Path]:
    """Pictures and videos below a folder, in order; hidden ones and earlier results left out."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise SharpCamError(
            f"cannot read the folder {folder}: {error.strerror or error}", "check its permissions"
        ) from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            # A link could lead in a circle.
            if not entry.is_symlink() and entry.resolve() != output.resolve():
                yield from _walk(entry, output)
        elif entry.suffix.lower() in PICTURE_EXTENSIONS | VIDEO_EXTENSIONS and entry.is_file():
            yield entry


def _writable(name: Path) -> Path:
    """The same name, with .mp4 for videos of kinds that are only read."""
    known = name.suffix.lower() in PICTURE_EXTENSIONS | OUTPUT_EXTENSIONS
    return name if known else name.with_suffix(".mp4")


def _collision(job: Job, other: Job) -> SharpCamError:
    return SharpCamError(
        f"{job.source} and {other.source} would both be written to {job.target}",
        "enhance them into different folders",
    )


def _checked(job: Job, overwrite: bool) -> Job:
    source, target = job.source, job.target
    if not source.exists():
        raise SharpCamError(f"there is no file {source}", "check the name and the folder")
    kinds = PICTURE_EXTENSIONS if job.is_picture else OUTPUT_EXTENSIONS
    if target.suffix.lower() not in kinds:
        raise SharpCamError(
            f"cannot write {source.name} as {target.name!r}",
            f"a {'picture' if job.is_picture else 'video'} goes into {' '.join(sorted(kinds))}",
        )
    check_output(target, source, overwrite)
    return job
