"""Content on disk under the name that it was asked for by: written once, found again by a look.

    views/named/ab/<blob>[x]/<name>     a hard link to views/files/ab/<blob>[x]
    views/trees/ab/<tree>/<name>/…      directories of mode 0555, with hard links to views/files

Theory of operation
-------------------
What is handed out is made in a session's folder, sealed (`readonly`) and put in its place by one rename.

1. A name under `named/` or `trees/` holds all of its content from the moment it is there: it is complete
   before the rename. So a process may be killed anywhere, and what it leaves is in its session's folder, for
   gc.
2. Nothing is handed out without a lease that was written before it was looked at (`leases`); but where none
   can be written, as the repository is only for reading or its disk is full, what is there is handed out
   without, and may go at any time.
3. Each use looks at the top: a file's size and time, a directory's time. The first use of a directory in a
   process looks at every name in it. What somebody changed is made anew: a file's bytes from the store, a
   directory by links to files of which each was looked at again.
4. Two processes that make the same thing do so side by side; the first rename wins, and the other finds that
   what is there is as good as its own.
5. While a changed directory is replaced, its path is not there for the time between two renames. That is the
   price of having changed it.

The bound is looked at after something was added: what nobody uses goes, what was handed out longest ago first
(`evict`). What a unit was last handed out at is the modification time of its folder.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import CasError, StorageError
from cas.ids import Kind, TreeId
from cas.objects.session import Session
from cas.worktree import evict, leases, reach, readonly, room
from cas.worktree.directories import open_directory
from cas.worktree.folders import Assembled
from cas.worktree.units import FileUnit, TreeUnit, is_directory, is_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.objects.store import ObjectStore
    from cas.worktree.folders import Folder
    from cas.worktree.units import Unit

log = logging.getLogger(__name__)

_Key = tuple[bytes, Kind, bytes]

_WHAT: Final = "cannot put stored content on disk"
_ROOT_NAME: Final = b"view"
"""What the directory is called that stands for the whole view, whose path is empty."""
_ATTEMPTS: Final = 100
_UNWRITABLE: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})
_IN_THE_WAY: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR, errno.ENOTDIR})


@dataclass(slots=True)
class _Slot:
    """One thing that was asked for in this process."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held by the thread that makes or checks it."""
    path: Path | None = None
    """Where it is, once it was handed out."""


