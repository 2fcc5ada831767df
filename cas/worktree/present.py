"""What a destination holds now, one directory at a time, looked at only where it matters.

A destination may be a directory full of other things: a checkout into `.` must not hash a terabyte of
somebody's data. So a file is hashed only if the version, or the version that was there before, has a file
of this name and size, and the stat cache does not know its id.

What is learned by hashing is remembered as a row without a tree: its ids help the next reader, and its
tree id (zeros) claims nothing.
"""

from __future__ import annotations

import operator
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from blake3 import blake3

from cas import fs
from cas.ids import Kind
from cas.objects.tree import Entry
from cas.worktree import statcache
from cas.worktree.reserved import is_reserved
from cas.worktree.views import Views, is_untouched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cas.objects.store import ObjectStore
    from cas.worktree.statcache import DirectoryRow, StatCache

_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_BLOCK_SIZE: Final = 1024 * 1024
_NO_TREE: Final = statcache.NO_ID
_UNKNOWN: Final = b""
_NAME = operator.itemgetter(0)


class Found(NamedTuple):
    """An entry of a directory on disk."""

    name: bytes
    kind: Kind | None
    """None for what no version can hold: a socket, a device, a pipe."""
    id: bytes
    """Blob id of a file, target of a symlink; empty where it was not worth finding out."""
    status: os.stat_result
    view: tuple[bytes, Kind] | None = None
    """The blob that a symlink into `views/` stands for."""
    is_intact: bool = True
    """False for a symlink to a view that is gone or was written to."""
    is_repository: bool = False
    """It is the repository's own directory, or has the name of one: nothing for a version."""

    def is_like(self, entry: Entry) -> bool:
        """Whether `entry` was, or could have been, checked out here."""
        if self.view is not None and entry.kind is not Kind.SYMLINK:
            return self.view == (entry.id, entry.kind)
        return self.kind is entry.kind and self.id == entry.id

    def as_entry(self) -> Entry | None:
        """Give the entry that this would be in a tree, as far as it is known."""
        if self.kind is None:
            return None
        return Entry.of(self.name, self.kind, self.status.st_size, self.id)


class Item(NamedTuple):
    """An entry as listed, not looked at yet."""

    name: bytes
    kind: Kind | None
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class Listing:
    """One directory as it is now, and what the cache says of it."""

    path: bytes
    """Relative to the root."""
    status: os.stat_result
    items: list[Item]
    """Sorted by name."""
    row: DirectoryRow | None

    def trees_if(self, tree: bytes) -> dict[bytes, bytes] | None:
        """If all files and links here are known to be those of `tree`: the trees its directories should be.

        None if anything else is here, or is not known. Sub-directories are only compared by name: what is in
        them is for the caller to find out. Costs no read of the tree.
        """
        row = self.row
        if row is None or row.tree != tree:
            return None
        known = iter(row.sub_trees())
        trees: dict[bytes, bytes] = {}
        parts = []
        for name, kind, status in self.items:
            if kind is Kind.DIRECTORY:
                # The n-th directory must be the n-th of the row; if it is not, the signature says so.
                trees[name] = next(known, _NO_TREE)
                parts.append(statcache.sign_directory(name, trees[name]))
            elif kind is None:
                return None
            else:
                parts.append(statcache.sign_file(name, kind, status))
        return trees if row.signature == statcache.sign(parts) else None


