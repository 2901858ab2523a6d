"""The governor: which tier of the network this machine carries right now, and on how many threads.

Pure: no clock, no thread, no device. Whoever calls `step` about once a second decides what a
second is. Stepping down is quick, stepping up is slow, and a step up that proved wrong is not
tried again soon, so the picture does not change back and forth.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from statistics import median


class Tier(IntEnum):
    """How much network there is; ordered by what it costs."""

    BYPASS = 0
    """None: frames pass as they are."""
    LITE = 1
    STANDARD = 2
    HIGH = 3

    @property
    def word(self) -> str:
        """As in settings and for people."""
        return self.name.lower()


COST_MS = {Tier.LITE: 6.0, Tier.STANDARD: 10.0, Tier.HIGH: 21.0}
"""Milliseconds of each tier at 720p on one core; only their ratios are used."""
CORES_FOR_HIGH = 4
"""On fewer, the largest tier is taken only when a person asks for it: half of a small processor is
the meeting app's."""
WARM_UP = 2
"""Steps that do not count after a start, a pause or a change of tier: the camera is being opened,
its profile learnt, memory fetched."""
DOWN_AFTER = 2
"""Steps over the budget before a smaller tier is taken."""
UP_AFTER = 10
"""Steps with room for a larger tier before it is tried."""
ROOM = 0.75
"""A larger tier is tried when it is expected to take at most this share of the budget."""
PROBATION = 30
"""Steps in which a larger tier must hold, or it counts as too slow."""
FORGET_AFTER = 600
"""Steps before a tier, or one thread, that proved too slow may be tried again."""
BATTERY_SHARE = 0.5
"""Of the budget, on battery."""
MOST_THREADS = 2
"""What every tier begins with: the second one brings the picture earlier, and costs a tenth more of
the processor's time."""
SPEED_UP = 1.7
"""How many times faster all threads are than one, about."""
ONE_IS_ENOUGH = 0.5
"""One thread is used when it is expected to take at most this share of the budget."""
ONE_IS_TOO_SLOW = 0.75
"""All are used again when one takes more than this share."""


@dataclass(frozen=True, slots=True)
class Load:
    """What happened since the last step, and what is allowed."""

    times_ms: Sequence[float]
    """What the network took for recent frames, one by one. While bypassed: what the smallest one
    took for a frame now and then that nobody was shown. Empty where nothing was measured."""
    fps: float
    """Frames per second that the camera sends."""
    budget_percent: float
    """Share of the time between two frames that the network may take: `cpu_budget_percent`."""
    on_battery: bool = False
    best: Tier = Tier.HIGH
    """No larger tier is taken: a person's choice."""
    available: Collection[Tier] = (Tier.LITE, Tier.STANDARD, Tier.HIGH)
    """Those that there is a network for; at least one."""

    @property
    def budget_ms(self) -> float:
        """Per frame."""
        share = self.budget_percent / 100 * (BATTERY_SHARE if self.on_battery else 1.0)
        return 1000 / self.fps * share

    @property
    def smallest(self) -> Tier:
        """The smallest network that there is."""
        return min(self.available)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the governor stands; hand it back with the next load."""

    tier: Tier
    reason: str = ""
    """Why this tier and no larger one, for people; empty while nothing speaks against it."""
    cold: int = WARM_UP
    """Steps with frames that will not count."""
    over: int = 0
    """Steps in a row over the budget."""
    room: int = 0
    """Steps in a row with room for the next larger tier, or for one thread alone."""
    probation: int = 0
    """Steps left in which a step up may prove wrong."""
    failed: Tier | None = None
    """A tier that proved too slow."""
    failed_age: int = 0
    """Steps since then."""
    threads: int = MOST_THREADS
    """To compute the network with."""
    crowded: int = 0
    """Steps before one thread is tried again, since it proved too slow."""


def step(standing: Standing, load: Load) -> Standing:
    """The next standing; `reason` tells what changed it."""
    if standing.tier > load.best:
        allowed = (tier for tier in load.available if tier <= load.best)
        return Standing(max(allowed, default=load.smallest))
    standing = _aged(standing)
    if not load.times_ms:  # while bypassed that says nothing: a frame is tried now and then
        return replace(standing, cold=WARM_UP, over=0, room=0) if standing.tier else standing
    if standing.tier and standing.cold:
        return replace(standing, cold=standing.cold - 1)
    took, budget = median(load.times_ms), load.budget_ms
    if standing.threads < MOST_THREADS and took > budget * ONE_IS_TOO_SLOW:
        return replace(_with_threads(standing, MOST_THREADS), crowded=FORGET_AFTER)
    if standing.tier > Tier.BYPASS and took > budget:
        if standing.over + 1 < DOWN_AFTER:
            return replace(standing, over=standing.over + 1, room=0)
        return _down(standing, took, load)
    larger = min((tier for tier in load.available if tier > standing.tier), default=None)
    if larger is None or larger > load.best or larger == standing.failed:
        return _at_rest(standing, took, budget)
    with_all = took if standing.threads == MOST_THREADS else took / SPEED_UP
    if with_all * _ratio(larger, standing.tier, load) > budget * ROOM:
        return _at_rest(standing, took, budget)
    if standing.room + 1 < UP_AFTER:
        return replace(standing, over=0, room=standing.room + 1)
    reason = "" if larger == load.best else standing.reason
    failed, age = standing.failed, standing.failed_age
    return Standing(larger, reason, probation=PROBATION, failed=failed, failed_age=age)


def _at_rest(standing: Standing, took: float, budget: float) -> Standing:
    """No larger tier is to come: what is left to win is a thread, for other programs."""
    tried = standing.threads == 1 or standing.crowded
    if not standing.tier or tried or took * SPEED_UP > budget * ONE_IS_ENOUGH:
        return replace(standing, over=0, room=0)
    if standing.room + 1 < UP_AFTER:
        return replace(standing, over=0, room=standing.room + 1)
    return _with_threads(standing, 1)


def _with_threads(standing: Standing, threads: int) -> Standing:
    return replace(standing, threads=threads, cold=WARM_UP, over=0, room=0)


def _down(standing: Standing, took: float, load: Load) -> Standing:
    """The largest smaller tier that is expected to fit."""
    smaller = (
        tier
        for tier in sorted(load.available, reverse=True)
        if tier < standing.tier and took * _ratio(tier, standing.tier, load) <= load.budget_ms
    )
    tier = next(smaller, Tier.BYPASS)
    where = "on battery" if load.on_battery else f"at {load.fps:.0f} FPS"
    reason = (
        f"{standing.tier.word} took {took:.0f} ms of {load.budget_ms:.0f} ms allowed {where}: "
        f"{'frames pass as they are' if tier == Tier.BYPASS else f'{tier.word} is used'}"
    )
    if standing.probation:
        return Standing(tier, reason, failed=standing.tier)
    return Standing(tier, reason, failed=standing.failed, failed_age=standing.failed_age)


def _aged(standing: Standing) -> Standing:
    standing = replace(
        standing,
        probation=max(0, standing.probation - 1),
        crowded=max(0, standing.crowded - 1),
    )
    if standing.failed is None:
        return standing
    if standing.failed_age + 1 >= FORGET_AFTER:
        return replace(standing, failed=None, failed_age=0)
    return replace(standing, failed_age=standing.failed_age + 1)


def _ratio(of: Tier, to: Tier, load: Load) -> float:
    """How many times the work; what is measured while bypassed is the smallest network."""
    return COST_MS[of] / COST_MS[to or load.smallest]
