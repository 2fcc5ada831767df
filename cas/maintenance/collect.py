"""gc: free what no live version needs, exactly, while others commit.

Theory of operation
-------------------
1. *Leftovers* of dead processes go first: that needs no room on a full disk.
2. *Census* (`census`), from a read snapshot and without any lock: everything live is marked, and what the
   symlinks of checkouts lead to (`linked`); what is left over is condemned. Commits that happen meanwhile
   are caught up with before the lock is taken, too.
3. *Flip*, one write transaction: what was committed or restored since is marked, the condemned rows that
   are still unmarked are deleted, versions whose content goes become tombstones, the epoch moves.
4. *Sweep* (`sweep`): packs without a row are unlinked, thin ones rewritten. Index first, bytes last.
5. *Caches* that knew the freed objects are cleared; the journal becomes a snapshot if it has grown long.

Between any two steps the store is whole, so a crash costs nothing but the space until the next run.
`tests/models/gc_protocol.py` checks the steps against commits, removals, readers and crashes in every
interleaving; `docs/decisions/0005-gc-protocol.md` says why they are as they are.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.ids import VersionId
from cas.maintenance import census as taking
from cas.maintenance import exclusive, leftovers, reserve, sweep
from cas.maintenance.mark import SETTLED, Walk
from cas.objects.registry import lose_objects
from cas.progress import Silent
from cas.versions import rows
from cas.versions.events import Collected, VersionEvent
from cas.versions.ledger import since
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from cas.maintenance.census import Census, Doomed, FreedVersion
    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.progress import Progress
    from cas.versions.ledger import Ledger
    from cas.versions.rows import VersionRow

log = logging.getLogger(__name__)

_WHAT: Final = "cannot collect garbage"
_SILENT: Final = Silent()
_CATCH_UPS: Final = 3
_FAR_FUTURE_NS: Final = 1 << 63
_LONG_JOURNAL: Final = 16 * 1024 * 1024
_EVENTS_PER_VERSION: Final = 4


@dataclass(frozen=True, slots=True)
class GcReport:
    """What gc freed, or would free."""

    freed: tuple[FreedVersion, ...]
    """Removed versions whose content went; they cannot be restored any more."""
    objects_deleted: int
    packs_deleted: int
    packs_rewritten: int
    bytes_freed: int
    """Bytes of the disk; an estimate for a dry run."""
    live_objects: int
    dry_run: bool
    leftovers: int
    """Files and folders of dead processes, and old copies of the index."""
    notes: tuple[str, ...] = ()
    """What was kept and why, and what went wrong in hooks."""


def gc(  # noqa: PLR0913 - the facade hands on what the command line gives
    store: ObjectStore,
    ledger: Ledger,
    *,
    now_ns: int,
    keep_removed: timedelta | None = None,
    dry_run: bool = False,
    progress: Progress = _SILENT,
) -> GcReport:
    """Free the space of what no live version needs.

    Args:
        store: The objects.
        ledger: Where the tombstones are recorded.
        now_ns: The time, in nanoseconds since 1970.
        keep_removed: Spare versions that were removed less than this ago; None spares none.
        dry_run: Only say what would be freed.
        progress: Told about objects as they are marked.

    Raises:
        ConflictError: Another gc, repair or recovery is running.
        CorruptError: A live version is damaged, so that nobody can tell what it needs. Nothing was freed.
        StorageError: The disk is so full that not even the index can be written.
    """
    before_ns = _FAR_FUTURE_NS if keep_removed is None else now_ns - round(keep_removed.total_seconds() * 1e9)
    with exclusive.hold(store.layout, _WHAT), fs.explained(_WHAT):
        if dry_run:
            return _preview(store, before_ns, progress)
        reserve.release(store.layout)
        try:
            return _collect(store, ledger, now_ns, before_ns, progress)
        finally:
            reserve.create(store.layout)


def _preview(store: ObjectStore, before_ns: int, progress: Progress) -> GcReport:
    found = leftovers.preview(store.layout, store.index)
    census = taking.take(store, before_ns, progress)
    planned = sweep.plan(store.layout, census)
    return GcReport(
        freed=census.freed,
        objects_deleted=census.condemned_count,
        packs_deleted=len(planned.empty),
        packs_rewritten=len(planned.rewrite),
        bytes_freed=planned.garbage_size + found.size,
        live_objects=census.live_count,
        dry_run=True,
        leftovers=found.count,
        notes=found.notes + _kept(census),
    )


def _collect(store: ObjectStore, ledger: Ledger, now_ns: int, before_ns: int, progress: Progress) -> GcReport:
    cleared = leftovers.clear(store.layout, store.index)
    census = taking.take(store, before_ns, progress)
    freed, deleted = flip(store, ledger, census, now_ns)
    swept = sweep.sweep(store, census)
    leftovers.clear_caches(store)
    leftovers.forget_lost_checkouts(store.layout, store.index)
    _shorten_journal(store, ledger)
    return GcReport(
        freed=freed,
        objects_deleted=deleted,
        packs_deleted=swept.deleted_count,
        packs_rewritten=swept.rewritten_count,
        bytes_freed=swept.freed_size + cleared.size,
        live_objects=sum(map(census.marks.count, census.marks)),
        dry_run=False,
        leftovers=cleared.count,
        notes=cleared.notes + _kept(census),
    )


def _kept(census: Census) -> tuple[str, ...]:
    """Say what stays only because checkouts lead to it; whoever removed it waits for the space."""
    return tuple(
        f"kept {one.name}@{VersionId(one.version).short}: symlinks in '{one.destination}' lead to it; "
        "delete that directory, or check out something else there, and run `cas gc` again"
        for one in census.linked
    )


def flip(
    store: ObjectStore, ledger: Ledger, census: Census, now_ns: int
) -> tuple[tuple[FreedVersion, ...], int]:
    """Take what is condemned out of the index; the versions whose content went, and how many rows."""
    if not census.condemned_count and not census.doomed:
        return (), 0
    for _ in range(_CATCH_UPS):  # a long commit is marked here rather than while everybody waits
        with store.index.read() as txn:
            if txn.sequence == census.sequence:
                break
            _catch_up(txn, store, census)

    def change(txn: Txn) -> tuple[tuple[FreedVersion, ...], int]:
        _catch_up(txn, store, census)
        taken = [
            freed
            for one, freed in zip(census.doomed, census.freed, strict=True)
            if _is_still_doomed(one, rows.read_version(txn, one.key))
        ]
        deleted = _delete_condemned(txn, census)
        txn.set_number(b"epoch", txn.epoch + 1)
        leftovers.note_stale_caches(txn)
        events = [Collected(one.layer, one.name, one.version.raw) for one in taken]
        ledger.record(txn, events, now_ns)
        return tuple(taken), deleted

    result = store.index.write(change)
    fs.reached("gc.flipped")
    return result


def _catch_up(txn: Txn, store: ObjectStore, census: Census) -> None:
    """Mark what has become live since the census. Marks may stay although the transaction is run again."""
    taking.walk_versions(Walk(store, txn, census.marks), _news(txn, census))
    census.sequence = txn.sequence


def _news(txn: Txn, census: Census) -> Iterator[VersionRow]:
    """Iterate over the versions that something happened to since the census and that keep their content."""
    doomed = {one.key: one for one in census.doomed}
    keys = {
        rows.version_key(rows.ref_key(event.layer, event.name), event.version)
        for event in (entry.event for entry in since(txn, census.sequence))
        if isinstance(event, VersionEvent)
    }
    for key in sorted(keys):
        row = rows.read_version(txn, key)
        if row is None or not taking.is_kept(row):
            continue
        if key not in doomed or not _is_still_doomed(doomed[key], row):
            yield row


def _is_still_doomed(one: Doomed, row: VersionRow | None) -> bool:
    """Whether a version is still removed, and by the same removal (gc_protocol: collect-blind)."""
    return row is not None and row.state is State.REMOVED and row.removed_at_ns == one.removed_at_ns


def _delete_condemned(txn: Txn, census: Census) -> int:
    counts: Counter[int] = Counter()
    delete, objects, marks = txn.raw.delete, txn.tables.objects, census.marks
    for object_id, pack, position in census.condemned():
        if marks[pack][position] != SETTLED and delete(object_id, db=objects):
            counts[pack] += 1
    for pack, count in counts.items():
        lose_objects(txn, pack, count)
    return counts.total()


def _shorten_journal(store: ObjectStore, ledger: Ledger) -> None:
    """Write a snapshot in the place of a journal that is mostly history; the index keeps the log."""
    size = sum(path.stat().st_size for path in store.layout.journal.iterdir())
    with store.index.read() as txn:
        is_long = txn.count(txn.tables.log) > _EVENTS_PER_VERSION * txn.count(txn.tables.versions)
    if size > _LONG_JOURNAL and is_long:
        store.index.write(ledger.compact)
