"""Directories put together from several contents: trees that no version has, and a store that knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from cas.ids import Kind, TreeId
from cas.objects.store import ObjectStore
from cas.objects.tree import Entry, encode_tree, tree_id

if TYPE_CHECKING:
    from collections.abc import Sequence

Folder: TypeAlias = "Mapping[bytes, Entry | Folder]"
"""Raw names → an entry, whose own name does not count but whose size does, or another folder."""


class Assembled(ObjectStore):
    """A store, and a few trees beside it. Close it; the store that it is made from stays open."""

    def __init__(self, store: ObjectStore, folder: Folder) -> None:
        super().__init__(store.layout, store.index)
        self._trees: dict[TreeId, Sequence[Entry]] = {}
        self.root = self._add(folder)
        """The tree of the folder: what it would have if somebody committed it."""

    def tree(self, tree: TreeId) -> list[Entry]:
        """Return the entries of a directory, from here or from the store."""
        known = self._trees.get(tree)
        return super().tree(tree) if known is None else list(known)

    def _add(self, folder: Folder) -> TreeId:
        """Make the trees of a folder, the deepest first; names of a view are few, so calls may nest."""
        entries = []
        for name, item in sorted(folder.items()):
            if isinstance(item, Mapping):
                below = self._add(item)
                size = sum(entry.size for entry in self._trees[below])
                entries.append(Entry.of(name, Kind.DIRECTORY, size, below.raw))
            else:
                entries.append(Entry.of(name, item.kind, item.size, item.id))
        tree = tree_id(encode_tree(entries))
        self._trees[tree] = entries
        return tree
