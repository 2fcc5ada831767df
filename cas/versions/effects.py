r"""Effects: the one function that makes events happen, and the way back from tables to events.

Theory of operation
-------------------
The tables `refs`, `versions`, `tags`, `properties`, `dependents` and `whiteouts` are what is left after all
events have been applied in order to empty tables. A command applies its events in its own transaction;
`recover` applies the journal's. Both go through `apply`, so there is no second opinion about what an event
means.

States of one (layer, name, version):

    (none) --Committed--> LIVE --Removed--> REMOVED --Collected--> COLLECTED
                           ^  ^---Restored----/                        /
                            \--------------Committed------------------/

Invariants
1. The order of a name holds its live versions and no others; the current version is its last.
2. A row of `tags` names a live version, and that version's row lists the tag.
3. `properties` and `dependents` hold rows of live versions only.
4. An event for a version that already is what the event makes it changes nothing: a replay is harmless.
5. A path has one whiteout at most in a layer, and its sequence is that of the last event that hid the path.
   What a layer holds under a higher sequence is newer than its whiteout; the view shows it again.

`apply` guards what would break an invariant, not what would be unwise: whether a version that others
depend on may go is for the command to ask before it records the event.
"""

from __future__ import annotations

from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from cas.errors import ConflictError, NotFoundError
from cas.versions import rows
from cas.versions.events import (
    AnyVersionEvent,
    Collected,
    Committed,
    Entry,
    Hidden,
    Kept,
    Removed,
    Renewed,
    Restored,
    Tagged,
    Unhidden,
    Untagged,
    VersionEvent,
)
from cas.versions.record import Record
from cas.versions.rows import RefRow, VersionRow, WhiteoutRow
from cas.versions.times import to_microseconds
from cas.versions.values import fingerprint
from cas.versions.version import State, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.objects.index import Txn


def apply(txn: Txn, entry: Entry) -> None:
    """Change the tables as `entry` says. The log itself is the caller's.

    Raises:
        NotFoundError: The event is about a version that was never committed, or whose content is gone.
        ConflictError: A live version would get other content without saying that it replaces.
    """
    match entry.event:
        case Hidden() as event:
            row = WhiteoutRow(entry.sequence, entry.at_ns, event.is_opaque)
            rows.write_whiteout(txn, rows.whiteout_key(event.layer, event.path), row)
        case Unhidden() as event:
            rows.delete_whiteout(txn, rows.whiteout_key(event.layer, event.path))
        case event:
            _apply_to_version(txn, entry, event)


def _apply_to_version(txn: Txn, entry: Entry, event: AnyVersionEvent) -> None:
    ref = rows.ref_key(event.layer, event.name)
    match event:
        case Committed():
            _commit(txn, ref, event, entry.sequence)
        case Renewed():
            _renew(txn, ref, event, entry.sequence)
        case Tagged():
            _tag(txn, ref, event)
        case Untagged():
            _untag(txn, ref, event)
        case Removed():
            _leave(txn, ref, event, State.REMOVED, entry.at_ns)
        case Collected():
            _leave(txn, ref, event, State.COLLECTED, entry.at_ns)
        case Restored():
            _restore(txn, ref, event)
        case Kept():  # pragma: no branch - there are no other events
            _keep(txn, ref, event, entry.sequence)


def _commit(txn: Txn, ref: bytes, event: Committed, sequence: int) -> None:
    key = rows.version_key(ref, event.version)
    old = rows.read_version(txn, key)
    tags: list[str] = []
    if old is not None and old.state is State.LIVE:
        if not event.replaces:
            _refuse_other_content(event, old)
        tags = old.tags
        _unlink(txn, ref, key, old)
    _link(txn, ref, key, VersionRow(sequence, State.LIVE, 0, tags, event.record))


def _refuse_other_content(event: Committed, old: VersionRow) -> None:
    was, now = Record.decode(old.record).content, Record.decode(event.record).content
    if was != now:
        raise ConflictError(
            f"cannot commit '{event.ref}'",
            code="version-conflict",
            why=f"this version has content {was}, and the new content is {now}",
            hint="decide with --on-conflict keep or --on-conflict replace",
        )


def _renew(txn: Txn, ref: bytes, event: Renewed, sequence: int) -> None:
    key, row = _existing(txn, ref, event)
    if row.state is not State.LIVE:
        raise unavailable(event.ref, row.state)
    _unlink(txn, ref, key, row)
    _link(txn, ref, key, msgspec.structs.replace(row, sequence=sequence))


def _tag(txn: Txn, ref: bytes, event: Tagged) -> None:
    key, row = _existing(txn, ref, event)
    if row.state is not State.LIVE:
        raise unavailable(event.ref, row.state)
    tag_key = rows.tag_key(ref, event.tag)
    holder = txn.get(txn.tables.tags, tag_key)
    if holder == event.version:
        return
    if holder is not None:
        _drop_tag(txn, rows.version_key(ref, holder), event.tag)
    txn.put(txn.tables.tags, tag_key, event.version)
    rows.write_version(txn, key, msgspec.structs.replace(row, tags=sorted({*row.tags, event.tag})))


def _untag(txn: Txn, ref: bytes, event: Untagged) -> None:
    tag_key = rows.tag_key(ref, event.tag)
    if txn.get(txn.tables.tags, tag_key) == event.version:
        txn.delete(txn.tables.tags, tag_key)
        _drop_tag(txn, rows.version_key(ref, event.version), event.tag)


