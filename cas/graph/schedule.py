"""Doing the modules of a graph in an order, several at a time, each by itself.

The thread that calls `run_all` decides; a pool of threads works. Threads are enough: what takes time is
another program, the disk, or hashing and compression, and all of them let go of the interpreter. A Python
task that computes for long holds the others up and had better be a command. Processes would ask every task
to pickle, and every library to survive the fork of a program with threads; neither can be promised.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from threading import Event
from typing import TYPE_CHECKING, Final

from cas.graph.outcome import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from cas.graph.outcome import ModuleResult

    Attempt = Callable[[str], ModuleResult | None]

_POLL_S: Final = 0.1
"""How often a module that somebody else is building is looked at; an `flock` cannot be waited for together
with anything else."""


class Schedule:
    """One run through a graph."""

    def __init__(self, after: Mapping[str, AbstractSet[str]], *, jobs: int) -> None:
        """Plan the modules of `after` (name → those that must have succeeded before), `jobs` at a time."""
        self._after = after
        self._sorter = TopologicalSorter(after)
        self._sorter.prepare()
        self._jobs = jobs
        self._ready: deque[str] = deque()
        self._held_up: list[str] = []
        self._running: dict[Future[ModuleResult | None], str] = {}
        self.results: dict[str, ModuleResult] = {}
        """Of every module that was done, in the order in which they ended."""

    def run_all(self, attempt: Attempt, *, stop: Callable[[], None]) -> None:
        """Do every module that does not come after a failed one.

        Args:
            attempt: Does a module, in a thread of the pool. None means that somebody else is at it, and it is
                to be tried again. A module that fails is a result; what is raised ends the run.
            stop: Makes what is running end soon, and lets nothing new begin. Called when this is interrupted
                or an attempt raises; then what runs is waited for, and the same is raised.
        """
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="cas-module") as pool:
            try:
                while self._start(attempt, pool):
                    self._collect()
            except BaseException:
                stop()
                raise

    def blockers(self, module: str) -> tuple[str, ...]:
        """Name the failed modules because of which `module` was not done, sorted."""
        seen: set[str] = set()
        waiting = [module]
        while waiting:
            new = self._after[waiting.pop()] - seen
            seen |= new
            waiting += [name for name in new if name not in self.results]
        return tuple(sorted(name for name in seen if name in self.results and self._has_failed(name)))

    def _start(self, attempt: Attempt, pool: ThreadPoolExecutor) -> bool:
        """Start what may start; whether there is anything to wait for."""
        self._ready.extend(self._sorter.get_ready())
        while self._ready and len(self._running) < self._jobs:
            module = self._ready.popleft()
            self._running[pool.submit(attempt, module)] = module
        return bool(self._running or self._held_up)

    def _collect(self) -> None:
        """Wait for something to end; what is held up is tried again when nothing does for a while."""
        done: set[Future[ModuleResult | None]] = set()
        if self._running:
            done = wait(self._running, _POLL_S if self._held_up else None, FIRST_COMPLETED).done
        else:
            Event().wait(_POLL_S)
        if not done:
            self._ready.extend(self._held_up)
            self._held_up.clear()
        for future in done:
            self._note(self._running.pop(future), future.result())

    def _note(self, module: str, result: ModuleResult | None) -> None:
        if result is None:
            self._held_up.append(module)
            return
        self.results[module] = result
        if not self._has_failed(module):
            self._sorter.done(module)

    def _has_failed(self, module: str) -> bool:
        return self.results[module].state is State.FAILED
