"""The census: what is live, what removed versions alone hold, and which rows nothing needs.

It is taken from one read snapshot and changes nothing; gc acts on it, a dry run and `stats` only report it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from cas.ids import Kind
from cas.maintenance import linked
from cas.maintenance.mark import SETTLED, Marks, Walk, refuse_damage
from cas.objects.rows import NO_SESSION, Stored, decode_object
from cas.objects.session import live_sessions
from cas.versions import rows
from cas.versions.record import Record, record_id
from cas.versions.version import State
from cas.worktree import placements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.ids import VersionId
    from cas.objects.index import Txn
    from cas.objects.rows import PackRow
    from cas.objects.store import ObjectStore
    from cas.progress import Progress
    from cas.versions.rows import VersionRow
    from cas.worktree.placements import Placement

_CONDEMNED: Final = Struct(">32sII")
_FIRST_DOOMED: Final = SETTLED + 1


class Doomed(NamedTuple):
    """A removed version that nothing protects any more."""

    key: bytes
    """Its key in the table `versions`."""
    removed_at_ns: int
    """Tells whether it is still the same removal when gc comes to take it."""
    layer: str
    name: str
    version: VersionId


@dataclass(frozen=True, slots=True)
class FreedVersion:
    """A removed version whose content gc takes."""

    name: str
    layer: str
    version: VersionId
    bytes: int
    """Its share of the disk, of what no live version uses; what freed ones share counts for the first."""


@dataclass(slots=True)
class Census:
    """Every object of a store, told apart by who needs it."""

    sequence: int
    """The newest event that was taken into account."""
    marks: Marks
    packs: dict[int, PackRow]
    live_sessions: set[bytes]
    """Sessions that ran after the snapshot was taken; a pack of any other session has no owner."""
    live_count: int
    doomed: list[Doomed]
    linked: tuple[Placement, ...]
    """Checkouts whose links alone keep their content."""
    freed: tuple[FreedVersion, ...] = ()
    _condemned: bytearray = field(default_factory=bytearray)

    @property
    def condemned_count(self) -> int:
        """How many rows nothing needs."""
        return len(self._condemned) // _CONDEMNED.size

    def condemned(self) -> Iterator[tuple[bytes, int, int]]:
        """Iterate over (id, pack, position) of the rows that nothing needs, sorted by id."""
        return _CONDEMNED.iter_unpack(self._condemned)

    def condemn(self, txn: Txn) -> None:
        """List the rows that nothing needs, and say what each removed version frees."""
        sizes: dict[int, int] = {}
        if self.live_count < txn.count(txn.tables.objects):
            owned = {number for number, pack in self.packs.items() if self.is_owned(pack)}
            for object_id, row in txn.scan(txn.tables.objects):
                pack, position, _, frame_size, raw_size, _, size, kind = decode_object(row)
                owner = self.marks[pack][position]
                if owner == SETTLED or (pack in owned and kind == Stored.DATA):
                    continue
                self._condemned += _CONDEMNED.pack(object_id, pack, position)
                sizes[owner] = sizes.get(owner, 0) + (size * frame_size // raw_size if raw_size else 0)
        self.freed = tuple(
            FreedVersion(one.name, one.layer, one.version, sizes.get(owner, 0))
            for owner, one in enumerate(self.doomed, _FIRST_DOOMED)
        )

    def is_owned(self, pack: PackRow) -> bool:
        """Whether a running session still counts on `pack`."""
        return pack.session != NO_SESSION and pack.session in self.live_sessions


def take(store: ObjectStore, removed_before_ns: int, progress: Progress) -> Census:
    """Take the census; versions removed after `removed_before_ns` count as live.

    Raises:
        CorruptError: Something below a live version is missing or damaged, so nobody can tell what it needs.
    """
    with store.index.read() as txn:
        # Liveness is asked after the snapshot is taken: a session with a pack in the snapshot began before
        # it, so if it is found dead it is dead for good (gc_protocol: liveness-early).
        live = live_sessions(store.layout)
        doomed = list(_doomed(txn, removed_before_ns))
        marks = Marks(SETTLED + len(doomed))
        progress.start("marking", txn.count(txn.tables.objects), "objects")
        walk = Walk(store, txn, marks, progress)
        spared = {one.key for one in doomed}
        walk_versions(walk, (row for key, row in _versions(txn) if key not in spared and is_kept(row)))
        kept = tuple(_linked(txn, store, marks))
        doomed = _keep_linked(txn, store, marks, doomed, kept)
        live_count = sum(map(marks.count, marks))
        _claim(txn, store, marks, doomed)
        census = Census(txn.sequence, marks, walk.packs, live, live_count, doomed, kept)
        census.condemn(txn)
        return census


def walk_versions(walk: Walk, versions: Iterator[VersionRow]) -> None:
    """Mark everything that `versions` need.

    The record's object only serves a recovery without a journal: the table `versions` has the same bytes, so
    one that is missing is no reason to stop.

    Raises:
        CorruptError: Something is missing or damaged.
    """
    records: list[bytes] = []
    contents: list[bytes] = []
    for row in versions:
        records.append(record_id(row.record).raw)
        contents.append(Record.decode(row.record).content.id.raw)
    walk.reach(records)
    walk.missing.clear()
    walk.reach(contents)
    refuse_damage(walk, "cannot collect garbage while live versions are damaged")


def is_kept(row: VersionRow) -> bool:
    """Whether the content of a version is still there."""
    return row.state is not State.COLLECTED


def _versions(txn: Txn) -> Iterator[tuple[bytes, VersionRow]]:
    for key, value in txn.scan(txn.tables.versions):
        if not rows.is_order(value):
            yield key, rows.decode_version(value)


def _doomed(txn: Txn, removed_before_ns: int) -> Iterator[Doomed]:
    for key, row in _versions(txn):
        if row.state is State.REMOVED and row.removed_at_ns <= removed_before_ns:
            ref, version = rows.split_version_key(key)
            yield Doomed(key, row.removed_at_ns, *rows.split_ref_key(ref), version)


def _linked(txn: Txn, store: ObjectStore, marks: Marks) -> Iterator[Placement]:
    """Iterate over the checkouts whose symlinks lead to what no live version needs."""
    for placement in placements.placements(txn):
        roots = _roots(placement)
        if all(_is_settled(txn, marks, root) for root in roots):
            continue
        if linked.leads_to_views(store.layout, placement):
            yield placement


def _roots(placement: Placement) -> list[bytes]:
    return [entry.id for entry in placement.known if entry.kind is not Kind.SYMLINK]


def _is_settled(txn: Txn, marks: Marks, object_id: bytes) -> bool:
    row = txn.get(txn.tables.objects, object_id)
    if row is None:
        return True  # gone already: nothing that could be kept
    pack, position, *_ = decode_object(row)
    return bool(marks[pack][position] == SETTLED)


def _keep_linked(
    txn: Txn, store: ObjectStore, marks: Marks, doomed: list[Doomed], kept: Iterable[Placement]
) -> list[Doomed]:
    """Mark what checkouts lead to, and the removed versions that it is of; those that are still doomed.

    Nothing stops if some of it is damaged: it is no live version, and removing is the way out of damage.
    """
    keys = {rows.version_key(rows.ref_key(one.layer, one.name), one.version) for one in kept}
    walk = Walk(store, txn, marks)
    for placement in kept:
        walk.reach(_roots(placement))
    for one in doomed:
        if one.key in keys:
            walk.reach(_needs(txn, one))
    return [one for one in doomed if one.key not in keys]


def _claim(txn: Txn, store: ObjectStore, marks: Marks, doomed: list[Doomed]) -> None:
    """Mark what only removed versions hold, each as its own owner. Damage among it is freed like the rest."""
    walk = Walk(store, txn, marks)
    for owner, one in enumerate(doomed, _FIRST_DOOMED):
        walk.reach(_needs(txn, one), owner)


def _needs(txn: Txn, one: Doomed) -> list[bytes]:
    """Return the ids of a removed version's record and content."""
    row = rows.read_version(txn, one.key)
    assert row is not None, "same snapshot"
    return [record_id(row.record).raw, Record.decode(row.record).content.id.raw]