def _drop_tag(txn: Txn, key: bytes, tag: str) -> None:
    row = rows.read_version(txn, key)
    assert row is not None, "invariant 2"
    rows.write_version(txn, key, msgspec.structs.replace(row, tags=[x for x in row.tags if x != tag]))


def _leave(txn: Txn, ref: bytes, event: Removed | Collected, state: State, at_ns: int) -> None:
    key, row = _existing(txn, ref, event)
    if row.state is state or row.state is State.COLLECTED:
        return
    if row.state is State.LIVE:
        _unlink(txn, ref, key, row)
    removed_at_ns = row.removed_at_ns or at_ns
    tags = row.tags if state is State.REMOVED else []
    rows.write_version(txn, key, VersionRow(row.sequence, state, removed_at_ns, tags, row.record))


def _restore(txn: Txn, ref: bytes, event: Restored) -> None:
    key, row = _existing(txn, ref, event)
    if row.state is State.LIVE:
        return
    if row.state is State.COLLECTED:
        raise unavailable(event.ref, row.state)
    free = [tag for tag in row.tags if txn.get(txn.tables.tags, rows.tag_key(ref, tag)) is None]
    _link(txn, ref, key, VersionRow(row.sequence, State.LIVE, 0, free, row.record))


def _keep(txn: Txn, ref: bytes, event: Kept, sequence: int) -> None:
    key = rows.version_key(ref, event.version)
    row = VersionRow(sequence, event.state, event.removed_at_ns, event.tags, event.record)
    if event.state is State.LIVE:  # nothing is there yet: a snapshot comes before all else
        _link(txn, ref, key, row)
    else:
        rows.write_version(txn, key, row)


def _existing(txn: Txn, ref: bytes, event: VersionEvent) -> tuple[bytes, VersionRow]:
    key = rows.version_key(ref, event.version)
    row = rows.read_version(txn, key)
    if row is None:
        raise NotFoundError(
            f"cannot find '{event.ref}'",
            code="no-such-version",
            why=f"it was never committed to layer '{event.layer}'",
        )
    return key, row


def _link(txn: Txn, ref: bytes, key: bytes, row: VersionRow) -> None:
    """Enter a live version into every table. Cost: constant, but for its properties, inputs and tags."""
    version = rows.split_version_key(key)[1].raw
    rows.write_version(txn, key, row)
    txn.put(txn.tables.versions, rows.order_key(ref, row.sequence), version)
    for table, index_key in _index_keys(txn, key, row):
        txn.put(table, index_key, b"")
    for tag in row.tags:
        txn.put(txn.tables.tags, rows.tag_key(ref, tag), version)
    _recount(txn, ref, +1)


def _unlink(txn: Txn, ref: bytes, key: bytes, row: VersionRow) -> None:
    """Take a live version out of every table but its own row, which the caller writes."""
    txn.delete(txn.tables.versions, rows.order_key(ref, row.sequence))
    for table, index_key in _index_keys(txn, key, row):
        txn.delete(table, index_key)
    for tag in row.tags:
        txn.delete(txn.tables.tags, rows.tag_key(ref, tag))
    _recount(txn, ref, -1)


def _index_keys(txn: Txn, key: bytes, row: VersionRow) -> Iterator[tuple[object, bytes]]:
    record = Record.decode(row.record)
    for name, value in record.properties.items():
        yield txn.tables.properties, fingerprint(name, value) + key
    for version in record.inputs.values():
        yield txn.tables.dependents, version.raw + key


def _recount(txn: Txn, ref: bytes, change: int) -> None:
    """Bring the row of `refs` up to date; invariant 1."""
    old = rows.read_ref(txn, ref)
    count = (old.version_count if old else 0) + change
    current = next(rows.newest_first(txn, ref), None)
    if current is None:
        txn.delete(txn.tables.refs, ref)
    else:
        rows.write_ref(txn, ref, RefRow(current, count))


def snapshot(txn: Txn) -> Iterable[Entry]:
    """Return the entries that rebuild the tables as they are, in order of sequence.

    The history before them is not among them. Memory: sequence and key of every version and whiteout.
    """
    versions = (
        (rows.decode_version(value).sequence, key, _kept)
        for key, value in txn.scan(txn.tables.versions)
        if not rows.is_order(value)
    )
    whiteouts = ((row.sequence, key, _hidden) for key, row in rows.scan_whiteouts(txn))
    places = sorted(chain(versions, whiteouts), key=itemgetter(0))
    return (make(txn, sequence, key) for sequence, key, make in places)


def _hidden(txn: Txn, sequence: int, key: bytes) -> Entry:
    row = rows.read_whiteout(txn, key)
    assert row is not None, "the caller's transaction is one snapshot"
    return Entry(sequence, row.at_ns, Hidden(*rows.split_whiteout_key(key), row.is_opaque))


def _kept(txn: Txn, sequence: int, key: bytes) -> Entry:
    row = rows.read_version(txn, key)
    assert row is not None, "the caller's transaction is one snapshot"
    ref, version = rows.split_version_key(key)
    layer, name = rows.split_ref_key(ref)
    created_ns = to_microseconds(Record.decode(row.record).created_at) * 1000
    event = Kept(layer, name, version.raw, row.record, row.state, row.removed_at_ns, row.tags)
    return Entry(sequence, created_ns, event)
