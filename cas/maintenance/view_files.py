"""The part of gc and of verify that looks after `views/`.

Views are a cache: what gc takes from the store goes from here as well, as long as no living process was
handed it out and nobody is making links (`cas.worktree.leases`). What has to stay is looked at again by the
next gc.

Verify looks at the times of everything, as each use does, and unless it is quick it hashes every file once,
however many names it has: whoever writes to a file *and* sets its time back is found out here only. A damaged
view costs nobody any data, so repairing means to delete it. It is made anew at its next use; only those that
symlinks of checkouts lead to are made anew at once, because there the next use is somebody else's.
"""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas.errors import CasError, ConflictError
from cas.ids import DIGEST_SIZE, BlobId, Kind, TreeId
from cas.objects.session import Session
from cas.worktree import evict, leases, readonly, room, symlinks
from cas.worktree.directories import open_directory
from cas.worktree.views import Views, is_untouched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore

log = logging.getLogger(__name__)

_HEX_DIGITS: Final = 2 * DIGEST_SIZE
_READ_SIZE: Final = 1024 * 1024


def drop_gone(store: ObjectStore) -> bool:
    """Delete the views of what the store has no more; False if somebody uses some of them.

    Directories that were put together from several versions are no objects, so they go too, if nobody uses
    them.
    """
    layout = store.layout
    with store.index.read() as txn:
        root = os.fsencode(layout.views)
        units = [os.path.relpath(path, root) for path, _ in evict.units(layout) if _is_gone(txn, path)]
        files = [path for path, _ in room.files(layout) if _is_gone(txn, path)]
    is_complete = True
    with Session.start(layout) as session:
        for unit in units:
            if evict.take(layout, unit, session):
                evict.delete_taken(session)
            else:
                is_complete = False
    if files:
        with leases.deleting(layout) as in_use:
            if in_use.is_building:
                return False
            for path in files:
                with suppress(FileNotFoundError):
                    os.unlink(path)
        room.forget(layout)
    return is_complete


def _is_gone(txn: Txn, path: bytes) -> bool:
    found = _id_of(path)
    return found is not None and txn.get(txn.tables.objects, found) is None


def _id_of(path: bytes) -> bytes | None:
    """Read the id that the name of a unit or a file says; None if it is none of ours."""
    name = os.path.basename(path)
    try:
        found = bytes.fromhex(os.fsdecode(name[:_HEX_DIGITS]))
    except ValueError:
        return None
    return found if len(found) == DIGEST_SIZE and name[_HEX_DIGITS:] in {b"", b"x"} else None


@dataclass(frozen=True, slots=True)
class ViewFault:
    """A view that does not hold what its name says."""

    id: bytes
    """32 bytes: of the blob or tree."""
    what: str
    is_repaired: bool


def check(store: ObjectStore, *, quick: bool, repair: bool) -> list[ViewFault]:
    """Look at all views; with `repair`, have the damaged ones go, unless somebody uses them."""
    look = _Look(store, quick)
    look.files()
    look.units()
    if not repair or not (look.bad_files or look.bad_units):
        return [ViewFault(one, what, is_repaired=False) for one, what in look.faults()]
    with Session.start(store.layout) as session:
        files = _mend_files(store, look.bad_files, session)
        units = [_drop_unit(store, unit, what, session) for unit, what in look.bad_units.items()]
    return files + units


def _mend_files(store: ObjectStore, bad: Mapping[bytes, str], session: Session) -> list[ViewFault]:
    views = Views(store.layout, session.tmp)
    linked = symlinks.view_files(store) if bad else frozenset()
    mended = []
    for path, what in bad.items():
        blob, kind = _parsed(views, path)
        try:
            if linked is None or path in linked:
                views.add(blob, kind, store.stream(BlobId(blob)))
            else:
                with suppress(FileNotFoundError):
                    os.unlink(path)
            is_repaired = True
        except CasError as error:
            log.warning("cannot make '%s' anew: %s", os.fsdecode(path), error)
            is_repaired = False
        mended.append(ViewFault(blob, what, is_repaired))
    room.forget(store.layout)
    return mended


def _drop_unit(store: ObjectStore, unit: bytes, what: str, session: Session) -> ViewFault:
    found = _id_of(unit)
    assert found is not None, "others are not looked at"
    is_taken = evict.take(store.layout, unit, session)
    if is_taken:
        evict.delete_taken(session)
    return ViewFault(found, what, is_taken)


def _parsed(views: Views, path: bytes) -> tuple[bytes, Kind]:
    found = views.parse(path)
    assert found is not None, "others are not looked at"
    return found


