"""Several things at once: results in the order of what was asked, one bar, one word that stops them all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from cas.remotes.crew import Crew
from cas.remotes.effort import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cas.progress import Progress

T = TypeVar("T")
R = TypeVar("R")


class Shared:
    """The progress of several downloads as one; what is no bytes is not counted."""

    def __init__(self, progress: Progress, task: str) -> None:
        self._progress = progress
        self._task = task
        self._lock = threading.Lock()
        self._total = 0
        self._done = 0
        self._is_stopped = False

    def stop(self) -> None:
        """Make every download give up when it next tells how far it is."""
        self._is_stopped = True

    def begin(self, total: int) -> None:
        """Expect so many more bytes."""
        with self._lock:
            self._total += total
            self._progress.start(self._task, self._total, "bytes")
            self._progress.advance(self._done)

    def advance(self, count: int) -> None:
        """Count bytes done; raises `StoppedError` after `stop`."""
        if self._is_stopped:
            raise StoppedError
        with self._lock:
            self._done += count
            self._progress.advance(count)


class Part:
    """The progress of one of them; a `cas.progress.Progress`."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._is_counted = False

    def start(self, task: str, total: int | None, unit: str) -> None:  # noqa: ARG002 - one task for all
        """Begin; only bytes are added up."""
        self._is_counted = unit == "bytes" and total is not None
        if total is not None and self._is_counted:
            self._shared.begin(total)

    def advance(self, count: int) -> None:
        """Count work done, and stop when all are stopped."""
        self._shared.advance(count if self._is_counted else 0)


def together(
    do: Callable[[T, Progress], R], items: Sequence[T], *, count: int, task: str, progress: Progress
) -> list[R]:
    """Return what `do` gives for each item, in their order, `count` at a time.

    One alone is done in this thread. An interruption, or what `do` raises, stops all of them.
    """
    if len(items) == 1:
        return [do(items[0], progress)]
    shared = Shared(progress, task)

    def numbered(task: tuple[int, T]) -> tuple[int, R]:
        at, item = task
        return at, do(item, Part(shared))

    crew = Crew(numbered, count=count)
    try:
        for one in enumerate(items):
            crew.give(one)
        results = dict(crew.collect() for _ in items)
    except BaseException:
        shared.stop()
        raise
    finally:
        crew.dismiss()
    return [results[at] for at in range(len(items))]
