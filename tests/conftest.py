"""Two processes share the tests (`make test`), file by file."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Other programs may have the processor: how long an example takes to make is no finding.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

MACHINES = ("tests/device/", "tests/installer/")
"""Folders whose tests mostly wait for an emulator, a fresh Debian or a Windows."""
LONG = (*MACHINES, "tests/training/")
"""Those that take long; they begin first, so that both processes end at about the same time."""


GIVES_WAY = 10
"""Niceness of what shares the processor with the machines."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    # A machine that must wait for the processor stalls, and the cameras in it with it.
    shared = "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "nice")
    if shared and not item.nodeid.startswith(MACHINES):
        os.nice(max(0, GIVES_WAY - os.nice(0)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The machines stay in one process, and so does every other file: its tests share what takes
    long to make."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "machines" if nodeid.startswith(MACHINES) else nodeid.partition("::")[0]

    config.option.loadscopereorder = False  # in the order above, not by their number of tests
    return ByFile(config, log)
