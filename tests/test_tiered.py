"""Which network enhances: chosen by the governor, bypassed with a reason, missing, on battery."""

from __future__ import annotations

import os

import numpy as np
import pytest
from fakes import FakeClock, FakeEnhancer, Gate, until

from sharpcam import tiered
from sharpcam.enhancer import BypassError
from sharpcam.errors import SharpCamError
from sharpcam.governor import CORES_FOR_HIGH, DOWN_AFTER, UP_AFTER, WARM_UP, Tier
from sharpcam.profile import CameraProfile
from sharpcam.session.cores import usable_cores
from sharpcam.settings import Settings
from sharpcam.tiered import PROBE_STEPS, TieredEnhancer, bundled_tiers

Y = np.zeros((48, 64), np.uint8)
ALL = (Tier.LITE, Tier.STANDARD, Tier.HIGH)
DOWN, UP = WARM_UP + DOWN_AFTER, WARM_UP + UP_AFTER
SOFT = CameraProfile.of(1.5, 1.0, 0.2)


class Machine:
    """Takes as long as the test says; remembers what was loaded."""

    def __init__(
        self,
        available: tuple[Tier, ...] = ALL,
        begun: bool = True,
        cores: int = CORES_FOR_HIGH,
        **settings: object,
    ) -> None:
        self.clock = FakeClock()
        self.took_ms = 5.0
        self.battery: bool | None = None
        self.damaged: set[Tier] = set()
        self.loaded: list[Tier] = []
        self.networks: list[FakeEnhancer] = []
        self.enhancer = TieredEnhancer(
            Settings(**settings),
            lambda: 30.0,
            available=available,
            load=self.load,
            battery=lambda: self.battery,
            cores=cores,
            clock=self.clock,
        )
        if begun:
            self.enhancer.begin()

    def load(self, tier: Tier, engine: str) -> FakeEnhancer:
        if tier in self.damaged:
            raise SharpCamError(f"{tier.word} is damaged", "install again")
        self.loaded.append(tier)
        self.networks.append(FakeEnhancer(self.work))
        return self.networks[-1]

    def work(self) -> None:
        self.clock.now += self.took_ms / 1000

    def second(self) -> str:
        """A second with a few frames; returns why they passed untouched, if they did."""
        why = ""
        for _ in range(3):
            try:
                self.enhancer.enhance(Y, 1.0)
            except BypassError as reason:
                why = str(reason)
        self.enhancer.step()
        return why


def test_the_standard_network_begins_and_enhances() -> None:
    machine = Machine()
    assert machine.loaded == [Tier.STANDARD]
    assert np.array_equal(machine.enhancer.enhance(Y, 1.0), FakeEnhancer.expected(Y, 1.0))
    assert machine.enhancer.name == "fake enhancer"
    assert machine.enhancer.tier is Tier.STANDARD


def test_frames_pass_until_the_network_is_loaded_and_settings_count_that_came_before() -> None:
    machine = Machine(begun=False)
    assert machine.second() == "the network is being loaded"
    assert machine.enhancer.name == "none"
    machine.enhancer.set_profile(SOFT)
    machine.enhancer.apply(Settings(engine="onnxruntime"))
    assert machine.loaded == []
    machine.enhancer.begin()
    assert machine.loaded == [Tier.STANDARD]
    assert machine.networks[0].profiles == [SOFT]
    assert machine.second() == ""


@pytest.mark.parametrize(
    ("cores", "asked", "tier"),
    [
        (CORES_FOR_HIGH, "auto", Tier.HIGH),
        (CORES_FOR_HIGH - 1, "auto", Tier.STANDARD),
        (1, "high", Tier.HIGH),
    ],
)
def test_the_largest_network_is_for_many_cores_or_for_who_asks(
    cores: int, asked: str, tier: Tier
) -> None:
    machine = Machine(cores=cores, tier=asked)
    machine.took_ms = 1.0
    for _ in range(3 * UP):
        machine.second()
    assert machine.enhancer.tier is tier
    assert machine.enhancer.reason == ""


def test_the_cores_of_this_process_are_counted() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_a_slow_machine_steps_down_and_is_told_why() -> None:
    machine = Machine()
    machine.took_ms = 35.0
    for _ in range(DOWN):
        machine.second()
    assert machine.enhancer.tier is Tier.LITE
    assert machine.loaded == [Tier.STANDARD, Tier.LITE]
    assert "standard took 35 ms of 25 ms" in machine.enhancer.reason


def test_only_what_there_is_is_taken() -> None:
    machine = Machine(available=(Tier.STANDARD,))
    machine.took_ms = 35.0
    for _ in range(DOWN):
        machine.second()
    assert machine.enhancer.tier is Tier.BYPASS
    assert "frames pass as they are" in machine.second()
    assert machine.enhancer.name == "none"
    assert machine.loaded == [Tier.STANDARD]


