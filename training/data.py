"""Pictures to training pairs: a bank of crisp crops, and pairs as a pure function of (seed, step).

Photographs at native size are soft, and soft targets teach the network to do nothing, so they are
shrunk with Lanczos by 0.4 to 0.7 and only crops as crisp as a good lossless photograph are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch.utils.data import DataLoader, Dataset

from sharpcam.errors import SharpCamError
from sharpcam.profile import CameraProfile
from training.cameras import sample_camera
from training.degrade import Luma, degrade
from training.parallel import place, share
from training.ruler import true_profile

PHOTOS = Path(__file__).parent / "photos"
SUFFIXES = {".webp", ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"}
BANK_CROP = 160
"""Side of a stored crop; a training crop plus its margin must fit in."""
MARGIN = 8
"""Cut from every side after degrading: borders of blurs, and one JPEG block so the grid stays."""
CRISP = 1.4
"""Least ratio of fine (below 1 px) to middle (1 to 2 px) energy of a target; Kodak's median 2.5."""
TOLD_WRONG, MOST_WRONG = 0.3, 0.3
"""Part of the pictures whose student is told a wrong blur, and by which part of it at most."""
FLAT = 6e-6
"""Below this middle-band energy a crop is a wall or a sky: crispness means nothing there."""


def split_of(name: str) -> str:
    """Which part of the data a file belongs to, fixed by its name: train, validation or test."""
    number = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 100
    return "test" if number < 6 else "validation" if number < 12 else "train"


def photographs(folder: Path, split: str) -> list[Path]:
    """The pictures of one split, sorted.

    Raises:
        SharpCamError: the folder holds no pictures for it.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    chosen = [path for path in files if split_of(path.name) == split]
    if not chosen:
        raise SharpCamError(
            f"no pictures of the {split} split in {folder} ({len(files)} pictures in all)",
            "give --data a folder with a few hundred photographs (jpg, png, webp)",
        )
    return chosen


def data_hash(folder: Path) -> str:
    """Names and sizes of all pictures in a folder, as 12 hex digits."""
    rows = sorted(f"{path.name} {path.stat().st_size}" for path in folder.rglob("*"))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:12]


def load_luma(path: Path, scale: float = 1.0) -> Luma:
    """Luma (BT.601) as float32 [H, W] in 0..1, shrunk with Lanczos, sides multiples of 8."""
    with Image.open(path) as image:
        grey = image.convert("L")
        size = tuple(max(8, int(side * scale) // 8 * 8) for side in grey.size)
        grey = grey.resize(size, Image.Resampling.LANCZOS)
        return np.asarray(grey, np.float32) / 255


def crispness(y: Luma) -> tuple[float, float]:
    """Fine over middle energy, and the middle energy itself, of a picture float32 [H, W]."""
    one, two = cv2.GaussianBlur(y, (0, 0), 1), cv2.GaussianBlur(y, (0, 0), 2)
    middle = float(np.mean((one - two) ** 2))
    return float(np.mean((y - one) ** 2)) / max(middle, 1e-9), middle


def crop_bank(folder: Path, split: str, per_photo: int, cache: Path) -> NDArray[np.uint8]:
    """Crisp crops of all photographs of a split: uint8 [N, 160, 160], cached as .npy."""
    stored = cache / f"crops-{split}-{per_photo}-{data_hash(folder)}.npy"
    if stored.exists():
        return np.load(stored, mmap_mode="r")
    crops = []
    for path in photographs(folder, split):
        rng = np.random.default_rng(int(hashlib.sha256(path.name.encode()).hexdigest()[:8], 16))
        scaled = [load_luma(path, scale) for scale in (0.4, 0.55, 0.7)]
        kept = 0
        for _ in range(6 * per_photo):
            y = scaled[rng.integers(3)]
            if kept == per_photo or min(y.shape) < BANK_CROP:
                continue
            top, left = (int(rng.integers(side - BANK_CROP + 1)) for side in y.shape)
            crop = y[top : top + BANK_CROP, left : left + BANK_CROP]
            ratio, middle = crispness(crop)
            if ratio >= CRISP if middle > FLAT else rng.random() < 0.1:
                crops.append((crop * 255 + 0.5).astype(np.uint8))
                kept += 1
    if not crops:
        raise SharpCamError(
            f"no crisp crop of {BANK_CROP} pixels in the {split} split of {folder}",
            "use sharper or larger photographs (at least 400 pixels wide)",
        )
    bank = np.stack(crops)
    cache.mkdir(parents=True, exist_ok=True)
    partial = stored.with_suffix(".partial.npy")
    np.save(partial, bank)
    partial.replace(stored)
    return bank


def text_picture(rng: np.random.Generator) -> Luma:
    """A piece of a shared screen or a poster: lines of random letters, float32 [160, 160]."""
    paper, ink = (255, int(rng.integers(0, 90))) if rng.random() < 0.7 else (25, 230)
    image = Image.new("L", (BANK_CROP, BANK_CROP), paper)
    draw = ImageDraw.Draw(image)
    size = int(rng.integers(9, 26))
    font = ImageFont.load_default(size)
    letters = np.array(
        list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789   .,:-")
    )
    for top in range(int(rng.integers(0, size)), BANK_CROP, int(size * 1.3)):
        draw.text((4, top), "".join(rng.choice(letters, 40)), font=font, fill=ink)
    return np.asarray(image, np.float32) / 255


@dataclass(frozen=True)
class Pair:
    """One training example; all float32, pictures in 0..1."""

    degraded: Luma
    """[S, S], on the grid of 8 bits."""
    target: Luma
    """[S, S]."""
    camera: NDArray[np.float32]
    """[17], the true profile."""


def make_scene(bank: NDArray[np.uint8], size: int, rng: np.random.Generator) -> Luma:
    """What is in front of a camera: a crisp crop, mirrored and turned, or text, with MARGIN around
    it."""
    if rng.random() < 0.06:
        y = text_picture(rng)
    else:
        y = bank[rng.integers(len(bank))].astype(np.float32) / 255
        y = np.rot90(y[:, ::-1] if rng.random() < 0.5 else y, int(rng.integers(4)))
    whole = size + 2 * MARGIN
    top, left = (int(rng.integers(BANK_CROP - whole + 1)) for _ in range(2))
    y = np.ascontiguousarray(y[top : top + whole, left : left + whole])
    if rng.random() < 0.5:  # exposure: a webcam's picture is rarely of full range
        y = np.clip(y * rng.uniform(0.5, 1.0) + rng.uniform(0, 0.15), 0, 1, dtype=np.float32)
    return y


def make_pair(bank: NDArray[np.uint8], size: int, seed: tuple[int, ...]) -> Pair:
    """The example that belongs to a seed: a scene through a camera, with the margin cut off."""
    rng = np.random.default_rng(seed)
    y = make_scene(bank, size, rng)
    camera = sample_camera(rng)
    inner = slice(MARGIN, MARGIN + size)
    shown = degrade(camera, y, rng)[inner, inner]
    return Pair(shown, y[inner, inner], true_profile(camera).as_array())


def pair_tensors(
    bank: NDArray[np.uint8], size: int, seed: tuple[int, ...]
) -> tuple[torch.Tensor, ...]:
    """`make_pair`: degraded and target [1, S, S], and the true profile [17]."""
    pair = make_pair(bank, size, seed)
    pictures = (
        torch.from_numpy(np.ascontiguousarray(y))[None] for y in (pair.degraded, pair.target)
    )
    return (*pictures, torch.from_numpy(pair.camera))


class Examples(Dataset[tuple[torch.Tensor, ...]]):
    """Example number i of a run is always the same, so a resumed run goes on exactly; of several
    processes each takes its part of every batch."""

    def __init__(
        self,
        make: Callable[[tuple[int, ...]], tuple[torch.Tensor, ...]],
        batch: int,
        seed: int,
        steps: range,
    ) -> None:
        """`make` gives the example that belongs to a seed."""
        self.make, self.batch, self.seed, self.steps = make, batch, seed, steps
        rank, count = place()
        if batch % count:
            raise SharpCamError(
                f"a batch of {batch} pictures cannot be shared by {count} processes",
                "start as many processes as divide it",
            )
        self.part = batch // count
        self.first = rank * self.part

    def __len__(self) -> int:
        return len(self.steps) * self.part

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        step, position = divmod(index, self.part)
        return self.make((self.seed, self.steps[step] * self.batch + self.first + position))

    def batches(self, workers: int) -> Iterator[list[torch.Tensor]]:
        """This process's part of every batch, made by so many processes of its own."""
        return iter(
            DataLoader(
                self,
                self.part,
                num_workers=workers,
                worker_init_fn=_one_thread,
                multiprocessing_context="spawn" if workers else None,
            )
        )


