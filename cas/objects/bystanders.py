"""Readers that LMDB cannot see, and how writers leave their pages alone.

Theory of operation
-------------------
A reader of LMDB enters itself in a table in `lock.mdb`, so that no writer reuses the pages of its snapshot.
Who may not write to the repository, or has it on a read-only mount, cannot do that. (On a read-only file
system LMDB leaves the table out by itself, although another mount of the same disk may be writable.)
LMDB's rule for such readers is that of MDB_NOLOCK: the caller sees to it that no reader uses an old snapshot
while a writer is active. What can be counted on is that the newest snapshot is left alone by the write
transaction that follows it, and by no later one.

What everybody can do who may read a file is to hold a `flock` on it. So a *bystander* holds a shared one on
`data.mdb` from before its snapshot begins until after it ends, and a writer, at the beginning of each write
transaction, takes the exclusive one and lets it go again. At that moment
1. no bystander has a snapshot, so there is none that is older than the newest;
2. whoever comes in afterwards, while this transaction runs, gets the newest snapshot, which it leaves alone;
3. and the next transaction asks again.

So a writer waits for bystanders, as it never does for readers that LMDB knows: for as long as their one
snapshot lasts. So that a row of them cannot keep it waiting for ever, there is a second `flock`, on the
directory: who wants in passes through it, and a writer that waits holds it. A process with many threads asks
before each snapshot that overlaps another whether somebody holds it, and lets its own run out first.

`flock` knows nothing of LMDB's own locks, which are of another kind, and goes with its owner.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

from cas.errors import StorageError
from cas.objects.environment import DATA

if TYPE_CHECKING:
    from pathlib import Path


_LIMIT_S: Final = 60.0
"""A snapshot takes milliseconds, and that of a scan over millions of rows some seconds."""

_PAUSE_S: Final = 0.002


class Bystanders:
    """The bystanders of one environment, as seen by one process. Calls are not to overlap."""

    def __init__(self, path: Path) -> None:
        """Take part in the environment in the directory `path`."""
        self._entrance = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._room = os.open(path / DATA, os.O_RDONLY | os.O_CLOEXEC)

    def enter(self) -> None:
        """Become one, until `leave`; first lets a writer go that waits."""
        fcntl.flock(self._entrance, fcntl.LOCK_SH)
        try:
            fcntl.flock(self._room, fcntl.LOCK_SH)
        finally:
            fcntl.flock(self._entrance, fcntl.LOCK_UN)

    def leave(self) -> None:
        """Undo `enter`."""
        fcntl.flock(self._room, fcntl.LOCK_UN)

    def is_awaited(self) -> bool:
        """Whether a writer waits. Whoever is inside already should then begin nothing new."""
        if not _try(self._entrance, fcntl.LOCK_SH):
            return True
        fcntl.flock(self._entrance, fcntl.LOCK_UN)
        return False

    def wait(self, *, limit_s: float = _LIMIT_S) -> None:
        """Return when there was a moment without any. For a writer, at the beginning of its transaction.

        Raises:
            StorageError: One has been reading for `limit_s`. It may be stopped, or mean no good.
        """
        fcntl.flock(self._entrance, fcntl.LOCK_EX)
        try:
            end = time.monotonic() + limit_s
            while not _try(self._room, fcntl.LOCK_EX):
                if time.monotonic() > end:
                    raise _in_the_way(limit_s)
                time.sleep(_PAUSE_S)
            fcntl.flock(self._room, fcntl.LOCK_UN)
        finally:
            fcntl.flock(self._entrance, fcntl.LOCK_UN)

    def close(self) -> None:
        """Take no part any more. A child after `fork` may do so: its parent's locks stay."""
        os.close(self._room)
        os.close(self._entrance)


def _try(fd: int, kind: int) -> bool:
    """Take a lock if it is free."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_the_way(limit_s: float) -> StorageError:
    return StorageError(
        "cannot write to the repository",
        code="readers-in-the-way",
        why=f"somebody who may only read it has been reading for more than {limit_s:g} seconds",
        hint="`lsof +D .cas/index` lists who; a process that is stopped counts too",
    )
