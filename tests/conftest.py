"""Two processes share the tests (`make test`): one has the machines, the other the desk."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Other programs may have the processor: how long an example takes to make is no finding.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

MACHINES = ("tests/device/", "tests/installer/")
"""Folders whose tests mostly wait for an emulator, a fresh Debian or a Windows."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What shares a fixture that takes long to make stays in one process, in order."""
    from xdist.scheduler import LoadScopeScheduling

    class Halves(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "machines" if nodeid.startswith(MACHINES) else "desk"

    return Halves(config, log)