def batches(
    bank: NDArray[np.uint8], size: int, batch: int, seed: int, steps: range, workers: int
) -> Iterator[list[torch.Tensor]]:
    """Batches for the given steps: degraded and target [N, 1, S, S] in 0..1, profile [N, 17]; N is
    this process's part of `batch`."""
    return Examples(partial(pair_tensors, bank, size), batch, seed, steps).batches(workers)


def _one_thread(_: int) -> None:
    cv2.setNumThreads(1)


def jitter(camera: torch.Tensor, seed: int, step: int) -> torch.Tensor:
    """The profile [N, 17] as an estimator would give it: blur off by 5 %, the rest by 10 %, and
    all by a small constant; and the blur of some off by far more, as of a camera unlike ours. Who
    is seldom told wrongly learns to notice it in the picture."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    everyone = len(camera) * place()[1]  # of all processes
    shape = everyone, CameraProfile.SIZE + 1
    random = share(torch.randn(shape, generator=generator)).to(camera.device)
    chosen = share(torch.rand((everyone, 2), generator=generator)).to(camera.device)
    wrong = MOST_WRONG * (2 * chosen[:, 1:] - 1)
    off = torch.where(chosen[:, :1] < TOLD_WRONG, wrong, 0.05 * random[:, :1])
    wider = (1 + off) ** 2
    response = camera[:, :5].clamp_min(1e-6) ** wider + 0.01 * random[:, 1:6]
    offset = camera.new_tensor([0.02] * 5 + [0.1] * 2 + [0.03] * 3 + [0.05] * 2)
    rest = camera[:, 5:] * (1 + 0.1 * random[:, 6:]) + offset * random[:, 6:]
    moved = torch.cat([response, rest], 1)
    # A perfect camera is told apart reliably, and must be left alone.
    perfect = torch.from_numpy(CameraProfile().as_array()).to(camera.device)
    moved = torch.where((camera == perfect).all(1, keepdim=True), camera, moved)
    low, high = (camera.new_tensor(bound) for bound in (CameraProfile.LOW, CameraProfile.HIGH))
    return torch.minimum(torch.maximum(moved, low), high)
