"""What the refs of one layer have, as a snapshot of the index says it.

What was found out is remembered until the next transaction, of whatever process; trees, which never change,
for longer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

from cas.versions import refs
from cas.versions.names import MAX_NAME_SIZE
from cas.versions.rows import path_bytes
from cas.view import name_scan
from cas.view.layer import Seen  # noqa: TC001 - msgspec reads it at run time
from cas.view.whiteouts import Whiteouts

if TYPE_CHECKING:
    from cas.ids import TreeId
    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.objects.tree import Entry
    from cas.versions.version import Version

_MAX_ENTRIES: Final = 200_000
"""Entries of trees that are remembered, in all."""


class Known(msgspec.Struct):
    """What was found out in one snapshot of the index."""

    transaction: int
    whiteouts: Whiteouts
    answers: dict[tuple[str, bool, int], Seen] = msgspec.field(default_factory=dict)
    """What the layer said of a path: is it followed, and how much of it is covered?"""


class RefsReader:
    """The names of one layer, their whiteouts, and the trees of their versions."""

    def __init__(self, name: str, store: ObjectStore) -> None:
        self.name = name
        self.index = store.index
        self._store = store
        self._known: Known | None = None
        self._trees: OrderedDict[TreeId, list[Entry]] = OrderedDict()
        self._entry_count = 0
        self._lock = threading.Lock()

    def whiteouts(self, txn: Txn | None) -> Whiteouts:
        """Give the whiteouts of the layer in a snapshot, or in the newest."""
        if txn is None:
            with self.index.read() as newest:
                return self.known(newest).whiteouts
        return self.known(txn).whiteouts

    def limit(self, txn: Txn | None, path: str) -> int:
        """Say up to which sequence what is at a path is hidden."""
        return self.whiteouts(txn).limit(path)

    def are_changed_below(self, txn: Txn | None, path: str, sequence: int) -> bool:
        """Whether whiteouts change what a version of this sequence has below a path."""
        return self.whiteouts(txn).change(path, sequence)

    def version(self, txn: Txn, name: str, *, newer_than: int) -> Version | None:
        """Give the current version of a name, if it is newer than what is hidden."""
        if len(path_bytes(name)) > MAX_NAME_SIZE:
            return None
        found = refs.current(txn, self.name, name)
        return None if found is None or found.sequence <= newer_than else found

    def has_names_below(self, txn: Txn, path: str) -> bool:
        """Whether names lie below a path that are not hidden. Cost: one look, if nothing is hidden."""
        if len(path_bytes(path)) >= MAX_NAME_SIZE:
            return False
        if not self.whiteouts(txn):
            return name_scan.has_names(txn, self.name, f"{path}/")
        return any(self.is_seen(txn, one.name) for one in refs.names(txn, self.name, f"{path}/"))

    def tree(self, tree: TreeId) -> list[Entry]:
        """Give the entries of a directory; the last ones that were asked for are remembered."""
        with self._lock:
            found = self._trees.get(tree)
            if found is not None:
                self._trees.move_to_end(tree)
                return found
        found = self._store.tree(tree)
        with self._lock:
            if tree not in self._trees:
                self._trees[tree] = found
                self._entry_count += len(found)
            while self._entry_count > _MAX_ENTRIES and len(self._trees) > 1:
                self._entry_count -= len(self._trees.popitem(last=False)[1])
        return found

    def is_seen(self, txn: Txn, name: str) -> bool:
        """Whether a name is not hidden."""
        limit = self.limit(txn, name)
        return not limit or self.version(txn, name, newer_than=limit) is not None

    def known(self, txn: Txn) -> Known:
        """Give what was found out in a snapshot so far."""
        number = txn.raw.id()
        known = self._known
        if known is None or known.transaction != number:
            known = self._known = Known(number, Whiteouts(refs.whiteouts(txn, self.name)))
        return known
