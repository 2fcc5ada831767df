"""Repair: good bytes in the place of bad ones, and an index that promises nothing it cannot keep.

Theory of operation
-------------------
What can still be read of a pack at fault is copied into a new one, like what was found elsewhere
(`rescue`). Then one write transaction makes the index point at the new packs, and takes out the rows of
objects that nobody could bring back. A row that stayed would let the next commit of the same bytes
"deduplicate" against nothing; without it, committing the source again stores them again and heals every
version that needs them. For the same reason the stat cache is emptied and the epoch moves: a commit that is
running looks again. The packs at fault are moved to `.cas/damaged/`, as evidence, and are never read again.
"""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.ids import PackId
from cas.maintenance import leftovers
from cas.maintenance.inspect import Findings, Place, read_objects, rows_in
from cas.maintenance.rescue import Rescue, Salvage
from cas.objects.pack import index_rows
from cas.objects.registry import publish
from cas.objects.rows import NO_SESSION, PACK_NUMBER, PackRow, encode_object
from cas.objects.session import Session, live_sessions

if TYPE_CHECKING:
    from pathlib import Path

    from cas.config import Chunking
    from cas.layout import Layout
    from cas.objects.index import Txn
    from cas.objects.packwriter import SealedPack
    from cas.objects.store import ObjectStore
    from cas.progress import Progress

log = logging.getLogger(__name__)

_KIND_AT: Final = 7
_NO_PACK: Final = -1


def repair(store: ObjectStore, found: Findings, chunking: Chunking, progress: Progress) -> None:
    """Mend what can be mended of `found`.

    Everything bad is looked for, whether or not a version is known to need it: what a lost tree needs is
    not known before the tree is found. The caller holds `gc.lock`, and looks again afterwards.
    """
    owned = _owned(store.layout, found)
    with store.index.read() as txn:
        homes = {object_id: _home(txn, object_id) for object_id in found.object_faults}
        bad = {object_id for object_id, home in homes.items() if home not in owned}
        faulty = (found.pack_faults.keys() | homes.values()) - owned - {_NO_PACK}
        places = list(rows_in(txn, faulty)) if faulty else []
    with Session.start(store.layout) as session:
        salvage = Salvage(session)
        try:
            _evacuate(store, found, places, bad, salvage)
            Rescue(store, salvage, set(bad)).run(found.packs, chunking, progress)
            packs = salvage.finish()
        finally:
            salvage.discard()
        store.index.write(lambda txn: _replace(store, txn, packs, faulty, bad - salvage.saved))
    fs.reached("repair.replaced")
    store.close()
    for number in sorted(faulty & found.packs.keys()):
        quarantine(store.layout, store.layout.pack(PackId(found.packs[number].id)))


def _owned(layout: Layout, found: Findings) -> set[int]:
    """List the packs of running sessions: they are left alone, because their owner counts on them."""
    live = live_sessions(layout)
    return {number for number, row in found.packs.items() if row.session in live}


def _home(txn: Txn, object_id: bytes) -> int:
    row = txn.get(txn.tables.objects, object_id)
    return _NO_PACK if row is None else int(PACK_NUMBER.unpack_from(row)[0])


def _evacuate(
    store: ObjectStore, found: Findings, places: list[tuple[bytes, Place]], bad: set[bytes], salvage: Salvage
) -> None:
    """Copy what is good out of packs at fault; what turns out bad on the way joins `bad`."""
    by_pack: dict[int, list[tuple[bytes, Place]]] = {}
    for object_id, place in places:
        by_pack.setdefault(place[0], []).append((object_id, place))
    for number, live in by_pack.items():
        bad.update(object_id for object_id, _ in live)
        path = store.layout.pack(PackId(found.packs[number].id))
        with contextlib.suppress(OSError):  # the file is not there: all of it is bad
            for object_id, place, data in read_objects(path, live):
                if isinstance(data, bytes) and object_id not in found.object_faults:
                    salvage.add(object_id, place[_KIND_AT], data)
                    bad.discard(object_id)


def _replace(
    store: ObjectStore, txn: Txn, packs: list[SealedPack], faulty: set[int], lost: set[bytes]
) -> None:
    """Point the index at the new packs and drop what is lost, in one transaction."""
    objects = txn.tables.objects
    for pack in packs:
        publish(store.layout, pack)
        number = txn.number(b"next_pack")
        txn.set_number(b"next_pack", number + 1)
        for object_id, place in index_rows(pack.footer, number):
            txn.put(objects, object_id, encode_object(*place))
        count = pack.footer.object_count
        row = PackRow(pack.id.raw, NO_SESSION, pack.file_size, pack.raw_size, count, count)
        txn.put(txn.tables.packs, PACK_NUMBER.pack(number), row.encode())
    for object_id in lost:
        if _home(txn, object_id) in faulty:  # else a commit has stored it again meanwhile
            txn.delete(objects, object_id)
    for number in faulty:
        txn.delete(txn.tables.packs, PACK_NUMBER.pack(number))
    recount(txn)
    txn.raw.drop(txn.tables.stat, delete=False)
    txn.set_number(b"epoch", txn.epoch + 1)
    leftovers.note_stale_caches(txn)


def recount(txn: Txn) -> None:
    """Set in every row of `packs` how many rows of `objects` point at it."""
    counts: dict[bytes, int] = {}
    for _, row in txn.scan(txn.tables.objects):
        key = row[: PACK_NUMBER.size]
        counts[key] = counts.get(key, 0) + 1
    for key, value in list(txn.scan(txn.tables.packs)):
        pack = PackRow.decode(value)
        if pack.live_count != counts.get(key, 0):
            txn.put(txn.tables.packs, key, replace(pack, live_count=counts.get(key, 0)).encode())


def quarantine(layout: Layout, path: Path) -> None:
    """Move a damaged pack out of the way; keep it for whoever wants to know what happened."""
    folder = layout.damaged
    folder.mkdir(exist_ok=True)
    try:
        os.rename(path, folder / path.name)
    except FileNotFoundError:
        return  # that was what is wrong with it
    log.warning("moved the damaged pack to '%s'", folder / path.name)
