"""Several things at once: results in the order of what was asked, one bar, and one word that stops them all.

The threads are daemons, as those of `cas.remotes.crew`: one that hangs in a call that nothing can break off
must not keep a program from ending.
"""

from __future__ import annotations

import contextlib
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cas.progress import Progress

T = TypeVar("T")
R = TypeVar("R")

_GRACE_S: Final = 2.0
"""How long threads are waited for that were told to stop, all together about this. [s]"""


_BEAT_S: Final = 0.5
"""How often the one who waits looks up: a signal that another thread has taken does not wake it. [s]"""


class StoppedError(Exception):
    """The others were interrupted, so this one need not go on."""


class Crew(Generic[T, R]):
    """Threads that do the same to many items."""

    def __init__(self, do: Callable[[T], R], items: Sequence[T], *, count: int) -> None:
        """Begin at once, with at most `count` threads."""
        self._do = do
        self._todo: SimpleQueue[tuple[int, T]] = SimpleQueue()
        self._done: SimpleQueue[tuple[int, R | None, BaseException | None]] = SimpleQueue()
        for place in enumerate(items):
            self._todo.put(place)
        self._threads = [
            threading.Thread(target=self._work, name="cas-resources", daemon=True)
            for _ in range(min(count, len(items)))
        ]
        for thread in self._threads:
            thread.start()

    def next(self, timeout_s: float) -> tuple[int, R]:
        """Wait for the next that is done: its place among the items, and what came of it.

        Raises:
            Empty: Nothing was done in time.
            Exception: What doing it raised.
        """
        at, result, error = self._done.get(timeout=timeout_s)
        if error is not None:
            raise error
        return at, result  # type: ignore[return-value]  # without an error there is a result, None among them

    def dismiss(self) -> None:
        """Let nothing new begin, and wait a moment for what is being done."""
        while True:
            try:
                self._todo.get_nowait()
            except Empty:
                break
        for thread in self._threads:
            thread.join(_GRACE_S / len(self._threads))

    def _work(self) -> None:
        while True:
            try:
                at, item = self._todo.get_nowait()
            except Empty:
                return
            try:
                self._done.put((at, self._do(item), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                self._done.put((at, None, error))


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
    crew = Crew(lambda item: do(item, Part(shared)), items, count=count)
    results: dict[int, R] = {}
    try:
        while len(results) < len(items):
            with contextlib.suppress(Empty):
                at, results[at] = crew.next(_BEAT_S)
    except BaseException:
        shared.stop()
        crew.dismiss()
        raise
    return [results[at] for at in range(len(items))]
