"""Which engine computes the student on this computer: the fastest that computes the same.

Measured once on the bundled `lite` student and remembered, until a version or the processor is
another one. Takes about a second; never on the frame path.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from sharpcam import __version__
from sharpcam.assets import asset
from sharpcam.atomic import replacing
from sharpcam.engines import CHOICES, EXACT, ON_PROCESSOR, Choice
from sharpcam.errors import SharpCamError
from sharpcam.model import Model, Session, load_model
from sharpcam.paths import state_folder
from sharpcam.profile import TYPICAL
from sharpcam.system.processor import processor

log = logging.getLogger(__name__)

FILE = "engine.json"
SIZE = (360, 640)
ROUNDS = 5
MOST_DIFFERENT = 2.0
"""Mean difference in grey levels from the exact result above which an engine computes something
else. Rounding to bytes makes 0.6 to 0.8, sums that are cut to 16 bits make 6 to 7."""


def choose_engine(name: str, threads: int) -> Choice:
    """The engine of this name, or for "auto" the fastest.

    Raises:
        SharpCamError: there is no engine of this name, or it is not installed.
    """
    if name != "auto":
        if name not in CHOICES:
            raise SharpCamError(f"no engine {name!r}", f"choose one of: auto, {', '.join(CHOICES)}")
        chosen = CHOICES[name]
        chosen.engine()  # says what is missing
        return chosen
    folder = state_folder()
    return fastest(threads, folder / FILE if folder else None)


def fastest_on_processor(threads: int) -> Choice:
    """What is left where another device is lost; measured anew, which takes about a second."""
    return fastest(threads, None, ON_PROCESSOR)


def fastest(
    threads: int, store: Path | None, choices: Iterable[Choice] = tuple(CHOICES.values())
) -> Choice:
    """Measure, or remember what was measured; never fails."""
    candidates = [choice for choice in choices if choice.installed]
    try:
        model = load_model(asset("model/lite.onnx"))
        key = _key(model, threads, candidates)
        if known := _remembered(store, key):
            return known
        times_ms = measure(candidates, model, threads)
    except Exception:  # whatever an engine does wrong, the exact one is left
        log.exception("the engines cannot be compared")
        return EXACT
    best = min(times_ms, key=lambda name: times_ms[name])
    told = ", ".join(f"{CHOICES[name].label} {ms:.1f} ms" for name, ms in times_ms.items())
    log.info("engine: %s (%s)", CHOICES[best].label, told)
    _remember(store, key, best, times_ms)
    return CHOICES[best]


def measure(candidates: Iterable[Choice], model: Model, threads: int) -> dict[str, float]:
    """Milliseconds per picture of 640x360 by engine, of those that compute what the exact one
    does; medians of rounds in which they take turns."""
    y = _picture()
    wanted = _session(model, EXACT, threads).run(y, 1.0).astype(np.int16)
    sessions: dict[str, Session] = {}
    for choice in candidates:
        try:
            session = _session(model, choice, threads)
            error = float(np.abs(session.run(y, 1.0) - wanted).mean())
        except Exception as problem:  # engines share no base class of their errors
            log.warning("engine %s does not work: %s", choice.label, problem)
            continue
        if error > MOST_DIFFERENT:
            log.info("engine %s computes something else: %.1f grey levels", choice.label, error)
            continue
        sessions[choice.name] = session
    seconds: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(ROUNDS):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run(y, 1.0)
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * median(times) for name, times in seconds.items()}


def _session(model: Model, choice: Choice, threads: int) -> Session:
    return model.session(TYPICAL, threads, choice)


def _picture() -> NDArray[np.uint8]:
    """Edges as a soft camera shows them, a gradient and noise; bright, which is where sums
    saturate."""
    height, width = SIZE
    rng = np.random.default_rng(0)
    tiles = np.kron(rng.integers(0, 2, (height // 8, width // 8)), np.ones((8, 8))) * 80
    soft = cv2.GaussianBlur(tiles, (0, 0), TYPICAL.blur_px)
    slope = np.linspace(100, 170, width)[None]
    return np.asarray(np.clip(soft + slope + rng.normal(0, 1.5, SIZE), 0, 255), np.uint8)


def _key(model: Model, threads: int, candidates: list[Choice]) -> str:
    """Changes with whatever could change the result."""
    parts = [__version__, platform.machine(), processor(), str(os.cpu_count()), str(threads)]
    for choice in candidates:
        try:
            parts.append(f"{choice.name} {version(choice.package)}")
        except PackageNotFoundError:  # frozen into an installer, whose version is ours
            parts.append(choice.name)
    return hashlib.sha256("\n".join(parts).encode() + model.data).hexdigest()[:16]


def _remembered(store: Path | None, key: str) -> Choice | None:
    try:
        content = json.loads(store.read_bytes()[:10_000]) if store else None
        if isinstance(content, dict) and content.get("key") == key:
            return CHOICES.get(str(content.get("engine")))
    except (OSError, ValueError, RecursionError):
        pass  # measured again
    return None


def _remember(store: Path | None, key: str, name: str, times_ms: dict[str, float]) -> None:
    if store is None:
        return
    rounded = {engine: round(ms, 2) for engine, ms in times_ms.items()}
    try:
        store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(store) as partial:
            partial.write_text(json.dumps({"key": key, "engine": name, "milliseconds": rounded}))
    except (OSError, SharpCamError) as error:
        log.info("the choice of the engine is not remembered: %s", error)
