"""A home, a runtime folder and an environment of its own for SharpCam as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from fakes import PATIENCE, until
from mortal import mortal

TESTS = Path(__file__).parent


class Home:
    """Where one user's SharpCam runs; `start` starts it with a made-up virtual camera."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.runtime = folder / "run"
        self.runtime.mkdir(mode=0o700)
        self.settings = folder / "config" / "sharpcam" / "settings.toml"
        self.settings.parent.mkdir(parents=True)
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        self.settings.write_text("\n".join(lines))
        self.environment = {
            **{key: it for key, it in os.environ.items() if key not in ("DISPLAY", "TMPDIR")},
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(self.runtime),
            **{f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "STATE")},
            **{f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("DATA", "CACHE")},
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
        }
        self.watch(1)

    def watch(self, count: int) -> None:
        """So many apps read the virtual camera."""
        partial = self.folder / "watching.part"
        partial.write_text(str(count))
        partial.replace(self.folder / "watching")

    def edit(self, before: str, after: str) -> None:
        """The settings file, as editors save: never half of it."""
        partial = self.settings.with_suffix(".part")
        partial.write_text(self.settings.read_text().replace(before, after))
        partial.replace(self.settings)

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """The program that stays; wait for it with `until`."""
        command = mortal(sys.executable, str(TESTS / "desk.py"), str(self.folder), *arguments)
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        return subprocess.Popen(
            command,
            env=self.environment,
            text=True,
            **{**streams, "stderr": subprocess.STDOUT, **options},
        )

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command as a person gives it."""
        return subprocess.run(
            [sys.executable, "-m", "sharpcam", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def status(self) -> dict[str, object]:
        """Empty where nobody answers."""
        answer = self.ask("status", "--json")
        return dict(json.loads(answer.stdout)) if answer.returncode == 0 else {}

    def until(self, **wanted: object) -> dict[str, object]:
        """Wait for a status with these values."""

        seen: dict[str, object] = {}

        def fits() -> bool:
            seen.clear()
            seen.update(self.status())
            return bool(seen) and all(seen[key] == value for key, value in wanted.items())

        until(fits, lambda: seen)
        return seen

    @property
    def sent(self) -> int:
        """Frames that the virtual camera got."""
        try:
            return int((self.folder / "sent").read_text() or "0")
        except OSError:
            return 0

    @property
    def log(self) -> str:
        return (self.folder / "state" / "sharpcam" / "log" / "sharpcam.log").read_text()
