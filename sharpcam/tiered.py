"""TieredEnhancer: the network in the size that this machine carries right now, or none.

The pipeline thread enhances. A thread of our own asks the governor once a second, on what the
frames took, and changes the network behind the pipeline's back; frames never wait for it.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sharpcam.assets import asset
from sharpcam.engine_choice import choose_engine
from sharpcam.enhancer import BypassError, Enhancer, StudentEnhancer
from sharpcam.errors import SharpCamError
from sharpcam.governor import CORES_FOR_HIGH, MOST_THREADS, Load, Standing, Tier, step
from sharpcam.model import load_model
from sharpcam.profile import TYPICAL, CameraProfile
from sharpcam.session.cores import usable_cores
from sharpcam.session.memory import give_back_now
from sharpcam.session.power import on_battery
from sharpcam.settings import Settings

log = logging.getLogger(__name__)

STEP_SECONDS = 1.0
PROBE_STEPS = 3
"""While bypassed, one frame in so many steps shows whether the network would be fast enough."""
BATTERY_STEPS = 10
"""Steps between two looks at where the power comes from."""
BEGIN = Tier.STANDARD


def bundled_tiers() -> frozenset[Tier]:
    """Those that this SharpCam comes with."""
    found = set()
    for tier in (Tier.LITE, Tier.STANDARD, Tier.HIGH):
        with suppress(SharpCamError):
            asset(f"model/{tier.word}.onnx")
            found.add(tier)
    return frozenset(found)


class Network(Enhancer, Protocol):
    """An Enhancer that computes with as many threads of the processor as it is told."""

    def set_threads(self, threads: int) -> None:
        """From a later frame on; the costs fall on the calling thread."""
        ...


def load_bundled(tier: Tier, engine: str) -> Network:
    """The bundled network of a tier; where the engine asked for is not there, on the best one.

    Raises:
        SharpCamError: the file is damaged.
    """
    try:
        choice = choose_engine(engine, MOST_THREADS)
    except SharpCamError as error:
        log.warning("%s: %s", error.message, error.hint)
        choice = choose_engine("auto", MOST_THREADS)
    model = load_model(asset(f"model/{tier.word}.onnx"))
    return StudentEnhancer(model, MOST_THREADS, choice=choice)


class TieredEnhancer:
    """An Enhancer, see there. A context manager: inside of it the governor is at work."""

    def __init__(
        self,
        settings: Settings,
        fps: Callable[[], float],
        *,
        available: Collection[Tier] | None = None,
        load: Callable[[Tier, str], Network] = load_bundled,
        battery: Callable[[], bool | None] = on_battery,
        cores: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Nothing is loaded before `begin`; until then frames pass as they are.

        Args:
            settings: `tier`, `engine` and `cpu_budget_percent` count; see `apply`.
            fps: frames per second that the camera sends.
            available: tiers to choose from; by default the bundled ones.
            load: makes the network of a tier on the engine of a name.
            battery: whether the computer runs on its battery; None where nobody knows.
            cores: of the processor; by default those that this process may use.
            clock: seconds.
        """
        self._cores = usable_cores() if cores is None else cores
        self.available = bundled_tiers() if available is None else frozenset(available)
        self._settings, self._fps = settings, fps
        self._load, self._battery, self._clock = load, battery, clock
        self._on_battery = False
        self._steps = 0
        self._profile = TYPICAL
        self._times_ms: deque[float] = deque(maxlen=120)
        self._last: tuple[NDArray[np.uint8], float] | None = None
        """The newest luma that passed as it was, and the strength asked for."""
        self._changing = Lock()
        self._enhancer: Network | None = None
        self._problem = ""
        """Why there is no network at all."""
        self._begun = False
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="governor", daemon=True)
        if self.available:
            self._standing = Standing(min(BEGIN, self._best()))
        else:
            self._standing, self._problem = Standing(Tier.BYPASS), "no network is installed"

    def __enter__(self) -> TieredEnhancer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def name(self) -> str:
        enhancer = self._enhancer
        return enhancer.name if enhancer and self.tier else "none"

    @property
    def version(self) -> object:
        enhancer = self._enhancer
        return self.tier, enhancer.version if enhancer else None

    @property
    def tier(self) -> Tier:
        """In use now."""
        return Tier.BYPASS if self._problem else self._standing.tier

    @property
    def reason(self) -> str:
        """Why it is not a larger one, for people; may be empty."""
        return self._problem or self._standing.reason

    def apply(self, settings: Settings) -> None:
        """Go by these from the next step on; another engine is used at once."""
        before, self._settings = self._settings, settings
        if settings.engine != before.engine and self._begun and self._standing.tier:
            self._take(self._standing.tier)

    def begin(self) -> None:
        """Load the first network, which takes half a second; the governor's thread does so by
        itself. Where that fails, frames go on passing as they are."""
        self._begun = True
        if self._standing.tier:
            self._take(self._standing.tier)
            give_back_now()  # engines that were compared leave 60 MB behind

    def enhance(self, y: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
        enhancer = self._enhancer
        if not enhancer or not self._standing.tier:
            self._last = y, strength
            raise BypassError(self.reason or "the network is being loaded")
        start = self._clock()
        sharp = enhancer.enhance(y, strength)
        self._times_ms.append((self._clock() - start) * 1000)
        return sharp

    def set_profile(self, profile: CameraProfile) -> None:
        with self._changing:
            self._profile = profile
            if self._enhancer:
                self._enhancer.set_profile(profile)

    def close(self) -> None:
        with self._changing:
            enhancer, self._enhancer = self._enhancer, None
            if enhancer:
                enhancer.close()

    # --- the governor's thread

    def _run(self) -> None:
        try:
            self.begin()
        except Exception:
            self._problem = "the network cannot be loaded"
            log.exception("%s", self._problem)
        while not self._stopping.wait(STEP_SECONDS):
            try:
                self.step()
            except Exception:
                log.exception("the governor failed")  # the picture goes on as it is

    def step(self) -> None:
        """One step of the governor; about once a second."""
        if not self.available or self._problem:
            return
        if self._steps % BATTERY_STEPS == 0:
            self._on_battery = self._battery() is True
        self._steps += 1
        load = Load(
            self._measured(),
            max(self._fps(), 1.0),
            self._settings.cpu_budget_percent,
            self._on_battery,
            self._best(),
            self.available,
        )
        before, self._standing = self._standing, step(self._standing, load)
        if self._standing.tier != before.tier:
            log.info("network: %s. %s", self._standing.tier.word, self._standing.reason)
            self._times_ms.clear()
            if self._standing.tier:
                self._take(self._standing.tier)
        elif self._standing.threads != before.threads:
            log.info("network: threads: %d", self._standing.threads)
            self._times_ms.clear()
            with self._changing:
                if self._enhancer:
                    self._enhancer.set_threads(self._standing.threads)

    def _best(self) -> Tier:
        """The largest that a person or a small processor allows, among those that there are."""
        if self._settings.tier == "auto":
            chosen = Tier.HIGH if self._cores >= CORES_FOR_HIGH else Tier.STANDARD
        else:
            chosen = Tier[self._settings.tier.upper()]
        return max((it for it in self.available if it <= chosen), default=min(self.available))

    def _measured(self) -> list[float]:
        """Milliseconds of the frames since the last step."""
        times: list[float] = []
        while self._times_ms:
            times.append(self._times_ms.popleft())
        last, enhancer = self._last, self._enhancer
        if self._standing.tier or last is None or not enhancer or self._steps % PROBE_STEPS:
            return times
        self._last = None  # only frames that come now count
        start = self._clock()
        enhancer.enhance(*last)
        return [(self._clock() - start) * 1000]

    def _take(self, tier: Tier) -> None:
        """Load this network and use it; the one before serves until then."""
        with self._changing:
            try:
                made = self._load(tier, self._settings.engine)
                made.set_threads(self._standing.threads)
                made.set_profile(self._profile)
            except SharpCamError as error:
                log.warning("network %s: %s", tier.word, error.message)
                self.available -= {tier}
                if not self._enhancer:
                    self._problem = error.message
                return
            # Not closed: the pipeline may be inside of the one before. It is freed after that.
            self._enhancer = made
