"""LoopCalls: has one thread, which waits with `select`, do what others ask for."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock


class LoopCalls:
    """The loop waits for `fileno` among other things, and then calls `answer`."""

    def __init__(self) -> None:
        self._asleep, self._bell = socket.socketpair()
        self._asleep.setblocking(False)
        self._waiting: deque[tuple[Callable[[], object], Future[None]]] = deque()
        self._changing = Lock()
        self._over = False

    def fileno(self) -> int:
        """Readable while something is asked for."""
        return self._asleep.fileno()

    def ask(self, do: Callable[[], object]) -> None:
        """Have the loop's thread do it, and wait for that; raises what it raises. Nothing is done
        once the loop is over."""
        done: Future[None] = Future()
        with self._changing:
            if self._over:
                return
            self._waiting.append((do, done))
            self._bell.send(b"!")
        done.result()

    def answer(self) -> None:
        """Do all that is asked for. The loop's thread only."""
        with suppress(BlockingIOError):
            self._asleep.recv(4096)
        while self._waiting:
            do, done = self._waiting.popleft()
            try:
                do()
            except BaseException as error:
                done.set_exception(error)
            else:
                done.set_result(None)

    def close(self) -> None:
        """The loop is over: whoever waits, waits no more."""
        with self._changing:
            if self._over:
                return
            self._over = True
            while self._waiting:
                self._waiting.popleft()[1].set_result(None)
            self._asleep.close()
            self._bell.close()
