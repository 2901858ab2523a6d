"""Debian packages of several releases side by side, fetched and unpacked but never installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from debian import KEYRING, mirror_of_debian

SUITES = ("bookworm", "bookworm-backports", "trixie")


class PrivateApt:
    """apt-get with lists of its own below `folder`; the machine's sources stay as they are."""

    def __init__(self, folder: Path) -> None:
        """Fetch the lists of SUITES from the mirror that this machine uses.

        Raises:
            LookupError: this machine knows no Debian mirror.
            subprocess.CalledProcessError: the mirror does not answer, or has not got a suite.
        """
        for name in ("lists/partial", "cache/archives/partial", "state"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        mirror = mirror_of_debian()
        sources = (f"deb [signed-by={KEYRING}] {mirror} {suite} main\n" for suite in SUITES)
        (folder / "sources.list").write_text("".join(sources))
        config = {
            "Dir::State": folder / "state",
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "APT::Sandbox::User": "root",
        }
        lines = (f'{name} "{value}";\n' for name, value in config.items())
        (folder / "apt.conf").write_text("".join(lines))
        self._folder = folder
        self._environment = {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}
        self._run("apt-get", "update", "-qq", "--error-on=any")

    def dependencies(self, package: str, suite: str) -> list[str]:
        """The packages that `package` of `suite` depends on."""
        said = self._run("apt-cache", "depends", f"{package}/{suite}")
        words = (line.split() for line in said.splitlines())
        return [word[1] for word in words if word[0] == "Depends:"]

    def unpack(self, suite: str, *packages: str, into: Path) -> None:
        """Fetch `packages` of `suite` and lay out their files below `into`."""
        fetched = self._folder / "fetched"
        fetched.mkdir(exist_ok=True)
        self._run("apt-get", "download", *(f"{name}/{suite}" for name in packages), cwd=fetched)
        for archive in fetched.iterdir():
            subprocess.run(["dpkg-deb", "-x", archive, into], check=True)
            archive.unlink()

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            command, env=self._environment, cwd=cwd, check=True, capture_output=True, text=True
        )
        return done.stdout
