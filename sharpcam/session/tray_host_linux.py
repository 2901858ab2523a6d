"""Whether a Linux desktop shows tray icons: by the protocol of today, or by X11's old one.

AppIndicator icons go to whoever has the name of the watcher on the session's D-Bus; GNOME has one
with an extension only. Without a watcher, and for GTK and Xorg, icons go to the owner of an X11
selection. Where there is neither, pystray shows an icon to nobody and does not say so.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress

log = logging.getLogger(__name__)

WATCHER = "org.kde.StatusNotifierWatcher"
REPLY_SECONDS = 2.0


def shows_tray_icons() -> bool | None:
    """None where there is neither a session's bus nor an X server to ask."""
    told = [_has_watcher(), _has_manager()]
    return None if told == [None, None] else True in told


def _has_watcher() -> bool | None:
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return None
    from jeepney import DBusErrorResponse, message_bus
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    ask = message_bus.NameHasOwner(WATCHER)
    try:
        with open_dbus_connection("SESSION") as connection:
            return bool(unwrap_msg(connection.send_and_get_reply(ask, timeout=REPLY_SECONDS))[0])
    except (OSError, RuntimeError, ValueError, DBusErrorResponse) as error:
        log.debug("the session's bus does not answer: %s", error)
        return None


def _has_manager() -> bool | None:
    if not os.environ.get("DISPLAY"):
        return None
    from Xlib.display import Display
    from Xlib.error import ConnectionClosedError, DisplayError

    with suppress(ConnectionClosedError, DisplayError, OSError):
        display = Display()
        try:
            name = f"_NET_SYSTEM_TRAY_S{display.get_default_screen()}"
            return bool(display.get_selection_owner(display.intern_atom(name)))
        finally:
            display.close()
    return None
