"""Threads that work through tasks while the one that began it collects results.

Threads and blocking calls, not coroutines: obstore is as fast that way, and its calls release the GIL
(`docs/decisions/0012-downloads.md`). The threads are daemons: one that hangs in a call that nothing can break
off must not keep the program from ending.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
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


def unordered(
    do: Callable[[T], R], tasks: Iterable[T], *, count: int, effort: Effort, source: Source
) -> Generator[R]:
    """Yield `do(task)` of every task as they get done, `count` at a time. To be closed by its user.

    `tasks` is iterated over here, a little ahead of the work. If one fails, or the caller stops asking, or
    is interrupted, all stop: `effort` is stopped, and what `source` reads is broken off.

    Raises:
        Exception: What the first task that failed raised.
    """
    crew = _Crew(do, effort)
    is_done = False
    try:
        for task in tasks:
            if crew.waiting >= 2 * count:
                yield crew.collect()
            crew.give(task, count)
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


class _Crew(Generic[T, R]):
    """Threads, and the two queues between them and their owner."""

    def __init__(self, do: Callable[[T], R], effort: Effort) -> None:
        self._do = do
        self._effort = effort
        self._todo: SimpleQueue[_Task[T] | None] = SimpleQueue()
        self._done: SimpleQueue[_Outcome[R]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.waiting = 0
        """How many tasks were given and not collected."""

    def give(self, task: T, count: int) -> None:
        """Have `task` done, by a new thread if there are fewer than `count`."""
        self._todo.put(_Task(task))
        self.waiting += 1
        if len(self._threads) < min(count, self.waiting):
            thread = threading.Thread(target=self._work, name="cas-download", daemon=True)
            thread.start()
            self._threads.append(thread)

    def collect(self) -> R:
        """Wait for the next result."""
        while True:
            try:
                outcome = self._done.get(timeout=_BEAT_S)
            except Empty:
                continue
            self.waiting -= 1
            return outcome.get()

    def dismiss(self) -> None:
        """Let the threads end, and wait a moment for them."""
        for _ in self._threads:
            self._todo.put(None)
        until = time.monotonic() + _GRACE_S
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))

    def _work(self) -> None:
        while (task := self._todo.get()) is not None:
            try:
                self._effort.check()
                outcome: _Outcome[R] = _Outcome(self._do(task.what), None)
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                outcome = _Outcome(None, error)
            self._done.put(outcome)


@dataclass(frozen=True, slots=True)
class _Task(Generic[T]):
    what: T


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[R]):
    result: R | None
    error: BaseException | None

    def get(self) -> R:
        if self.error is not None:
            raise self.error
        return cast("R", self.result)
