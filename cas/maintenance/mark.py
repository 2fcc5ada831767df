"""Marking: which stored objects are reached from some roots, each looked at once.

Theory of operation
-------------------
A mark is one small number for each object of each pack: who reached it, 0 for nobody. A row of the index
names pack and position, so marking needs no set of ids, and memory is a byte per object. (A bit would do
for gc alone, but arrays count and compare at C speed, and owners tell *whose* bytes would be freed.)

What is reached is looked up in large batches, because a lookup costs 2 µs and a scan of the whole table
0.3 µs a row: a batch that asks for more than a sixth of all rows is answered by a scan. Trees and recipes
are read in the order in which they lie in packs, so a frame full of small trees is decompressed once.

Invariants
1. Every tree that is read is verified: a damaged tree that still decodes must never make gc believe that
   its children are gone. A recipe cannot be verified by itself, but a damaged one names chunks that do
   not exist.
2. Hence what is missing or damaged below live roots is reported, and whoever would free something stops.
3. An object is entered at most once for each owner, and at most twice in all when owners share.
"""

from __future__ import annotations

from array import array
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cas.errors import CasError, CorruptError
from cas.ids import Kind
from cas.objects.recipe import decode_recipe
from cas.objects.rows import PACK_NUMBER, ObjectRow, PackRow, Stored
from cas.objects.store import PackGoneError, check
from cas.objects.tree import Entry
from cas.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.progress import Progress

SETTLED: Final = 1
"""The mark of what nobody needs to look at again: live for gc, shared between owners for statistics."""

_NEVER_READ: Final = frozenset({Stored.DATA, Stored.RECORD})
_trees = msgspec.msgpack.Decoder(list[Entry])  # without `decode_tree`'s checks: the hash says it is our own
_place = Struct(">II").unpack_from
_KIND_AT: Final = 28
_READ_BATCH: Final = 4096
_LOOK_UP_BATCH: Final = 64 * 1024
_CODES: Final = ((0xFF, "B"), (0xFFFF, "H"), (0xFFFF_FFFF, "L"))
_SCAN_FROM: Final = 6
"""A scan of all rows is cheaper than lookups when more than one row in this many is asked for."""


class Marks(dict[int, "array[int]"]):
    """Pack number → who reached each of its objects, by position."""

    def __init__(self, owner_count: int = 1) -> None:
        """Make room for the owners 1 to `owner_count`."""
        super().__init__()
        self._code = next(code for largest, code in _CODES if owner_count <= largest)
        self.sizes: dict[int, int] = {}
        """Pack number → how many objects it holds."""

    def learn_packs(self, txn: Txn) -> dict[int, PackRow]:
        """Read the table of packs, those registered since the last time included."""
        rows = {
            PACK_NUMBER.unpack(key)[0]: PackRow.decode(value) for key, value in txn.scan(txn.tables.packs)
        }
        self.sizes.update((number, row.object_count) for number, row in rows.items())
        return rows

    def __missing__(self, pack: int) -> array[int]:
        """Start an empty mark for a pack that the index knows."""
        marks = array(self._code)
        marks.frombytes(bytes(marks.itemsize * self.sizes[pack]))
        self[pack] = marks
        return marks

    def count(self, pack: int) -> int:
        """Objects of `pack` that are settled."""
        return self[pack].count(SETTLED) if pack in self else 0


