"""Who uses what under `views/`: leases, and the gate between handing out and deleting.

    views/                    the gate: an `flock` on the directory itself
    views/leases/<hex>        locked by a `Materialiser`: a line for each unit that it handed out
    views/leases/<hex>.mark   a *mark*: somebody is making files that link to `views/files`

Theory of operation
-------------------
A *unit* is what is evicted or collected as a whole: `trees/ab/<id>` or `named/ab/<id>`, a folder that holds
one content under every name that it was asked for by. There is no clock and no timeout: the kernel drops the
locks of the dead.

1. Whoever hands a unit out writes it into its lease *before* looking whether it is there, both while holding
   the gate shared. Nothing is handed out that was not seen after that.
2. Whoever deletes holds the gate exclusively while it reads the leases and renames a unit away. So each lease
   was either written before the leases were read, and the unit stays; or the look comes after the rename,
   finds nothing, and the unit is made again, under a lease. What is renamed away is deleted without the gate.
3. A lease ends with its lock. A unit is therefore never deleted while the process lives that was given its
   path, nor while a child lives that was forked from it: it inherits the lock.
4. Files under `views/files` are not units. A mark covers the time between finding or making such a file and
   the moment when what links to it can be seen (a second hard link; the record of a checkout made of
   symlinks). Whoever sets a mark passes the gate once before it looks at any of them: so who holds the gate
   exclusively either sees the mark, and leaves all of `files/` alone, or has deleted before that look.
5. Only files are locked, never waited for, under the gate, so it is held for microseconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from cas import fs
from cas.worktree import room

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.layout import Layout

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MARK: Final = ".mark"
_ID_SIZE: Final = 16
_NAME: Final = re.compile(r"[0-9a-f]{32}(\.mark)?")


class InUse(NamedTuple):
    """What living processes count on."""

    units: frozenset[bytes]
    is_building: bool
    """Whether somebody makes links to files under `views/files`."""


class Lease:
    """What one owner was handed out. Not safe for threads."""

    def __init__(self, layout: Layout) -> None:
        """Begin with nothing.

        Raises:
            OSError: The repository cannot be written.
        """
        self._lock = _locked(layout, "")
        self._fd = os.open(self._lock.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def add(self, unit: bytes) -> None:
        """Count on `unit` from now on; the gate is held (invariant 1)."""
        fs.write_all(self._fd, b"\n" + unit + b"\n")  # on a line of its own, though one may have been cut off

    def close(self) -> None:
        """Count on nothing any more. Who was forked from the owner, or is its parent, still does."""
        os.close(self._fd)
        self._lock.release()
        with contextlib.suppress(FileNotFoundError):  # the repository has been moved or deleted
            if self._lock.acquire(blocking=False):  # else another process has inherited it
                self._lock.release(unlink=True)


@contextlib.contextmanager
def handing_out(layout: Layout) -> Iterator[None]:
    """Hold the gate together with others who hand out."""
    with _gate(layout, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def deleting(layout: Layout) -> Iterator[InUse]:
    """Hold the gate alone; gives what is in use."""
    with _gate(layout, fcntl.LOCK_EX):
        yield _in_use(layout)


@contextlib.contextmanager
def building(layout: Layout) -> Iterator[None]:
    """Keep `views/files` from being thinned out meanwhile (invariant 4).

    Raises:
        OSError: The repository cannot be written.
    """
    lock = _locked(layout, _MARK)
    try:
        with _gate(layout, fcntl.LOCK_SH):
            pass
        yield
    finally:
        lock.release(unlink=True)


@contextlib.contextmanager
def _gate(layout: Layout, how: int) -> Iterator[None]:
    try:
        fd = os.open(layout.views, _OPEN)
    except FileNotFoundError:  # it is a cache: somebody deleted all of it
        layout.views.mkdir(exist_ok=True)
        fd = os.open(layout.views, _OPEN)
    try:
        fcntl.flock(fd, how)
        yield
    finally:
        os.close(fd)


def _folder(layout: Layout) -> Path:
    return layout.views / "leases"


def _locked(layout: Layout, suffix: str) -> fs.FileLock:
    lock = fs.FileLock(_folder(layout) / (os.urandom(_ID_SIZE).hex() + suffix))
    try:
        lock.acquire(blocking=True)
    except FileNotFoundError:
        _folder(layout).mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=True)
    return lock


def _in_use(layout: Layout) -> InUse:
    """Read the leases of the living; the files of the dead are removed on the way."""
    units: set[bytes] = set()
    is_building = False
    for path in _folder(layout).iterdir() if _folder(layout).is_dir() else ():
        if not _NAME.fullmatch(path.name):
            continue  # none of ours
        is_mark = path.name.endswith(_MARK)
        lock = fs.FileLock(path)
        if not _is_held(lock):
            if is_mark:
                room.forget(layout)  # who died did not say how much it had added
            lock.release(unlink=True)
        elif is_mark:
            is_building = True
        else:
            with contextlib.suppress(FileNotFoundError):  # given up at this moment
                units.update(path.read_bytes().splitlines())
    return InUse(frozenset(units), is_building)


def _is_held(lock: fs.FileLock) -> bool:
    """Take the lock, unless somebody has it: then True. That of another user counts as held."""
    try:
        return not lock.acquire(blocking=False)
    except PermissionError:
        return True
