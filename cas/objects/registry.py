"""Which packs the index knows: publishing a sealed pack, and taking its objects into the index.

A pack is renamed to its final name only inside the write transaction that registers it. So whoever holds
the index's writer lock knows that a file under `packs/` which has no row was left by a dead or failed
owner, and may delete it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas import fs
from cas.objects.pack import index_rows, is_metadata
from cas.objects.rows import PACK_NUMBER, PackRow, encode_object

if TYPE_CHECKING:
    from cas.layout import Layout
    from cas.objects.index import Txn
    from cas.objects.packwriter import SealedPack

_KIND = 7  # the place of the kind in a row of the index


def publish(layout: Layout, pack: SealedPack) -> None:
    """Give a sealed pack its final name, durably. May be repeated (index invariant 2)."""
    final = layout.pack(pack.id)
    if final.exists():
        return
    fs.make_directory(final.parent)
    os.rename(pack.path, final)
    fs.fsync_directory(final.parent)
    fs.reached("pack.renamed")


def register(txn: Txn, pack: SealedPack, *, session: bytes, with_metadata: bool = True) -> int:
    """Add the pack and its objects to the index; returns its number.

    An object that the index has already keeps its row: the copy in this pack is garbage from the start.
    Without metadata only rows of kind DATA go in (index invariant 5).
    """
    number = txn.number(b"next_pack")
    txn.set_number(b"next_pack", number + 1)
    rows = [
        (object_id, encode_object(*row))
        for object_id, row in index_rows(pack.footer, number)
        if with_metadata or not is_metadata(row[_KIND])
    ]
    with txn.raw.cursor(db=txn.tables.objects) as cursor:
        _, added = cursor.putmulti(rows, dupdata=False, overwrite=False)
    row = PackRow(
        id=pack.id.raw,
        session=session,
        file_size=pack.file_size,
        raw_size=pack.raw_size,
        object_count=pack.footer.object_count,
        live_count=added,
    )
    txn.put(txn.tables.packs, PACK_NUMBER.pack(number), row.encode())
    return number


def release(txn: Txn, number: int, session: bytes) -> None:
    """Mark that a pack no longer belongs to a running session."""
    key = PACK_NUMBER.pack(number)
    stored = txn.get(txn.tables.packs, key)
    assert stored is not None, "packs of a live session are never swept"
    row = PackRow.decode(stored)
    txn.put(
        txn.tables.packs,
        key,
        PackRow(row.id, session, row.file_size, row.raw_size, row.object_count, row.live_count).encode(),
    )