class Walk:
    """Follows references from roots, in one transaction at a time."""

    def __init__(
        self,
        store: ObjectStore,
        txn: Txn,
        marks: Marks,
        progress: Progress | None = None,
        *,
        shares: bool = False,
    ) -> None:
        """With `shares`, what a second owner reaches becomes settled; without, the first one keeps it.

        What the owner SETTLED reaches is settled, whoever reached it before.
        """
        self._store = store
        self._txn = txn
        self._marks = marks
        self._progress = progress or Silent()
        self._shares = shares
        self._owner = SETTLED
        self._wanted: set[bytes] = set()
        self._unread: list[tuple[bytes, bytes]] = []
        self.missing: set[bytes] = set()
        """Ids that something refers to and the index does not have."""
        self.damaged: dict[bytes, CasError] = {}
        """Trees and recipes that could not be read."""
        self.packs = marks.learn_packs(txn)

    def reach(self, roots: Iterable[bytes], owner: int = SETTLED) -> None:
        """Mark `roots` and everything below them as reached by `owner`.

        Raises:
            CorruptError: The index contradicts itself.
        """
        self._owner = owner
        for root in roots:
            self._want(root)
        while self._wanted or self._unread:
            if self._unread:
                self._read_batch()
            else:
                self._look_up_wanted()

    def _want(self, object_id: bytes) -> None:
        self._wanted.add(object_id)
        if len(self._wanted) >= _LOOK_UP_BATCH:
            self._look_up_wanted()

    def _look_up_wanted(self) -> None:
        wanted, self._wanted = self._wanted, set()
        objects, count = self._txn.tables.objects, 0
        with self._txn.raw.cursor(db=objects) as cursor:
            if len(wanted) * _SCAN_FROM > self._txn.count(objects):
                if cursor.first():
                    count = self._enter(row for row in cursor if row[0] in wanted)
            else:
                count = self._enter(cursor.getmulti(sorted(wanted)))
        if count < len(wanted):
            get = self._txn.raw.get
            self.missing.update(object_id for object_id in wanted if get(object_id, db=objects) is None)

    def _enter(self, rows: Iterable[Any]) -> int:
        """Mark the objects of these rows, and keep trees and recipes to be read; how many rows there were."""
        all_marks, owner = self._marks, self._owner
        settles = self._shares or owner == SETTLED
        unread, count, new = self._unread, 0, 0
        for item in rows:
            count += 1
            row = item[1]
            pack, position = _place(row)
            try:
                marks = all_marks[pack]
                old = marks[position]
            except (KeyError, IndexError) as error:
                raise _no_such_place(item[0], pack, position) from error
            if old and (not settles or old in (owner, SETTLED)):
                continue
            marks[position] = SETTLED if old else owner
            new += 1
            if row[_KIND_AT] not in _NEVER_READ:
                unread.append(item)
        self._progress.advance(new)
        return count

    def _read_batch(self) -> None:
        batch = self._unread[-_READ_BATCH:]
        del self._unread[-_READ_BATCH:]
        batch.sort(key=lambda item: item[1][:4] + item[1][8:12])  # by pack and frame
        for object_id, row in batch:
            try:
                data = self._read(object_id, ObjectRow.decode(row))
                self._descend(row[_KIND_AT], data)
            except CasError as error:
                self.damaged[object_id] = error

    def _descend(self, kind: int, data: bytes) -> None:
        if kind == Stored.TREE:
            self._wanted.update([entry.id for entry in _trees.decode(data) if entry.kind is not Kind.SYMLINK])
        else:
            self._wanted.update([part.id for part in decode_recipe(data).parts])
        if len(self._wanted) >= _LOOK_UP_BATCH:
            self._look_up_wanted()

    def _read(self, object_id: bytes, row: ObjectRow) -> bytes:
        try:
            frame = self._store.read_frame(row)
        except PackGoneError:  # gc of another process, when this one only looks
            row = self._store.find(object_id)
            frame = self._store.read_frame(row)
        data = frame[row.offset : row.offset + row.size]
        check(object_id, row.kind, data)  # invariant 1
        return data


def _no_such_place(object_id: bytes, pack: int, position: int) -> CorruptError:
    return CorruptError(
        "cannot trust the index",
        code="index-damaged",
        why=f"'{object_id.hex()}' should be object {position} of pack {pack}, which has no such place",
        hint="run `cas recover` to rebuild it from the packs",
    )


def refuse_damage(walk: Walk, what: str) -> None:
    """Stop if live versions refer to what is not there (invariant 2).

    Raises:
        CorruptError: They do.
    """
    if walk.damaged:
        object_id, error = next(iter(walk.damaged.items()))
        why = f"{len(walk.damaged)} trees or recipes cannot be read, such as {object_id.hex()}: {error}"
    elif walk.missing:
        why = f"{len(walk.missing)} objects are missing, such as {min(walk.missing).hex()}"
    else:
        return
    hint = "run `cas verify --repair`; what it cannot repair, remove or commit again"
    raise CorruptError(what, code="store-damaged", why=why, hint=hint)
