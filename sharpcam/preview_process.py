"""PreviewProcess: `sharpcam preview` as a process of its own, one at a time.

A window needs the main thread on some systems, and its toolkit may take its process down; here
that costs the window only. A thread waits for the process and says why it failed.
"""

from __future__ import annotations

import logging
import subprocess
from threading import Lock, Thread

from sharpcam import system
from sharpcam.errors import SharpCamError
from sharpcam.session.autostart import own_command

log = logging.getLogger(__name__)

END_SECONDS = 2.0


class PreviewProcess:
    """For any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._thread: Thread | None = None

    def show(self) -> None:
        """Open the preview, unless it is open.

        Raises:
            SharpCamError: there is no screen, or the process does not start.
        """
        if not system.has_screen():
            raise SharpCamError("there is no screen for a preview", "start SharpCam on a desktop")
        with self._lock:
            if self._process and self._process.poll() is None:
                return
            try:
                self._process = subprocess.Popen(
                    [*own_command(), "preview"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                    start_new_session=True,  # Ctrl-C is for us; we end it then
                )
            except OSError as error:
                raise SharpCamError(
                    f"the preview does not start: {error.strerror or error}",
                    "try `sharpcam preview`",
                ) from error
            self._thread = Thread(
                target=self._wait, args=(self._process,), name="preview", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """End it."""
        with self._lock:
            process, thread = self._process, self._thread
        if process and process.poll() is None:
            process.terminate()
        if thread:
            thread.join(END_SECONDS)
            if process and thread.is_alive():
                process.kill()
                thread.join(END_SECONDS)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        _, said = process.communicate()
        if process.returncode > 0:
            log.warning("the preview failed: %s", said.strip()[-500:] or process.returncode)