def test_while_bypassed_a_frame_now_and_then_shows_when_it_would_be_fast_enough() -> None:
    machine = Machine(available=(Tier.STANDARD,))
    machine.took_ms = 35.0
    while machine.enhancer.tier:
        machine.second()
    calls = len(machine.networks[0].calls)
    for _ in range(PROBE_STEPS * 4):
        assert machine.second()
    assert len(machine.networks[0].calls) == calls + 4
    machine.took_ms = 5.0
    for _ in range(PROBE_STEPS * (UP + 1)):
        machine.second()
    assert machine.enhancer.tier is Tier.STANDARD
    assert machine.enhancer.reason == ""
    assert machine.second() == ""


def test_a_fast_machine_steps_up() -> None:
    machine = Machine()
    for _ in range(UP):
        machine.second()
    assert machine.enhancer.tier is Tier.HIGH


def test_a_thread_that_is_not_needed_is_given_back_and_stays_so_with_another_engine() -> None:
    machine = Machine(available=(Tier.STANDARD,))
    for _ in range(UP):
        machine.second()
    assert machine.networks[0].threads == [2, 1]
    assert machine.second() == ""
    machine.enhancer.apply(Settings(engine="onnxruntime"))
    assert machine.networks[1].threads == [1]
    machine.took_ms = 20.0
    for _ in range(UP):
        machine.second()
    assert machine.networks[1].threads == [1, 2]
    assert machine.loaded == [Tier.STANDARD] * 2


def test_a_person_chooses_the_largest_and_changes_it_live() -> None:
    machine = Machine(tier="lite")
    assert machine.loaded == [Tier.LITE]
    for _ in range(UP * 2):
        machine.second()
    assert machine.enhancer.tier is Tier.LITE
    machine.enhancer.apply(Settings(tier="standard"))
    for _ in range(UP):
        machine.second()
    assert machine.enhancer.tier is Tier.STANDARD
    machine.enhancer.apply(Settings(tier="lite"))
    machine.enhancer.step()
    assert machine.enhancer.tier is Tier.LITE


def test_a_network_that_is_not_there_is_replaced_by_a_smaller_or_the_only_one() -> None:
    assert Machine((Tier.STANDARD,), tier="high").loaded == [Tier.STANDARD]
    assert Machine((Tier.STANDARD,), tier="lite").loaded == [Tier.STANDARD]


def test_on_battery_less_is_allowed() -> None:
    machine = Machine(available=(Tier.STANDARD,))
    machine.took_ms = 20.0
    machine.battery = True
    for _ in range(DOWN):
        machine.second()
    assert machine.enhancer.tier is Tier.BYPASS
    assert "on battery" in machine.enhancer.reason


def test_the_profile_goes_along_with_every_change() -> None:
    machine = Machine()
    machine.enhancer.set_profile(SOFT)
    machine.took_ms = 35.0
    for _ in range(DOWN):
        machine.second()
    assert [network.profiles[-1] for network in machine.networks] == [SOFT, SOFT]


def test_the_version_changes_with_the_profile_and_the_tier() -> None:
    machine = Machine()
    versions = [machine.enhancer.version, machine.enhancer.version]
    machine.enhancer.set_profile(SOFT)
    versions.append(machine.enhancer.version)
    machine.took_ms = 35.0
    while machine.enhancer.tier:
        before = machine.enhancer.tier
        machine.second()
        if machine.enhancer.tier is not before:
            versions.append(machine.enhancer.version)
    assert versions[0] == versions[1]
    assert len(set(versions)) == len(versions) - 1 == 4  # standard twice, lite, none


def test_a_damaged_network_leaves_the_one_before_in_use() -> None:
    machine = Machine()
    machine.damaged = {Tier.HIGH}
    for _ in range(UP * 2):
        assert machine.second() == ""
    assert machine.enhancer.available == {Tier.LITE, Tier.STANDARD}


def test_without_any_network_frames_pass_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(available=())
    assert machine.second() == "no network is installed"
    monkeypatch.setattr(Machine, "load", lambda self, tier, engine: _damaged())
    assert Machine().second() == "the file is damaged"


def _damaged() -> FakeEnhancer:
    raise SharpCamError("the file is damaged", "install again")


def test_the_governor_works_in_a_thread_of_its_own_and_outlives_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiered, "STEP_SECONDS", 0.001)
    gate, seen = Gate(), []

    def battery() -> bool | None:
        seen.append(1)
        gate.open()
        raise OSError("no battery")

    enhancer = TieredEnhancer(
        Settings(), lambda: 30.0, available=ALL, load=lambda *_: FakeEnhancer(), battery=battery
    )
    with enhancer:
        gate.wait()
        until(lambda: len(seen) > 2)
        assert np.array_equal(enhancer.enhance(Y, 1.0), FakeEnhancer.expected(Y, 1.0))
    enhancer.close()


def test_a_bug_while_loading_is_told_and_the_picture_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiered, "STEP_SECONDS", 0.001)

    def load(*_: object) -> FakeEnhancer:
        raise ZeroDivisionError

    with TieredEnhancer(Settings(), lambda: 30.0, available=ALL, load=load) as enhancer:
        until(lambda: enhancer.reason)
        with pytest.raises(BypassError, match="cannot be loaded"):
            enhancer.enhance(Y, 1.0)
        assert enhancer.tier is Tier.BYPASS


def test_the_bundled_ones_are_found() -> None:
    assert Tier.STANDARD in bundled_tiers()
