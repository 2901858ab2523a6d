"""Being told that the user's session or the console ends, where that is no signal.

On Linux it is one, see `signals.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext


def told_of_the_end(end: Callable[[], None]) -> AbstractContextManager[object]:
    """Inside of it, `end` is called when the session ends. The system ends the program a few
    seconds later, or when `end` returns. It is called in a thread of the system's, on macOS in the
    main one while that runs the desktop's event loop."""
    if sys.platform == "win32":
        from sharpcam.session.ending_windows import ConsoleWatch

        return ConsoleWatch(end)
    if sys.platform == "darwin":
        from sharpcam.session.ending_macos import TerminationWatch

        return TerminationWatch(end)
    return nullcontext()