class Present:
    """Looks at what is on disk. Use from one thread."""

    def __init__(
        self, root: bytes, cache: StatCache, store: ObjectStore, *, clock_ns: Callable[[], int]
    ) -> None:
        """`clock_ns` gives the time since 1970."""
        self.root = root
        self._read_tree = store.tree
        self._cache = cache
        self._views = Views(store.layout)
        self._clock_ns = clock_ns
        self._left_out = os.stat(store.layout.root)
        self._tick_ns: int | None = None
        self.has_learned = False
        """Whether something was hashed that the cache did not know."""

    def entry(self, name: bytes, expected: Sequence[Entry]) -> Found | None:
        """Look at one entry of the root."""
        try:
            status = os.lstat(os.path.join(self.root, name))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return self._look(b"", Item(name, statcache.kind_of(status), status), expected, {})

    def list(self, path: bytes, status: os.stat_result) -> Listing:
        """List the directory at `path`, relative to the root, whose `lstat` is `status`."""
        full = os.path.join(self.root, path)
        with fs.explained(f"cannot read the directory '{os.fsdecode(full)}'"), os.scandir(full) as entries:
            found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        found.sort(key=_NAME)
        kind_of = statcache.kind_of
        items = [Item(name, kind_of(entry_status), entry_status) for name, entry_status in found]
        return Listing(path, status, items, self._cache.find(status))

    def look(self, listing: Listing, lists: Sequence[Mapping[bytes, Entry]]) -> dict[bytes, Found]:
        """Find out what is in a directory, sorted by name.

        Args:
            listing: The directory.
            lists: Entries that it may have, by name: of the version that is wanted, and of earlier ones.
        """
        trusted_before_ns = self._clock_ns() - self._tick()
        expected: dict[bytes, list[Entry]] = {}
        for entries in lists:
            for name, entry in entries.items():
                expected.setdefault(name, []).append(entry)
        known = {} if listing.row is None else listing.row.file_ids(self._read_tree)
        found = {
            item.name: self._look(listing.path, item, expected.get(item.name, ()), known)
            for item in listing.items
        }
        self._learn(listing.status, found, known, trusted_before_ns)
        return found

    def _look(
        self, path: bytes, item: Item, expected: Sequence[Entry], known: Mapping[bytes, bytes]
    ) -> Found:
        name, kind, status = item
        if is_reserved(name):
            return Found(name, kind, _UNKNOWN, status, is_repository=True)
        match kind:
            case None:
                return Found(name, None, _UNKNOWN, status)
            case Kind.DIRECTORY:
                is_repository = os.path.samestat(status, self._left_out)
                return Found(name, kind, _UNKNOWN, status, is_repository=is_repository)
            case Kind.SYMLINK:
                return self._look_at_link(path, name, status)
        blob = known.get(statcache.mark(statcache.sign_file(name, kind, status))) if known else None
        if blob is None:
            blob = self._identify(os.path.join(self.root, path, name), status, expected)
        return Found(name, kind, blob, status)

    def _look_at_link(self, path: bytes, name: bytes, status: os.stat_result) -> Found:
        full = os.path.join(self.root, path, name)
        with fs.explained(f"cannot read the link '{os.fsdecode(full)}'"):
            target = os.readlink(full)
        view = self._views.parse(target)
        is_intact = view is None or self._views.find(*view, None) is not None
        return Found(name, Kind.SYMLINK, target, status, view=view, is_intact=is_intact)

    def _identify(self, full: bytes, status: os.stat_result, expected: Sequence[Entry]) -> bytes:
        """Find a file's blob id, if there is any chance that it is one of those expected."""
        for entry in expected:
            if entry.kind not in (Kind.FILE, Kind.EXECUTABLE):
                continue
            if entry.name and entry.size != status.st_size:  # an entry without a name does not know its size
                continue
            if status.st_nlink > 1 and self._is_link_to_view(entry, status):
                return entry.id
            return _hash(full, status)
        return _UNKNOWN

    def _is_link_to_view(self, entry: Entry, status: os.stat_result) -> bool:
        """A hard link changes its time of change whenever another is made, so the cache cannot know it."""
        view = self._views.find(entry.id, entry.kind, None)
        return view is not None and os.path.samestat(view, status) and is_untouched(status, None)

    def _learn(
        self,
        status: os.stat_result,
        found: Mapping[bytes, Found],
        known: Mapping[bytes, bytes],
        trusted_before_ns: int,
    ) -> None:
        items = []
        is_news = False
        for name, one in found.items():
            if one.kind in (Kind.FILE, Kind.EXECUTABLE) and one.id:
                items.append((Entry.of(name, one.kind, one.status.st_size, one.id), one.status))
                part = statcache.sign_file(name, one.kind, one.status)
                is_news = is_news or statcache.mark(part) not in known
        if is_news:
            self.has_learned = True
            row = statcache.make_row(_NO_TREE, 0, items, trusted_before_ns, with_ids=True)
            self._cache.remember(status, row)

    def _tick(self) -> int:
        """How coarse the clock of the file system is; asked when it is needed first. [ns]."""
        if self._tick_ns is None:
            self._tick_ns = statcache.tick_of(Path(os.fsdecode(self.root)))
        return self._tick_ns


def _hash(full: bytes, status: os.stat_result) -> bytes:
    """Hash a file; nothing if it may not be read, or changes meanwhile: then it is not what was put there."""
    try:
        fd = os.open(full, _OPEN)
    except PermissionError:
        return _UNKNOWN
    hasher = blake3()
    try:
        while block := os.read(fd, _BLOCK_SIZE):
            hasher.update(block)
        after = os.fstat(fd)
    finally:
        os.close(fd)
    is_stable = (after.st_mtime_ns, after.st_size, after.st_ino) == (
        status.st_mtime_ns,
        status.st_size,
        status.st_ino,
    )
    return hasher.digest() if is_stable else _UNKNOWN
