"""Where this computer's power comes from."""

from __future__ import annotations


def on_battery() -> bool | None:
    """Whether it runs on its battery; None where there is none or nobody can tell."""
    import psutil

    try:
        battery = psutil.sensors_battery()
    except (AttributeError, OSError, ValueError):  # not on this system, or not readable
        return None
    if battery is None or battery.power_plugged is None:
        return None
    return not battery.power_plugged
