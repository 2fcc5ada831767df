"""One version as a source: its tree, or a directory that holds its one file."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from cas.ids import Kind, TreeId
from cas.mount.item import Item
from cas.objects.tree import Entry
from cas.repo.needed import needed
from cas.versions.times import to_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cas.objects.store import ObjectStore
    from cas.versions.version import Version

_CACHED_ENTRIES: Final = 200_000
"""Entries of directories that are kept decoded; some 300 bytes each."""


class VersionSource:
    """The files of one version. Frozen: whatever is committed or removed, it shows what it showed."""

    is_frozen: Final = True
    label: Final = "cas"

    def __init__(self, store: ObjectStore, version: Version) -> None:
        """Show `version`; a version that is a file is shown under the last part of its name."""
        self._store = store
        self._version = version
        self._mtime_ns = to_microseconds(version.created_at) * 1000
        self._directories: OrderedDict[bytes, Mapping[bytes, Entry]] = OrderedDict()
        self._cached = 0
        content = version.content
        self._tree = content.id.raw if content.is_directory else None
        name = os.fsencode(version.name.rpartition("/")[2])
        self._file = {name: Entry.of(name, content.kind, version.size, content.id.raw)}

    @property
    def size(self) -> int:
        """Logical bytes of the version."""
        return self._version.size

    def find(self, path: str) -> Item | None:
        """Return what is at `path`; raises as `Repository.tree` does if it cannot be read."""
        if not path:
            return Item(Kind.DIRECTORY, 0, self._mtime_ns)
        parent, _, name = path.rpartition("/")
        entries = self._entries(parent)
        entry = entries.get(os.fsencode(name)) if entries is not None else None
        if entry is None:
            return None
        if entry.kind is Kind.DIRECTORY:
            return Item(Kind.DIRECTORY, 0, self._mtime_ns)
        return Item(entry.kind, entry.size, self._mtime_ns, entry.id)

    def children(self, path: str) -> Iterator[tuple[str, Kind]]:
        """Iterate over the names in a directory; raises as `find` does, too."""
        entries = self._entries(path)
        if entries is None:
            number = errno.ENOENT if self.find(path) is None else errno.ENOTDIR
            raise OSError(number, os.strerror(number), path)
        return ((os.fsdecode(entry.name), entry.kind) for entry in entries.values())

    def _entries(self, path: str) -> Mapping[bytes, Entry] | None:
        """Return what is in the directory `path`; None if there is none."""
        entries = self._file if self._tree is None else self._directory(self._tree)
        for name in path.split("/") if path else ():
            entry = entries.get(os.fsencode(name))
            if entry is None or entry.kind is not Kind.DIRECTORY:
                return None
            entries = self._directory(entry.id)
        return entries

    def _directory(self, tree: bytes) -> Mapping[bytes, Entry]:
        found = self._directories.get(tree)
        if found is not None:
            self._directories.move_to_end(tree)
            return found
        with needed(self._store, self._version):
            found = {entry.name: entry for entry in self._store.tree(TreeId(tree))}
        self._directories[tree] = found
        self._cached += len(found) + 1
        while self._cached > _CACHED_ENTRIES and len(self._directories) > 1:
            self._cached -= len(self._directories.popitem(last=False)[1]) + 1
        return found
