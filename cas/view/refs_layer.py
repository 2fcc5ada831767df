"""A layer of refs: names and their current versions."""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import msgspec

from cas.layer_settings import REFS
from cas.versions import refs
from cas.versions.names import MAX_NAME_SIZE
from cas.versions.rows import path_bytes
from cas.view import follow, name_scan
from cas.view.layer import ABSENT, Mark, Seen, Sign
from cas.view.refs_folder import RefsFolder
from cas.view.whiteouts import Whiteouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.ids import TreeId
    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.objects.tree import Entry
    from cas.versions.version import Version
    from cas.view.layer import Folder

_MAX_ANSWERS: Final = 32_768
"""Paths whose answers are remembered."""

_MAX_ENTRIES: Final = 200_000
"""Entries of trees that are remembered, in all."""


class _Known(msgspec.Struct):
    """What was found out in one snapshot of the index."""

    transaction: int
    whiteouts: Whiteouts
    answers: dict[tuple[str, bool, int], Seen] = msgspec.field(default_factory=dict)


class RefsLayer:
    """The names of one layer. Answers are remembered until the next transaction, of whatever process."""

    kind: Final = REFS
    root: Final = None

    def __init__(self, name: str, store: ObjectStore, *, is_writable: bool = True) -> None:
        self.name = name
        self.is_writable = is_writable
        self.index = store.index
        self._store = store
        self._known: _Known | None = None
        self._trees: OrderedDict[TreeId, list[Entry]] = OrderedDict()
        self._entry_count = 0
        self._lock = threading.Lock()

    def look(self, path: str, *, is_followed: bool, covered: int, at: Txn | None) -> Seen:
        """Say what is at a path."""
        assert at is not None, "a view with refs has an index"
        known = self._know(at)
        question = (path, is_followed, covered)
        answer = known.answers.get(question)
        if answer is None:
            answer = self._find(path, is_followed=is_followed, covered=covered, txn=at).seen
            if len(known.answers) >= _MAX_ANSWERS:
                known.answers.clear()
            known.answers[question] = answer
        return answer

    def open(self, path: str, *, covered: int) -> tuple[Seen, Folder | None]:
        """Say what is at a path, and give it if it is a folder."""
        place = self._find(path, is_followed=True, covered=covered, txn=None)
        return place.seen, place.folder

    def whiteouts_over(self, path: str, *, at: Txn | None) -> Iterator[str]:
        """Iterate over the paths that are hidden at, and above, a path."""
        assert at is not None, "a view with refs has an index"
        return (one.path for one in self._know(at).whiteouts.over(path))

    def marks(self, prefix: str) -> Iterator[Mark]:
        """Iterate over names and whiteouts. Memory: a batch of names, and the whiteouts."""
        keys = sorted(
            path_bytes(f"{one.path}/" if one.is_opaque and one.path else one.path)
            for one in self.whiteouts(None)
            if one.path.startswith(prefix)
        )
        if not keys:
            return self._named(prefix)
        hidden: Iterator[Mark] = ((key, Sign.WHITEOUT) for key in keys)
        return heapq.merge(self._named(prefix), hidden, key=itemgetter(0))

    def _named(self, prefix: str) -> Iterator[Mark]:
        after = b""
        while True:
            with self.index.read() as txn:
                batch = name_scan.names(txn, self.name, prefix, after)
                is_hiding = bool(self.whiteouts(txn))
                shown = [one for one in batch if self._is_seen(txn, one[1].path)] if is_hiding else batch
            if not batch:
                return
            yield from shown
            after = batch[-1][0]

    def _find(self, path: str, *, is_followed: bool, covered: int, txn: Txn | None) -> follow.Place:
        whiteouts = self.whiteouts(txn)
        is_final = whiteouts.at("") is not None
        root = RefsFolder(self, txn=txn)
        if (
            not path
            and not is_final
            and not whiteouts.make_directory("")
            and next(root.children(), None) is None
        ):
            return follow.Place(ABSENT, root)
        return follow.find(root, path, is_followed=is_followed, covered=covered, is_final=is_final)

    # ---- what folders ask

    def whiteouts(self, txn: Txn | None) -> Whiteouts:
        """Give the whiteouts of the layer in a snapshot, or in the newest."""
        if txn is None:
            with self.index.read() as newest:
                return self._know(newest).whiteouts
        return self._know(txn).whiteouts

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
        return any(self._is_seen(txn, one.name) for one in refs.names(txn, self.name, f"{path}/"))

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

    def _is_seen(self, txn: Txn, name: str) -> bool:
        limit = self.limit(txn, name)
        return not limit or self.version(txn, name, newer_than=limit) is not None

    def _know(self, txn: Txn) -> _Known:
        number = txn.raw.id()
        known = self._known
        if known is None or known.transaction != number:
            known = self._known = _Known(number, Whiteouts(refs.whiteouts(txn, self.name)))
        return known
