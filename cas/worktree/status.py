"""What has changed in a destination since something was checked out there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas.ids import Kind, TreeId
from cas.objects.tree import Entry
from cas.worktree.compare import Change, Status, join, removal, status_of
from cas.worktree.present import Found, Present
from cas.worktree.statcache import StatCache
from cas.worktree.walk import flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import TypeAlias

    from cas.objects.store import ObjectStore

    _Steps: TypeAlias = Generator[Change | "_Steps", None, None]


def local_changes(
    store: ObjectStore, path: bytes, content: Entry, *, clock_ns: Callable[[], int]
) -> Iterator[Change]:
    """Iterate over what differs between `content` and what is at `path`, sorted by components.

    A file or directory that `content` does not have is one change, ADDED; it is neither read nor entered, so
    the id of `new` is empty. `new` is None for a socket, a device or a pipe. Links to the repository's own
    files (`Link.SYMLINK`) count as the files that they stand for.

    Raises:
        NotFoundError: The content is not in the store any more.
    """
    cache = StatCache(store.index)
    root, name = os.path.split(path)
    present = Present(root, cache, store, clock_ns=clock_ns)
    found = present.entry(name, (content,))
    inside = Present(path, cache, store, clock_ns=clock_ns)
    yield from flatten(_Walk(store, inside).compare(b"", content, found), Change)
    if inside.has_learned:
        cache.flush()


class _Walk:
    def __init__(self, store: ObjectStore, present: Present) -> None:
        self._store = store
        self._present = present

    def compare(self, path: bytes, old: Entry | None, found: Found | None) -> _Steps:
        if found is None:
            if old is not None:
                yield from removal(self._store.tree, path, old)
        elif old is None:
            if not found.is_repository:
                yield Change(Status.ADDED, os.fsdecode(path), None, found.as_entry())
        elif found.kind is Kind.DIRECTORY and old.kind is Kind.DIRECTORY:
            yield self._merge(path, old, found)
        elif not found.is_like(old):
            new = found.as_entry()
            status = Status.TYPE if new is None else status_of(old, new)
            yield Change(status, os.fsdecode(path), old, new)

    def _merge(self, path: bytes, old: Entry, found: Found) -> _Steps:
        listing = self._present.list(path, found.status)
        trees = listing.trees_if(old.id)
        if trees is not None:
            for name, _, status in listing.items:
                if name in trees:
                    one = Found(name, Kind.DIRECTORY, b"", status)
                    yield self._merge(join(path, name), Entry.of(name, Kind.DIRECTORY, 0, trees[name]), one)
            return
        entries = {entry.name: entry for entry in self._store.tree(TreeId(old.id))}
        there = self._present.look(listing, [entries])
        for name in sorted(entries.keys() | there.keys()):
            yield self.compare(join(path, name), entries.get(name), there.get(name))
