"""Faults at durable steps: die, or fail, exactly between two of them.

Every operation on which durability rests calls `cas.fs.reached` when it is done. A test lists the steps of a
command once, then runs it again and again, each time dying one step later, and looks at what is left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

from cas import fs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def kill_at(count: int) -> None:
    """Have this process killed when it reaches its `count`-th step from now; the first is 1.

    Nothing is cleaned up: no `finally`, no `atexit`, no buffers written.
    """

    def die(_: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    fs.observer = _Countdown(count, die)


@contextlib.contextmanager
def failing_at(step: str, error: Exception, *, count: int = 1) -> Iterator[None]:
    """Raise `error` in the block when the step called `step` is reached for the `count`-th time."""

    def fail(_: str) -> None:
        raise error

    with _observing(_Countdown(count, fail, only=step)):
        yield


@contextlib.contextmanager
def recorded_steps() -> Iterator[list[str]]:
    """Collect the names of the steps that the block reaches, in order."""
    steps: list[str] = []
    with _observing(steps.append):
        yield steps


@contextlib.contextmanager
def _observing(observer: Callable[[str], None]) -> Iterator[None]:
    before, fs.observer = fs.observer, observer
    try:
        yield
    finally:
        fs.observer = before


class _Countdown:
    """Calls `action` once, at the `count`-th step; steps may be reached by several threads."""

    def __init__(self, count: int, action: Callable[[str], None], *, only: str | None = None) -> None:
        self._left = count
        self._action = action
        self._only = only
        self._lock = threading.Lock()

    def __call__(self, step: str) -> None:
        """Count a step."""
        if self._only not in {None, step}:
            return
        with self._lock:
            self._left -= 1
            is_due = self._left == 0
        if is_due:
            self._action(step)
