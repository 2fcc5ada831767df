"""Versions that the journal does not know, from their records in packs.

Theory of operation
-------------------
A journal that lost its last lines looks like one that ends there, and one that lost a line in the middle
still has what came after it. So every record in the packs whose version the journal does not know is looked
at. If all that its content needs is there, its commit is put back into the journal's events, *where its time
puts it*: before the first event that is younger and concerns its name. Hence

1. it is current only if the journal knows nothing younger of that name, and
2. what the journal says of it later (a tag, a removal, that its path is hidden) happens to it again.

It goes to the layer in which the journal knows its name: in a higher one it would hide what is there.

The record of a commit that died between seal and transaction may come in too: harmless, and told.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from cas.errors import CasError
from cas.ids import VersionId
from cas.maintenance.impact import Below
from cas.maintenance.mark import Marks, Walk
from cas.objects.rows import ObjectRow, Stored
from cas.objects.store import check
from cas.versions.events import Committed, Entry, Hidden, Kept, VersionEvent
from cas.versions.journal import Journal
from cas.versions.record import Record
from cas.versions.times import format_time, from_nanoseconds, to_microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from cas.layout import Layout
    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.versions.events import AnyEvent

_KIND_AT: Final = 28

Key = tuple[str, VersionId]
"""A name and a version of it."""


@dataclass(slots=True)
class Known:
    """What the journal tells, as far as it can be read."""

    keys: set[Key] = field(default_factory=set)
    """Versions whose commit it has."""
    layers: dict[str, str] = field(default_factory=dict)
    """Name → the layer of its last event."""
    last_at_ns: int = 0
    """The time of its youngest event; 0 if there is none."""


def known(journal: Journal) -> Known:
    """Read the journal; what is damaged in it is for the replay to tell."""
    found = Known()
    for entry in journal.entries(_ignore):
        event = entry.event
        found.last_at_ns = max(found.last_at_ns, entry.at_ns)
        if isinstance(event, VersionEvent):
            found.layers[event.name] = event.layer
        if isinstance(event, Committed | Kept):
            found.keys.add((event.name, event.version_id))
    return found


def _ignore(_: str) -> None:
    """Say nothing."""


class Found(NamedTuple):
    """What the packs tell beyond the journal."""

    records: list[Record]
    """Those of unknown versions whose content is whole, oldest first."""
    lost: list[str]
    """A sentence for each record that cannot be read, or whose content has holes."""


def find(store: ObjectStore, keys: Collection[Key]) -> Found:
    """Look through all records in packs for versions that are not among `keys`.

    Cost: one read of every record; and of every tree and recipe if something below them is missing.
    """
    lost: list[str] = []
    with store.index.read() as txn:
        records = [
            record for record in _records(store, txn, lost) if (record.name, record.version) not in keys
        ]
        records.sort(key=attrgetter("created_at"))
        walk = Walk(store, txn, Marks())
        walk.reach(record.content.id.raw for record in records)
        below = Below(store, txn, walk.missing | walk.damaged.keys())
        holes = [below.content(record.content) for record in records]
    whole = [record for record, missing in zip(records, holes, strict=True) if not missing]
    newest = {(record.name, record.version): record.created_at for record in whole}
    for record, missing in zip(records, holes, strict=True):
        made_again = newest.get((record.name, record.version))
        if missing and (made_again is None or made_again < record.created_at):  # else it was replaced
            lost.append(_incomplete(record, missing))
    return Found(whole, lost)


def _records(store: ObjectStore, txn: Txn, lost: list[str]) -> Iterator[Record]:
    for object_id, row in txn.scan(txn.tables.objects):
        if row[_KIND_AT] != Stored.RECORD:
            continue
        place = ObjectRow.decode(row)
        try:
            frame = store.read_frame(place)
            data = frame[place.offset : place.offset + place.size]
            check(object_id, Stored.RECORD, data)
            yield Record.decode(data)
        except CasError as error:
            lost.append(f"record {object_id.hex()}: {error}")


def _incomplete(record: Record, missing: frozenset[bytes]) -> str:
    count = f"{len(missing)} objects" if len(missing) > 1 else "1 object"
    return (
        f"{_ref(record)} is known only from its record, and of its content {count} cannot be read from any "
        f"pack, such as {min(missing).hex()}; gc may have freed it"
    )


def _ref(record: Record) -> str:
    return f"{record.name}@{record.version.short}"


def explain(records: Sequence[Record], known: Known) -> list[str]:
    """Say what the adoption of `records` means: a sentence for each thing that is not as it was."""
    if not records:
        return []
    if not known.last_at_ns:
        return ["tags, layers and removals of versions that only their records tell of"]
    names = sorted({_ref(record) for record in records})
    told = [f"the journal lost the commit of {name}; it was taken from its record" for name in names]
    if _made_at_ns(records[-1]) > known.last_at_ns:
        end = format_time(from_nanoseconds(known.last_at_ns))
        told.append(f"the journal ends at {end}: tags, removals and restorations after that may be lost")
    return told


def _made_at_ns(record: Record) -> int:
    return to_microseconds(record.created_at) * 1000


def _concerned(waiting: dict[str, deque[Record]], event: AnyEvent) -> list[deque[Record]]:
    """Those whose name `event` is about; a hidden path is about all below it, and the tree that it is in."""
    if not isinstance(event, Hidden):
        return [waiting[event.name]] if event.name in waiting else []
    hidden = f"{event.name}/" if event.name else ""  # all is below the root
    return [
        due for name, due in waiting.items() if f"{name}/".startswith(hidden) or hidden.startswith(f"{name}/")
    ]


class CompletedJournal(Journal):
    """A journal with the commits of some records put where they belong; events after them move up."""

    def __init__(
        self, layout: Layout, records: Sequence[Record], *, known: Known, layer: str, now_ns: int
    ) -> None:
        """Take records, oldest first; what the journal does not know at all goes to `layer`."""
        super().__init__(layout)
        self._records = records
        self._layers = known.layers
        self._layer = layer
        self._now_ns = now_ns

    def entries(self, on_damage: Callable[[str], None] | None = None) -> Iterator[Entry]:
        """Iterate over all events in order, as `Journal.entries` does, and over the commits between them."""
        waiting: dict[str, deque[Record]] = {}
        for record in self._records:
            waiting.setdefault(record.name, deque()).append(record)
        adopted: set[Key] = set()
        shift = last = 0
        for entry in super().entries(on_damage):
            for due in _concerned(waiting, entry.event):
                while due and _made_at_ns(due[0]) < entry.at_ns:
                    yield self._commit(due.popleft(), entry.sequence + shift, adopted)
                    shift += 1
            last = entry.sequence
            yield Entry(last + shift, entry.at_ns, entry.event)
        last = max(last, super().last_sequence())  # a snapshot stands for more events than it has
        rest = sorted(chain(*waiting.values()), key=attrgetter("created_at"))
        for place, record in enumerate(rest, last + shift + 1):
            yield self._commit(record, place, adopted)

    def last_sequence(self) -> int:
        """Return the sequence of the last event, the commits included."""
        return super().last_sequence() + len(self._records)

    def _commit(self, record: Record, sequence: int, adopted: set[Key]) -> Entry:
        key = (record.name, record.version)
        layer = self._layers.get(record.name, self._layer)
        event = Committed.of(layer, record, replaces=key in adopted)
        adopted.add(key)
        return Entry(sequence, min(self._now_ns, _made_at_ns(record)), event)
