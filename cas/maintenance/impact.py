"""Which versions need an object: the way back up from damage to the names that people know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas.errors import CasError
from cas.ids import Kind, TreeId
from cas.objects.recipe import decode_recipe
from cas.objects.rows import ObjectRow, Stored
from cas.versions import refs
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cas.ids import Content
    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore

_RECIPES = frozenset({Stored.RECIPE, Stored.SUBRECIPE})
_KIND_AT = 28


def affected(store: ObjectStore, bad: Iterable[bytes]) -> dict[bytes, tuple[str, ...]]:
    """Return object id → refs (`name@version`) of the versions that need it, removed ones included.

    Cost: reads every tree and every recipe once; only for a store that is damaged.
    """
    found: dict[bytes, set[str]] = {object_id: set() for object_id in bad}
    if not found:
        return {}
    with store.index.read() as txn:
        below = Below(store, txn, set(found))
        for version in refs.all_versions(txn):
            if version.state is State.COLLECTED:
                continue
            for object_id in below.content(version.content) | below.blob(version.record.id.raw):
                found[object_id].add(version.ref)
    return {object_id: tuple(sorted(names)) for object_id, names in found.items()}


def needed_by_recipes(store: ObjectStore, txn: Txn, bad: set[bytes]) -> dict[bytes, frozenset[bytes]]:
    """Return id → which of `bad` it is or needs, for `bad` itself and for blobs of many chunks."""
    needs = {object_id: frozenset({object_id}) for object_id in bad}
    parts: dict[bytes, list[bytes]] = {}
    for object_id, row in txn.scan(txn.tables.objects):
        if row[_KIND_AT] in _RECIPES:
            parts[object_id] = _parts(store, object_id, ObjectRow.decode(row), needs)
    changed = True
    while changed:  # once for each level of recipes, and there are three at most
        changed = False
        for object_id, ids in parts.items():
            below = needs.get(object_id, frozenset()).union(*(needs[one] for one in ids if one in needs))
            if below and below != needs.get(object_id):
                needs[object_id] = below
                changed = True
    return needs


def _parts(
    store: ObjectStore, object_id: bytes, row: ObjectRow, needs: dict[bytes, frozenset[bytes]]
) -> list[bytes]:
    """List what a recipe names and is in question: other recipes, and chunks that are bad."""
    try:
        frame = store.read_frame(row)
        recipe = decode_recipe(frame[row.offset : row.offset + row.size])
    except CasError:
        return [object_id]
    if recipe.level:
        return [part.id for part in recipe.parts]
    return [part.id for part in recipe.parts if part.id in needs]


class Below:
    """Which bad objects a content needs; each tree is read once, and nothing at all if none is bad."""

    def __init__(self, store: ObjectStore, txn: Txn, bad: set[bytes]) -> None:
        self._store = store
        self._needs = needed_by_recipes(store, txn, bad) if bad else {}
        self._trees: dict[bytes, frozenset[bytes]] = {}

    def content(self, content: Content) -> frozenset[bytes]:
        """Return what a version's content needs."""
        if not self._needs:
            return frozenset()
        return self.tree(content.id.raw) if content.is_directory else self.blob(content.id.raw)

    def blob(self, object_id: bytes) -> frozenset[bytes]:
        """Return what a blob needs."""
        return self._needs.get(object_id, frozenset())

    def tree(self, root: bytes) -> frozenset[bytes]:
        """Return what a tree needs. Children first and no recursion: a tree may be deeper than the stack."""
        stack: list[tuple[bytes, list[bytes], set[bytes]]] = []
        self._open(root, stack)
        while stack:
            tree, waiting, needs = stack[-1]
            if waiting:
                child = waiting.pop()
                if child in self._trees:
                    needs |= self._trees[child]
                else:
                    waiting.append(child)
                    self._open(child, stack)
                continue
            stack.pop()
            self._trees[tree] = frozenset(needs)
        return self._trees[root]

    def _open(self, tree: bytes, stack: list[tuple[bytes, list[bytes], set[bytes]]]) -> None:
        needs = set(self.blob(tree))
        waiting: list[bytes] = []
        try:
            entries = self._store.tree(TreeId(tree))
        except CasError:
            entries = []  # damaged or missing: it is in `bad` itself
        for entry in entries:
            if entry.kind is Kind.DIRECTORY:
                waiting.append(entry.id)
            elif entry.kind is not Kind.SYMLINK:
                needs |= self.blob(entry.id)
        stack.append((tree, waiting, needs))
