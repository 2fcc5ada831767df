r"""Events: everything that can happen to a ref, and the one function that makes it happen.

Theory of operation
-------------------
The tables `refs`, `versions`, `tags`, `properties` and `dependents` are what is left after all events have
been applied in order to empty tables. A command applies its events in its own transaction; `recover` applies
the journal's. Both go through `apply`, so there is no second opinion about what an event means.

States of one (layer, name, version):

    (none) --Committed--> LIVE --Removed--> REMOVED --Collected--> COLLECTED
                           ^  ^---Restored----/                        /
                            \--------------Committed------------------/

Invariants
1. The order of a name holds its live versions and no others; the current version is its last.
2. A row of `tags` names a live version, and that version's row lists the tag.
3. `properties` and `dependents` hold rows of live versions only.
4. An event for a version that already is what the event makes it changes nothing: a replay is harmless.

`apply` guards what would break an invariant, not what would be unwise: whether a version that others
depend on may go is for the command to ask before it records the event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from cas.errors import ConflictError, NotFoundError
from cas.ids import VersionId
from cas.versions import rows
from cas.versions.record import Record
from cas.versions.rows import RefRow, VersionRow
from cas.versions.times import to_microseconds
from cas.versions.values import fingerprint
from cas.versions.version import State, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.objects.index import Txn
    from cas.versions.version import Version


class Event(msgspec.Struct, frozen=True, tag_field="kind", gc=False):
    """What every event says: which version of which name in which layer."""

    layer: str
    name: str
    version: bytes
    """32 raw bytes."""

    @property
    def version_id(self) -> VersionId:
        """The version it is about."""
        return VersionId(self.version)

    @property
    def ref(self) -> str:
        """A spec that means the version, short enough for people."""
        return f"{self.name}@{self.version_id.short}"

    @property
    def kind(self) -> str:
        """What happened, in a word: "commit", "tag", …; the words are the wire form."""
        return str(self.__struct_config__.tag)

    @property
    def detail(self) -> str:
        """What else there is to say, for people; often nothing."""
        return ""

    @classmethod
    def on(cls, version: Version) -> Self:
        """Build the event that happens to `version`, for kinds that need to know nothing else."""
        return cls(version.layer, version.name, version.version.raw)


class Committed(Event, frozen=True, tag="commit", gc=False):
    """A version was made, or made again after its removal: it is now the newest of its name."""

    record: bytes
    replaces: bool = False
    """Other content for a live version takes the place of the old; only the log still has that."""

    @property
    def detail(self) -> str:
        """The message, and that other content was replaced."""
        message = Record.decode(self.record).message
        if not self.replaces:
            return message
        return f"replaces its content: {message}" if message else "replaces its content"

    @classmethod
    def of(cls, layer: str, record: Record, *, replaces: bool = False) -> Self:
        """Build the event from a record."""
        return cls(layer, record.name, record.version.raw, record.encode(), replaces)


class Renewed(Event, frozen=True, tag="renew", gc=False):
    """A live version was committed again with the same content: it is the newest of its name again."""


class Tagged(Event, frozen=True, tag="tag", gc=False):
    """A tag names this version now; another version of the name that had it loses it."""

    tag: str

    @property
    def detail(self) -> str:
        """The tag."""
        return self.tag


class Untagged(Event, frozen=True, tag="untag", gc=False):
    """A tag of this version is gone."""

    tag: str

    @property
    def detail(self) -> str:
        """The tag."""
        return self.tag


class Removed(Event, frozen=True, tag="remove", gc=False):
    """The version is no longer listed; its content stays until gc."""


class Restored(Event, frozen=True, tag="restore", gc=False):
    """A removed version is back in its old place, with those of its tags that are still free."""


class Collected(Event, frozen=True, tag="collect", gc=False):
    """gc took the content; the record stays as a tombstone."""


class Kept(Event, frozen=True, tag="keep", gc=False):
    """The whole state of a version, in a snapshot of the journal; the entry's sequence is its place."""

    record: bytes
    state: State
    removed_at_ns: int
    tags: list[str]


AnyEvent = Committed | Renewed | Tagged | Untagged | Removed | Restored | Collected | Kept


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event with its place in history."""

    sequence: int
    """1 for the first event of a repository, one more for each that follows."""
    at_ns: int
    """When: nanoseconds since 1970, by the clock of whoever ran the command."""
    event: AnyEvent


def apply(txn: Txn, entry: Entry) -> None:
    """Change the tables as `entry` says. The log itself is the caller's.

    Raises:
        NotFoundError: The event is about a version that was never committed, or whose content is gone.
        ConflictError: A live version would get other content without saying that it replaces.
    """
    event = entry.event
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


def _existing(txn: Txn, ref: bytes, event: Event) -> tuple[bytes, VersionRow]:
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

    The history before them is not among them. Memory: sequence and key of every version.
    """
    places = sorted(
        (rows.decode_version(value).sequence, key)
        for key, value in txn.scan(txn.tables.versions)
        if not rows.is_order(value)
    )
    return (_kept(txn, sequence, key) for sequence, key in places)


def _kept(txn: Txn, sequence: int, key: bytes) -> Entry:
    row = rows.read_version(txn, key)
    assert row is not None, "the caller's transaction is one snapshot"
    ref, version = rows.split_version_key(key)
    layer, name = rows.split_ref_key(ref)
    created_ns = to_microseconds(Record.decode(row.record).created_at) * 1000
    event = Kept(layer, name, version.raw, row.record, row.state, row.removed_at_ns, row.tags)
    return Entry(sequence, created_ns, event)
