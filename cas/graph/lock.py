"""One builder for one output, over all processes.

Whoever builds a module holds one `flock` for each of its outputs. The kernel drops them when their owner
dies, however it dies, so there is no stale lock and no timeout, and the next run takes over.

The files stand among the sessions and are called by 64 hex digits, where those of writers have 32, so gc
treats them as it treats those: it removes the ones that it can lock. The last thing an owner does is the
same.

Invariants
1. Nobody waits for a lock while holding one: `acquire` takes all or none and never blocks. So two runs
   whose modules overlap cannot wait for each other.
2. A lock says who may build, not what is there: whoever gets it looks again whether the outputs are.
3. A lock stays in the process that took it. A program that this process starts closes it (`O_CLOEXEC`),
   and a process that is forked without one closes it at once; else a worker that outlives a killed `cas`
   would hold up the next run.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from blake3 import blake3

from cas import fs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cas.ids import VersionId
    from cas.layout import Layout

_held: set[BuildLock] = set()


def _let_go_after_fork() -> None:
    for lock in list(_held):
        lock.forget()


os.register_at_fork(after_in_child=_let_go_after_fork)  # invariant 3


class BuildLock:
    """The right to build some outputs."""

    def __init__(self, layout: Layout, outputs: Iterable[tuple[str, VersionId]]) -> None:
        self._locks = [fs.FileLock(layout.sessions / _file_name(*output)) for output in outputs]
        self._taken: list[fs.FileLock] = []

    def acquire(self) -> bool:
        """Take all the locks, or none of them; whether they were free.

        Raises:
            ReadOnlyError: The repository cannot be written.
        """
        with fs.explained("cannot write to the repository"):
            for lock in self._locks:
                if not lock.acquire(blocking=False):
                    self.release()
                    return False
                self._taken.append(lock)
                _held.add(self)
        return True

    def release(self) -> None:
        """Give them up and remove their files. Doing it again does nothing."""
        _held.discard(self)
        while self._taken:
            self._taken.pop().release(unlink=True)

    def forget(self) -> None:
        """Close the locks of the parent, in a forked child; the parent keeps them."""
        _held.discard(self)
        while self._taken:
            self._taken.pop().release()


def _file_name(name: str, version: VersionId) -> str:
    return blake3(name.encode() + b"\0" + version.raw).hexdigest()
