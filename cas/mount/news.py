"""How a thread waits for one of several things, a signal among them.

Python runs a signal's handler between two steps of the main thread. One that comes just before that thread
begins to wait for a lock or a queue is noted, and its handler is run when the waiting is over, which may be
never. So the news come through a pipe: where `set_wakeup_fd` puts the number of a signal the moment it
arrives, and where other threads put a byte of theirs.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import FrameType

STARTED: Final = 200
"""The mount is there. No signal has so high a number."""

ENDED: Final = 201
"""The mount is gone."""

STOP: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""Somebody wants us to end."""


class News:
    """What happened, in the order in which it did. While it is open, signals in `STOP` are only news.

    Unless they are ignored, as under `nohup`; or this is not the main thread, which alone hears of signals.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = False

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            undo.callback(os.close, self._reader)
            undo.callback(os.close, self._writer)
            if threading.current_thread() is threading.main_thread():
                before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
                undo.callback(signal.set_wakeup_fd, before)
                for number in STOP:
                    if signal.getsignal(number) is not signal.SIG_IGN:
                        undo.callback(signal.signal, number, signal.signal(number, _do_nothing))
            self._undo = undo.pop_all()
        self._is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_open = False
            self._undo.close()

    def put(self, news: int) -> None:
        """Tell whoever waits, from any thread; nobody may any more."""
        with self._lock:
            if self._is_open:
                os.write(self._writer, bytes([news]))

    def get(self, timeout_s: float | None = None) -> int | None:
        """Wait for the next news; None if there are none for so long."""
        if not select.select([self._reader], [], [], timeout_s)[0]:
            return None
        return os.read(self._reader, 1)[0]


def _do_nothing(_: int, __: FrameType | None) -> None:
    """Handle a signal: its number is in the pipe already."""
