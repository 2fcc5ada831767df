"""Which packs the index knows: publishing a sealed pack, and taking its objects into the index.

A pack gets its final name only inside the write transaction that registers it. So whoever holds
the index's writer lock knows that a file under `packs/` which has no row was left by a dead or failed
owner, and may delete it.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from cas import fs
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


def register(
    txn: Txn, pack: SealedPack, *, session: bytes, with_metadata: bool = True
) -> tuple[int, list[bytes]]:
    """Add the pack and its objects to the index.

    An object that the index has already keeps its row: the copy in this pack is garbage from the start.
    Without metadata only rows of kind DATA go in (index invariant 5).

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
    row = PackRow(
        id=pack.id.raw,
        session=session,
        file_size=pack.file_size,
        raw_size=pack.raw_size,
        object_count=pack.footer.object_count,
        live_count=added,
    )
    txn.put(txn.tables.packs, PACK_NUMBER.pack(number), row.encode())
    elsewhere = [] if added == len(rows) else [key for key, value in rows if txn.get(objects, key) != value]
    return number, elsewhere


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
