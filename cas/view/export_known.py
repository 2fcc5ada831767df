"""What earlier exports put at a destination, asked while a new one is planned."""

from __future__ import annotations

import os
import stat
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from cas.view.export_look import is_one_of
from cas.worktree import exports
from cas.worktree.compare import join
from cas.worktree.reserved import is_reserved

if TYPE_CHECKING:
    from cas.objects.index import Index
    from cas.worktree.exports import Given


class Known:
    """What is on record for one destination. Memory: `MARK_SIZE` bytes for each name of the view."""

    def __init__(self, index: Index, root: bytes) -> None:
        """`root` is the absolute path of the destination, as `placements.locate` gives it."""
        self.root = root
        self._index = index
        with index.read() as txn:
            self._is_anything = next(exports.given(txn, root), None) is not None
        self._seen = array("Q")
        self.is_unsettled = False
        """Whether an export died there, as far as `gone` has seen."""

    def see(self, path: bytes) -> None:
        """Note that the view has something at a path."""
        if self._is_anything:
            self._seen.append(int.from_bytes(exports.mark(path), "big"))

    def is_ours(self, path: bytes, status: os.stat_result) -> bool:
        """Whether what is at a path, where its `lstat` is `status`, is what was put there, all of it."""
        if not self._is_anything or not self._is_as_given(path, status):
            return False
        if not stat.S_ISDIR(status.st_mode):
            return True
        for folder, folders, files in os.walk(join(self.root, path)):
            inner = os.path.relpath(folder, self.root)
            for name in (*folders, *files):
                if is_reserved(name) or not self._is_as_given(
                    join(inner, name), os.lstat(join(folder, name))
                ):
                    return False
        return True

    def gone(self) -> list[Given]:
        """List what was put there and has not been seen in the view, what is in a directory before that."""
        seen = array("Q", sorted(self._seen))

        def is_seen(mark: bytes) -> bool:
            number = int.from_bytes(mark, "big")
            at = bisect_left(seen, number)
            return at < len(seen) and seen[at] == number

        with self._index.read() as txn:
            found = []
            for mark, one in exports.given(txn, self.root):
                self.is_unsettled = self.is_unsettled or not one.is_settled
                if not is_seen(mark):
                    found.append(one)
        return sorted(found, key=lambda one: one.path, reverse=True)

    def _is_as_given(self, path: bytes, status: os.stat_result) -> bool:
        with self._index.read() as txn:
            states = exports.find(txn, self.root, path)
        return is_one_of(join(self.root, path), status, states)