class Materialiser:
    """Hands out paths of stored content. Safe to share between threads."""

    def __init__(self, store: ObjectStore, *, max_size: int | None, clock_ns: Callable[[], int]) -> None:
        """Hold nothing yet.

        Args:
            store: Where content comes from.
            max_size: Bytes that files under `views/` may take while nobody uses them; None is no bound.
            clock_ns: Gives the time since 1970.
        """
        self._store = store
        self._layout = store.layout
        self._max_size = max_size
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._lease: leases.Lease | None = None
        self._slots: dict[_Key, _Slot] = {}
        self._reach: dict[tuple[bytes, bytes], bool] = {}

    def close(self) -> None:
        """Give up the leases: what was handed out may be evicted from now on."""
        with self._lock:
            self._slots.clear()
            if self._lease is not None:
                self._lease.close()
                self._lease = None

    def file(self, blob: bytes, kind: Kind, size: int | None, name: bytes) -> Path:
        """Return the path of a read-only file that has the bytes of `blob` and is called `name`.

        Args:
            blob: 32 bytes.
            kind: FILE or EXECUTABLE.
            size: Bytes, where they are known.
            name: One component.

        Raises:
            NotFoundError: The store has no such blob.
            CorruptError: What is stored is damaged.
            ReadOnlyError: It is not there yet, or was changed, and the repository cannot be written.
            StorageError: The disk is full, or knows no hard links.

        Cost: one `lstat`, after the first time.
        """
        slot = self._slot((blob, kind, name))
        if slot.path is not None and is_file(slot.path, size):
            return slot.path
        return self._obtain(slot, FileUnit(self._store, blob, kind, size, name))

    def tree(self, tree: bytes, name: bytes) -> Path:
        """Return the path of a read-only directory that holds `tree`, called `name`; raises as `file` does.

        Cost: one `lstat`, after the first time.
        """
        slot = self._slot((tree, Kind.DIRECTORY, name))
        if slot.path is not None and is_directory(slot.path):
            return slot.path
        return self._obtain(slot, TreeUnit(self._store, TreeId(tree), name or _ROOT_NAME))

    def folder(self, entries: Folder, name: bytes) -> Path:
        """Return the path of a read-only directory put together from several contents; raises as `file` does.

        Cost: a hash of all names in `entries`, and what `tree` costs.
        """
        store = Assembled(self._store, entries)
        try:
            slot = self._slot((store.root.raw, Kind.DIRECTORY, name))
            if slot.path is not None and is_directory(slot.path):
                return slot.path
            return self._obtain(slot, TreeUnit(store, store.root, name or _ROOT_NAME))
        finally:
            store.close()

    def find(self, content: bytes, kind: Kind, name: bytes) -> Path | None:
        """Say where content is if it is on disk already. No lease: it may go at any time."""
        if kind is Kind.DIRECTORY:
            unit: Unit = TreeUnit(self._store, TreeId(content), name or _ROOT_NAME)
        else:
            unit = FileUnit(self._store, content, kind, None, name)
        path = self._path(unit)
        return Path(os.fsdecode(path)) if unit.is_there(path) else None

    def leads_out(self, tree: bytes, inner: bytes) -> bool:
        """Whether the directory `inner` of a tree has symlinks that need what is around it.

        Cost: one look into a table, after the first time.
        """
        found = self._reach.get((tree, inner))
        if found is None:
            found = self._reach[tree, inner] = reach.leads_out(TreeId(tree), inner, self._store.tree)
        return found

    def _slot(self, key: _Key) -> _Slot:
        return self._slots.get(key) or self._slots.setdefault(key, _Slot())

    def _path(self, unit: Unit) -> bytes:
        return os.path.join(os.fsencode(self._layout.views), unit.id, unit.name)

    def _obtain(self, slot: _Slot, unit: Unit) -> Path:
        """Have a unit leased, complete and checked."""
        path = self._path(unit)
        with slot.lock, fs.explained(_WHAT):
            is_first = slot.path is None
            with leases.handing_out(self._layout):
                refusal = self._add_lease(unit.id) if is_first else None
                is_there = unit.is_there(path)
                fs.reached("view.looked")
            if refusal is not None:
                if not is_there or not unit.is_intact(path):
                    raise refusal
                slot.path = Path(os.fsdecode(path))
                return slot.path
            if not is_there:
                self._make(unit, path)
            elif is_first and not unit.is_intact(path):
                log.warning("'%s' was changed by somebody; it is made anew", os.fsdecode(path))
                self._make(unit, path, is_damaged=True)
            if is_first:
                self._stamp(path)
            slot.path = Path(os.fsdecode(path))
        self._keep_to_bound()
        return slot.path

    def _add_lease(self, unit: bytes) -> OSError | None:
        """Have a unit leased; why that cannot be, if nothing can be written (invariant 2)."""
        with self._lock:
            try:
                if self._lease is None:
                    self._lease = leases.Lease(self._layout)
                self._lease.add(unit)
            except OSError as error:
                if error.errno not in _UNWRITABLE:
                    raise
                return error
        return None

    def _make(self, unit: Unit, path: bytes, *, is_damaged: bool = False) -> None:
        with Session.start(self._layout) as session:
            try:
                made = unit.make(session)
                fs.reached("view.made")
                if is_damaged:
                    _displace(path, session)
                    fs.reached("view.displaced")
                if _publish(unit, made, path, session):
                    fs.reached("view.published")
                    unit.lock(path)
            finally:
                _loosen(session)

    def _stamp(self, path: bytes) -> None:
        """Note when a unit was handed out."""
        now = self._clock_ns()
        with suppress(PermissionError):  # made by another user, who shares the repository
            os.utime(os.path.dirname(path), ns=(now, now))

    def _keep_to_bound(self) -> None:
        """Make room. If that fails, somebody else will; what was asked for is there."""
        if self._max_size is None:
            return
        try:
            if room.total(self._layout) > self._max_size:
                evict.shrink(self._store, self._max_size)
        except (OSError, CasError) as error:
            log.warning("cannot make room in '%s': %s", self._layout.views, error)


def _publish(unit: Unit, made: bytes, path: bytes, session: Session) -> bool:
    """Rename what was made to `path`; False if something as good is there by now (invariant 4)."""
    for _ in range(_ATTEMPTS):  # each needs somebody who changes or deletes `path` at this moment
        try:
            os.rename(made, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            if unit.is_there(path):
                return False
            _displace(path, session)
        else:
            return True
    raise StorageError(
        f"cannot put '{os.fsdecode(unit.name)}' under '.cas/views'",
        code="view-vanished",
        why="somebody deletes what is there while it is being made",
        hint="run the same command again",
    )


def _displace(path: bytes, session: Session) -> None:
    """Move what is at `path` to where the session deletes it."""
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            os.chmod(path, 0o700)  # else it cannot be moved
        os.rename(path, os.path.join(os.fsencode(session.tmp), os.urandom(8).hex().encode()))


def _loosen(session: Session) -> None:
    """Let the session delete what is left in its folder."""
    folder = open_directory(session.tmp)
    try:
        readonly.loosen(folder)
    finally:
        os.close(folder)
