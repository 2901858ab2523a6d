"""The virtual machine: built once, booted once per test run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import kernel
import pytest
from machine import Machine


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A booted machine with v4l2loopback and vivid at hand."""
    if why := kernel.missing():
        pytest.skip(why)
    try:
        built = kernel.prepared()
    except (LookupError, OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        pytest.skip(f"the virtual machine cannot be built: {said}")
    with Machine(built, tmp_path_factory.mktemp("machine")) as booted:
        yield booted
