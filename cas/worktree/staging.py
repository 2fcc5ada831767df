"""Staging directories: where everything a checkout writes is made before any of it is put in place.

States
    announced  its row is in the `checkouts` table; nothing on disk yet
    filled     mode 0700, next to the destination or inside it: nobody else looks into it
    emptied    its contents were renamed to where they belong
    gone       directory and row are deleted

A crash leaves it in one of the first three; `sweep` (the next checkout, or gc) deletes it as soon as the
lock of the session that made it is free.

A checkout from a repository that cannot be written announces nothing: if it is killed, the directory is left
for its owner to find.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from cas import fs
from cas.errors import CasError
from cas.objects.session import is_live
from cas.worktree import placements
from cas.worktree.directories import open_directory, remove_tree

if TYPE_CHECKING:
    from cas.layout import Layout
    from cas.objects.index import Index, Txn

_PAUSE_S: Final = 0.001
_LONGEST_NAME: Final = 64
_CLOCK: Final = b".clock"


class StagingDirectory:
    """One open staging directory."""

    def __init__(self, path: bytes, parent: int, fd: int) -> None:
        """Use `StagingDirectory.create`."""
        self.path = path
        self.fd = fd
        self.parent = parent
        """The directory that it is in."""

    @classmethod
    def create(cls, index: Index, root: bytes, name: bytes, *, session: bytes | None) -> Self:
        """Announce and make a staging directory for the destination `name`, in the directory `root`.

        Without a session, because the repository cannot be written, it is not announced.
        """
        own = b"." + name[:_LONGEST_NAME] + b".cas-" + os.urandom(8).hex().encode()
        if session is None:
            return cls._make(root, own)
        path = os.path.join(root, own)
        index.write(lambda txn: placements.record_staging(txn, placements.Staging(path, session)))
        fs.reached("staging.announced")
        try:
            return cls._make(root, own)
        except BaseException:
            with suppress(CasError):
                index.write(lambda txn: placements.forget_staging(txn, path))
            raise

    @classmethod
    def _make(cls, root: bytes, name: bytes) -> Self:
        parent = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
            return cls(os.path.join(root, name), parent, open_directory(name, parent=parent))
        except BaseException:
            os.close(parent)
            raise

    def wait_for_clock(self) -> None:
        """Return once the file system's clock has moved on from the last write in here.

        From then on, whoever writes to one of these files changes its time (`statcache`, invariant 1).
        Only for file systems with a fine tick: this takes one, at most 10 ms.
        """
        fd = os.open(_CLOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=self.fd)
        try:
            last_ns = os.fstat(fd).st_mtime_ns
            while os.fstat(fd).st_mtime_ns <= last_ns:
                time.sleep(_PAUSE_S)
                os.utime(fd)
        finally:
            os.close(fd)

    def remove(self) -> None:
        """Delete what is left; the row is the caller's to forget. Errors are left to `sweep`."""
        os.close(self.fd)
        with suppress(OSError, CasError):
            remove_tree(self.parent, os.path.basename(self.path))
        os.close(self.parent)


def sweep(layout: Layout, index: Index) -> int:
    """Delete the staging directories of dead sessions, and their rows; how many there were.

    Those of live sessions are left alone. A directory that cannot be deleted keeps its row: the disk it is
    on may be away.
    """
    with index.read() as txn:
        dead = [row for row in placements.stagings(txn) if not is_live(layout, row.session.hex())]
    gone = [row.path for row in dead if _delete(row.path)]
    if gone:
        index.write(lambda txn: _forget(txn, gone))
    return len(gone)


def _forget(txn: Txn, paths: list[bytes]) -> None:
    for path in paths:
        placements.forget_staging(txn, path)


def _delete(path: bytes) -> bool:
    root, name = os.path.split(path)
    try:
        parent = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        remove_tree(parent, name)
    except (OSError, CasError):
        return False
    finally:
        os.close(parent)
    return True