@dataclass(slots=True)
class _Look:
    """One look at everything under `views/`."""

    store: ObjectStore
    quick: bool
    bad_files: dict[bytes, str] = field(default_factory=dict)
    """Path of a file under `views/files` → what is wrong."""
    bad_units: dict[bytes, str] = field(default_factory=dict)
    """Unit → what is wrong with the first bad thing in it."""
    inodes: dict[int, bool] = field(default_factory=dict)
    """Whether a file is good, for those whose name tells what they should hold."""

    def faults(self) -> Iterator[tuple[bytes, str]]:
        """Iterate over ids and what is wrong."""
        for path, what in (*self.bad_files.items(), *self.bad_units.items()):
            yield _id_of(path) or b"", what

    def files(self) -> None:
        """Look at `views/files`."""
        views = Views(self.store.layout)
        for path, status in room.files(self.store.layout):
            found = views.parse(path)
            if found is None:
                continue
            wrong = self._wrong(path, status, found[0])
            self.inodes[status.st_ino] = wrong is None
            if wrong is not None:
                self.bad_files[path] = _told(path, wrong)

    def units(self) -> None:
        """Look at `views/named` and `views/trees`."""
        root = os.fsencode(self.store.layout.views)
        for path, _ in evict.units(self.store.layout):
            found = _id_of(path)
            if found is None:
                continue
            is_file = path.startswith(os.path.join(root, b"named/"))
            wrong = self._wrong_in_named(path, found) if is_file else self._wrong_in_trees(path, found)
            if wrong is not None:
                self.bad_units[os.path.relpath(path, root)] = wrong

    def _wrong_in_named(self, unit: bytes, blob: bytes) -> str | None:
        for path, status in room.files_in(unit):
            wrong = self._wrong(path, status, blob)
            if wrong is not None:
                return _told(path, wrong)
        return None

    def _wrong_in_trees(self, unit: bytes, tree: bytes) -> str | None:
        for path, status in room.files_in(unit):
            if not stat.S_ISDIR(status.st_mode):
                return _told(path, "it is no directory")
            try:
                wrong = self._wrong_at(path, tree)
            except FileNotFoundError:
                continue  # evicted at this moment
            except (OSError, ConflictError) as error:
                return _told(path, str(error))
            if wrong is not None:
                return _told(os.path.join(path, wrong[0]), wrong[1])
        return None

    def _wrong_at(self, path: bytes, tree: bytes) -> tuple[bytes, str] | None:
        root = open_directory(path)
        try:
            return self._wrong_in_tree(root, tree)
        finally:
            os.close(root)

    def _wrong_in_tree(self, root: int, tree: bytes) -> tuple[bytes, str] | None:
        blobs: dict[bytes, bytes] | None = None
        for path, name, directory, status in readonly.scan(root):
            if stat.S_ISDIR(status.st_mode):
                if not readonly.is_complete(status):
                    return path, "names in it were added, deleted or replaced"
                continue
            if not stat.S_ISREG(status.st_mode):
                continue
            if blobs is None and status.st_ino not in self.inodes and not self.quick:
                blobs = self._blobs_of(tree)
            wrong = self._wrong(name, status, (blobs or {}).get(path), directory=directory)
            if wrong is not None:
                return path, wrong
        return None

    def _blobs_of(self, tree: bytes) -> dict[bytes, bytes]:
        """Say what files a stored directory has; none, if it was put together from several."""
        try:
            return {path: entry.id for path, entry in readonly.files_of(TreeId(tree), self.store.tree)}
        except CasError:
            return {}

    def _wrong(
        self, path: bytes, status: os.stat_result, blob: bytes | None, *, directory: int | None = None
    ) -> str | None:
        """Say what is wrong with a file, of which it may be unknown what it should hold."""
        if not is_untouched(status, None):
            return "it was written to"
        is_good = self.inodes.get(status.st_ino)
        if is_good is None and blob is not None and not self.quick:
            is_good = self.inodes[status.st_ino] = _hash(path, directory) in {blob, None}
        return None if is_good in {True, None} else "its bytes are not those that it was made of"


def _hash(path: bytes, directory: int | None) -> bytes | None:
    """Hash a file; None if it is gone."""
    hasher = blake3()
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    with open(fd, "rb", buffering=0) as file:
        while block := file.read(_READ_SIZE):
            hasher.update(block)
    return hasher.digest()


def _told(path: bytes, wrong: str) -> str:
    return f"the view '{os.fsdecode(path)}' is damaged: {wrong}"
