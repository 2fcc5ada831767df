"""A layer of refs: names and their current versions."""

from __future__ import annotations

import heapq
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from cas.layer_settings import REFS
from cas.versions.rows import path_bytes
from cas.view import follow, name_scan
from cas.view.layer import ABSENT, Mark, Seen, Sign
from cas.view.refs_folder import RefsFolder
from cas.view.refs_reader import RefsReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.view.layer import Folder

_MAX_ANSWERS: Final = 32_768
"""Paths whose answers are remembered."""


class RefsLayer:
    """The names of one layer. Answers are remembered until the next transaction, of whatever process."""

    kind: Final = REFS
    root: Final = None

    def __init__(self, name: str, store: ObjectStore, *, is_writable: bool = True) -> None:
        self.name = name
        self.is_writable = is_writable
        self._reader = RefsReader(name, store)

    def look(self, path: str, *, is_followed: bool, covered: int, at: Txn | None) -> Seen:
        """Say what is at a path."""
        assert at is not None, "a view with refs has an index"
        known = self._reader.known(at)
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
        return (one.path for one in self._reader.known(at).whiteouts.over(path))

    def marks(self, prefix: str) -> Iterator[Mark]:
        """Iterate over names and whiteouts. Memory: a batch of names, and the whiteouts."""
        keys = sorted(
            path_bytes(f"{one.path}/" if one.is_opaque and one.path else one.path)
            for one in self._reader.whiteouts(None)
            if one.path.startswith(prefix)
        )
        if not keys:
            return self._named(prefix)
        hidden: Iterator[Mark] = ((key, Sign.WHITEOUT) for key in keys)
        return heapq.merge(self._named(prefix), hidden, key=itemgetter(0))

    def _named(self, prefix: str) -> Iterator[Mark]:
        after = b""
        while True:
            with self._reader.index.read() as txn:
                batch = name_scan.names(txn, self.name, prefix, after)
                is_hiding = bool(self._reader.whiteouts(txn))
                shown = (
                    [one for one in batch if self._reader.is_seen(txn, one[1].path)] if is_hiding else batch
                )
            if not batch:
                return
            yield from shown
            after = batch[-1][0]

    def _find(self, path: str, *, is_followed: bool, covered: int, txn: Txn | None) -> follow.Place:
        whiteouts = self._reader.whiteouts(txn)
        is_final = whiteouts.at("") is not None
        root = RefsFolder(self._reader, txn=txn)
        if (
            not path
            and not is_final
            and not whiteouts.make_directory("")
            and next(root.children(), None) is None
        ):
            return follow.Place(ABSENT, root)
        return follow.find(root, path, is_followed=is_followed, covered=covered, is_final=is_final)
