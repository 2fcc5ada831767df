"""One at a time: the lock between those who move or drop what others may be reading."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cas import fs
from cas.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.layout import Layout


@contextlib.contextmanager
def hold(layout: Layout, what: str) -> Iterator[None]:
    """Hold `gc.lock` for the block. It goes with its owner, so it is never stale.

    Raises:
        ConflictError: Another gc, repair or recovery is running.
    """
    lock = fs.FileLock(layout.gc_lock)
    with fs.explained(what):
        is_ours = lock.acquire(blocking=False)
    if not is_ours:
        raise ConflictError(
            what,
            code="gc-running",
            why="another gc, repair or recovery is running in this repository",
            hint="wait until it is done and run the same command again",
        )
    try:
        yield
    finally:
        lock.release()
