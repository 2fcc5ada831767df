"""Threads that work through tasks while the one that began it collects results.

Threads and blocking calls, not coroutines: obstore is as fast that way, and its calls release the GIL
(`docs/decisions/0012-downloads.md`). The threads are daemons: one that hangs in a call that nothing can break
off must not keep the program from ending.
"""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from cas.remotes.effort import Effort
    from cas.remotes.source import Source

T = TypeVar("T")
R = TypeVar("R")

_GRACE_S: Final = 1.0
"""How long threads are waited for that were told to stop. [s]"""

_BEAT_S: Final = 0.5
"""How often the owner looks up from waiting: a signal that another thread has taken does not wake it. [s]"""

_END: Final = object()


class Crew(Generic[T, R]):
    """Threads that do the same with many tasks, and the two queues between them and their owner."""

    def __init__(self, do: Callable[[T], R], *, count: int) -> None:
        """Begin nothing yet; there will be at most `count` threads."""
        self._do = do
        self._count = count
        self._todo: SimpleQueue[object] = SimpleQueue()
        self._done: SimpleQueue[tuple[R | None, BaseException | None]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.waiting = 0
        """How many tasks were given and not collected."""

    def give(self, task: T) -> None:
        """Have `task` done, by a new thread if there is not one for each that waits."""
        self._todo.put(task)
        self.waiting += 1
        if len(self._threads) < min(self._count, self.waiting):
            thread = threading.Thread(target=self._work, name="cas-crew", daemon=True)
            thread.start()
            self._threads.append(thread)

    def collect(self, until: float | None = None) -> R:
        """Wait for the next result; until `time.monotonic()` is this, if it is given.

        Raises:
            Empty: Nothing was done in time.
            Exception: What doing it raised.
        """
        while True:
            left = _BEAT_S if until is None else min(until - time.monotonic(), _BEAT_S)
            try:
                result, error = self._done.get(timeout=max(left, 0))
            except Empty:
                if left <= 0:
                    raise
                continue
            self.waiting -= 1
            if error is not None:
                raise error
            return cast("R", result)

    def dismiss(self, *, grace_s: float = _GRACE_S) -> None:
        """Let nothing new begin and the threads end, and wait for them, but not for long."""
        while True:
            try:
                self._todo.get_nowait()
            except Empty:
                break
        for _ in self._threads:
            self._todo.put(_END)
        until = time.monotonic() + grace_s
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))

    def _work(self) -> None:
        while (task := self._todo.get()) is not _END:
            try:
                self._done.put((self._do(cast("T", task)), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                self._done.put((None, error))


def unordered(
    do: Callable[[T], R], tasks: Iterable[T], *, count: int, effort: Effort, source: Source
) -> Generator[R]:
    """Yield `do(task)` of every task as they get done, `count` at a time. To be closed by its user.

    `tasks` is iterated over here, a little ahead of the work. If one fails, or the caller stops asking, or
    is interrupted, all stop: `effort` is stopped, and what `source` reads is broken off.

    Raises:
        Exception: What the first task that failed raised.
    """

    def checked(task: T) -> R:
        effort.check()
        return do(task)

    crew = Crew(checked, count=count)
    is_done = False
    try:
        for task in tasks:
            if crew.waiting >= 2 * count:
                yield crew.collect()
            crew.give(task)
        while crew.waiting:
            yield crew.collect()
        is_done = True
    finally:
        if not is_done:
            effort.stop()
            source.close()
        crew.dismiss()


def apart(do: Callable[[], R], *, effort: Effort, source: Source) -> R:
    """Return `do()`, done in another thread: what no signal gets through to is left alone there."""
    (result,) = unordered(lambda _: do(), [None], count=1, effort=effort, source=source)
    return result
