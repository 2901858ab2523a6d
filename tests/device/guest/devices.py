"""Kernel modules and devices of the virtual machine."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MODULES = Path(os.environ["SHARPCAM_TEST_MODULES"])
OURS, OTHER, WEBCAM = "/dev/video10", "/dev/video11", "/dev/video20"
"""Two devices of v4l2loopback, SharpCam and Other Cam; vivid's webcam."""
PATIENCE_SECONDS = 300
"""How long something may take that is bound to happen, emulated on a busy machine."""


@contextmanager
def loopback(version: str, exclusive_caps: int = 1) -> Iterator[None]:
    """v4l2loopback, loaded; in the end it must not be in use any more."""
    _remove("v4l2loopback")
    _insert(*(MODULES / "videodev.order").read_text().split())
    subprocess.run(
        [
            *("insmod", MODULES / f"v4l2loopback-{version}.ko", "devices=2", "video_nr=10,11"),
            *('card_label="SharpCam,Other Cam"', f"exclusive_caps={exclusive_caps},1"),
        ],
        check=True,
    )
    until(Path(OTHER).exists)
    yield
    subprocess.run(["rmmod", "v4l2loopback"], check=True)


@contextmanager
def webcam() -> Iterator[None]:
    """vivid, as a webcam."""
    _remove("vivid")
    *before, vivid = (MODULES / "vivid.order").read_text().split()
    _insert(*before)
    kinds = ("n_devs=1", "node_types=0x1", "vid_cap_nr=20", "num_inputs=1", "input_types=0x0")
    subprocess.run(["insmod", MODULES / vivid, *kinds], check=True)
    until(Path(WEBCAM).exists)
    yield
    subprocess.run(["rmmod", "vivid"], check=True)


def uses(module: str) -> int:
    """How often its devices are open."""
    return int(Path(f"/sys/module/{module}/refcnt").read_text())


def _loaded() -> set[str]:
    return {line.split()[0] for line in Path("/proc/modules").read_text().splitlines()}


def _insert(*modules: str) -> None:
    loaded = _loaded()
    for module in modules:
        if module.removesuffix(".ko").replace("-", "_") not in loaded:
            subprocess.run(["insmod", MODULES / module], check=True)


def _remove(module: str) -> None:
    """What a failed call left behind; the programs that used it may still be ending."""
    if module in _loaded():
        until(lambda: subprocess.run(["rmmod", module]).returncode == 0, every=0.2)


def until(happened: Callable[[], bool], every: float = 0.02) -> None:
    """Wait for an event that is bound to come.

    Raises:
        TimeoutError: it did not.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        time.sleep(every)
