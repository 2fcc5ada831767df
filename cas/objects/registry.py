"""Which packs the index knows: publishing a sealed pack, and taking its objects into the index.

A pack gets its final name only inside the write transaction that registers it. So whoever holds
the index's writer lock knows that a file under `packs/` which has no row was left by a dead or failed
owner, and may delete it.
"""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from cas import fs
from cas.ids import PackId
from cas.objects.pack import index_rows, is_metadata
from cas.objects.rows import PACK_NUMBER, PackRow, encode_object

if TYPE_CHECKING:
    from cas.layout import Layout
    from cas.objects.index import Txn
    from cas.objects.packwriter import SealedPack

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS})
_KIND = 7  # the place of the kind in a row of the index


def publish(layout: Layout, pack: SealedPack) -> None:
    """Give a sealed pack its final name, durably.

    It is linked, not renamed, where links exist: a transaction may run twice (index invariant 2), and in
    between gc may have taken the file for an orphan.
    """
    final = layout.pack(pack.id)
    fs.make_directory(layout.packs)  # deleted as a whole, it comes back: committing again mends what was lost
    fs.make_directory(final.parent)
    try:
        os.link(pack.path, final)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.rename(pack.path, final)
    fs.fsync_directory(final.parent)
    fs.reached("pack.renamed")


def broken_packs(layout: Layout, txn: Txn) -> frozenset[int]:
    """Numbers of the packs whose file is missing or has another size: what they hold must be stored again.

    Cost: one `stat` for each pack. One that gc drops meanwhile may be named too, which does no harm.
    """
    broken = set()
    for key, value in txn.scan(txn.tables.packs):
        row = PackRow.decode(value)
        try:
            is_whole = os.stat(layout.pack(PackId(row.id))).st_size == row.file_size
        except FileNotFoundError:
            is_whole = False
        if not is_whole:
            broken.add(PACK_NUMBER.unpack(key)[0])
    return frozenset(broken)


def register(
    txn: Txn,
    pack: SealedPack,
    *,
    session: bytes,
    with_metadata: bool = True,
    broken: frozenset[int] = frozenset(),
) -> tuple[int, list[bytes]]:
    """Add the pack and its objects to the index.

    An object that the index has already keeps its row, unless that points into a `broken` pack: the copy in
    this pack is garbage from the start. Without metadata only rows of kind DATA go in (index invariant 5).

    Returns:
        The pack's number, and the ids that keep a row of another pack.
    """
    number = txn.number(b"next_pack")
    txn.set_number(b"next_pack", number + 1)
    rows = [
        (object_id, encode_object(*row))
        for object_id, row in index_rows(pack.footer, number)
        if with_metadata or not is_metadata(row[_KIND])
    ]
    objects = txn.tables.objects
    with txn.raw.cursor(db=objects) as cursor:
        _, added = cursor.putmulti(rows, dupdata=False, overwrite=False)
    elsewhere = [] if added == len(rows) else [row for row in rows if txn.get(objects, row[0]) != row[1]]
    rescued = [row for row in elsewhere if _pack_of(txn, row[0]) in broken] if broken else []
    for object_id, encoded in rescued:
        lose_objects(txn, _pack_of(txn, object_id), 1)
        txn.put(objects, object_id, encoded)
    row = PackRow(
        id=pack.id.raw,
        session=session,
        file_size=pack.file_size,
        raw_size=pack.raw_size,
        object_count=pack.footer.object_count,
        live_count=added + len(rescued),
    )
    txn.put(txn.tables.packs, PACK_NUMBER.pack(number), row.encode())
    ours = {object_id for object_id, _ in rescued}
    return number, [object_id for object_id, _ in elsewhere if object_id not in ours]


def _pack_of(txn: Txn, object_id: bytes) -> int:
    row = txn.get(txn.tables.objects, object_id)
    assert row is not None, "it was found in this transaction"
    return int(PACK_NUMBER.unpack_from(row)[0])


def lose_objects(txn: Txn, number: int, count: int) -> None:
    """Note that `count` rows no longer point at a pack."""
    key = PACK_NUMBER.pack(number)
    stored = txn.get(txn.tables.packs, key)
    if stored is not None and count:
        row = PackRow.decode(stored)
        txn.put(txn.tables.packs, key, replace(row, live_count=row.live_count - count).encode())


def release(txn: Txn, number: int, session: bytes) -> None:
    """Mark that a pack no longer belongs to a running session."""
    key = PACK_NUMBER.pack(number)
    stored = txn.get(txn.tables.packs, key)
    assert stored is not None, "packs of a live session are never swept"
    row = PackRow.decode(stored)
    txn.put(txn.tables.packs, key, replace(row, session=session).encode())
