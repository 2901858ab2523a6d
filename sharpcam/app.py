"""`sharpcam` without a command: the program that stays, with a tray icon where there is a tray.

The main thread waits for the end, or runs the tray where the system wants that (macOS). What
happens is in the threads of the parts; leaving `run` ends them all.
"""

from __future__ import annotations

import argparse
import logging
from contextlib import ExitStack
from pathlib import Path

from sharpcam import log as log_file
from sharpcam import preview_feed, welcome
from sharpcam.errors import SharpCamError
from sharpcam.profiles import ProfileStore, profiles_path
from sharpcam.remote import RunningError
from sharpcam.remote_client import ask
from sharpcam.remote_server import ControlServer, only_instance
from sharpcam.resident import Resident
from sharpcam.session.channel import Listener
from sharpcam.session.desktop import TRAY_ON_MAIN_THREAD
from sharpcam.session.ending import told_of_the_end
from sharpcam.session.sleep import sleep_watch
from sharpcam.settings_file import SettingsFile, SettingsWatcher, settings_path
from sharpcam.signals import stopped_by_signals
from sharpcam.tray import Tray

log = logging.getLogger(__name__)


def main(args: argparse.Namespace) -> int:
    """`sharpcam`; see `cli.py` for the arguments."""
    try:
        listener = only_instance()
    except RunningError:
        return show_the_first_one()
    with ExitStack() as stack:
        stack.callback(listener.close)
        file = SettingsFile(settings_path())
        log_path = log_file.start(file.load().log_level)
        run(file, listener, log_path, with_tray=not args.no_tray)
    log.info("ended")
    return 0


def show_the_first_one() -> int:
    """A second start means that somebody looks for SharpCam."""
    print("SharpCam is running already: its preview opens.")
    try:
        ask("preview")
    except SharpCamError as error:
        print(f"{error.message}: {error.hint}")
    return 0


def run(
    file: SettingsFile, listener: Listener, log_path: Path | None, with_tray: bool = True
) -> None:
    """Until somebody ends it: a signal, `sharpcam quit`, the tray."""
    preview_feed.remove_left()
    with ExitStack() as stack:
        resident = Resident(file, ProfileStore(profiles_path()))
        stack.enter_context(stopped_by_signals(resident.quit))
        stack.enter_context(resident)
        stack.enter_context(told_of_the_end(resident.end))
        stack.enter_context(SettingsWatcher(file, resident.taken_over))
        stack.enter_context(ControlServer(resident, listener))
        watch = sleep_watch(resident.fall_asleep, resident.wake_up)
        stack.callback(watch.close)
        tray = Tray(resident, log_path) if with_tray else None
        Greeter(resident, tray).listen()
        if tray is None:
            resident.quitting.wait()
        elif TRAY_ON_MAIN_THREAD:
            tray.run(resident.quitting)
            resident.quitting.wait()  # without a tray we go on, too
        else:
            tray.start()
            stack.callback(tray.close)
            resident.quitting.wait()
        log.info("ending")


class Greeter:
    """Says once in a lifetime which camera to choose."""

    def __init__(self, resident: Resident, tray: Tray | None) -> None:
        self._resident, self._tray = resident, tray
        self._done = False

    def listen(self) -> None:
        self._resident.listen(self._look)

    def _look(self) -> None:
        if self._done or not (sinks := self._resident.now().sinks):
            return
        self._done = True
        words = welcome.words(sinks[0])
        log.info("%s", words)
        if welcome.is_due():
            print(words, flush=True)
            if self._tray:
                self._tray.notify(words)
