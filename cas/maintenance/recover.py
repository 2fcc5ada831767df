"""recover: a new index from packs and journal, when the old one is lost or damaged.

Theory of operation
-------------------
The new index is built beside the old one and takes its place when it is whole: until then nothing has
changed, and a crash costs only the time. Objects come from the tables at the end of each pack, refs from
the journal, event by event through the function that every command uses. Where the journal is missing or
has holes, versions come from the records in packs: the newest of a name is current; tags, layers and
removals are in the journal alone, and are lost with it.

The tables of packs also name what gc had taken out of the index. Leaves among it do no harm, but a tree
whose children are gone would (index, invariant 5), so trees and recipes that no version needs are left out.

A pack whose end is torn is moved to `.cas/damaged/` and listed; so are the versions that need something
that no pack has.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from cas import config, fs
from cas.errors import CasError, ConflictError
from cas.ids import PackId
from cas.maintenance import exclusive, impact
from cas.maintenance.inspect import contents
from cas.maintenance.leftovers import pack_files
from cas.maintenance.mark import Marks, Walk
from cas.maintenance.repair import quarantine, recount
from cas.objects.index import Index
from cas.objects.pack import index_rows, read_footer
from cas.objects.rows import NO_SESSION, PACK_NUMBER, ObjectRow, PackRow, Stored, encode_object
from cas.objects.session import live_sessions
from cas.objects.store import ObjectStore, check
from cas.progress import Silent
from cas.versions import refs
from cas.versions.events import Committed
from cas.versions.journal import Journal
from cas.versions.ledger import Ledger
from cas.versions.record import Record
from cas.versions.times import to_microseconds
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.ids import VersionId
    from cas.layout import Layout
    from cas.objects.index import Txn
    from cas.objects.pack import Footer
    from cas.progress import Progress

log = logging.getLogger(__name__)

_WHAT: Final = "cannot rebuild the index"
_SILENT: Final = Silent()
_KIND_AT: Final = 28


@dataclass(frozen=True, slots=True)
class RecoverReport:
    """What was rebuilt."""

    packs: int
    objects: int
    versions: int
    """Live and removed ones."""
    tags: int
    lost: tuple[str, ...]
    """A sentence for each thing that could not be brought back."""
    source: str
    """Where refs came from: "journal" or "records"."""


def recover(layout: Layout, *, now_ns: int, progress: Progress = _SILENT) -> RecoverReport:
    """Rebuild the index of a repository.

    Args:
        layout: Where the repository is.
        now_ns: The time, for the events of versions that come from records.
        progress: Told about packs.

    Raises:
        ConflictError: Somebody is writing to the repository, or a gc is running.
    """
    with exclusive.hold(layout, _WHAT), fs.explained(_WHAT):
        for folder in (layout.packs, layout.sessions, layout.tmp, layout.journal):
            folder.mkdir(exist_ok=True)
        _refuse_writers(layout)
        draft = layout.index_draft
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        index = Index.open(draft, create=True)
        try:
            try:
                report = _Builder(layout, index, progress).build(now_ns)
                with index.read() as txn:
                    sequence = txn.sequence
            finally:
                index.close()
            _refuse_writers(layout)
            if Journal(layout).last_sequence() != sequence:
                raise _busy()  # somebody began and ended meanwhile, with the old index
            _switch(layout, draft)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return report


def _refuse_writers(layout: Layout) -> None:
    if live_sessions(layout):
        raise _busy()


def _busy() -> ConflictError:
    return ConflictError(
        _WHAT,
        code="repository-busy",
        why="somebody is writing to the repository",
        hint="wait until it is done and run `cas recover` again",
    )


def _switch(layout: Layout, draft: Path) -> None:
    """Put the new index in its place; the old one is kept under `.cas/damaged/`."""
    if layout.index.exists():
        folder = layout.damaged
        folder.mkdir(exist_ok=True)
        number = sum(path.name.startswith("index") for path in folder.iterdir())
        os.rename(layout.index, folder / f"index-{number}")
        fs.reached("recover.moved")
    os.rename(draft, layout.index)
    fs.fsync_directory(layout.root)
    fs.reached("recover.switched")


class _NoJournal:
    """Takes the place of the journal for events that were found, not made: a snapshot is written later."""

    def append(self, _: object) -> None:
        """Write nothing."""


class _Builder:
    """Fills an empty index."""

    def __init__(self, layout: Layout, index: Index, progress: Progress) -> None:
        self._layout = layout
        self._index = index
        self._store = ObjectStore(layout, index)
        self._ledger = Ledger(Journal(layout))
        self._progress = progress
        self._lost: list[str] = []

    def build(self, now_ns: int) -> RecoverReport:
        """Rebuild everything and say what came of it."""
        pack_count = self._build_objects()
        damage: list[str] = []
        events = self._index.write(lambda txn: self._replay(txn, damage))
        self._lost += damage
        adopted = self._adopt_records(now_ns, has_journal=events > 0)
        is_whole = events > 0 and not damage and not adopted
        self._index.write(self._drop_unneeded)
        self._list_broken_versions()
        if not is_whole:
            self._index.write(self._ledger.compact)
        self._store.close()
        with self._index.read() as txn:
            return RecoverReport(
                packs=pack_count,
                objects=txn.count(txn.tables.objects),
                versions=sum(version.state is not State.COLLECTED for version in refs.all_versions(txn)),
                tags=txn.count(txn.tables.tags),
                lost=tuple(self._lost),
                source="records" if adopted and not events else "journal",
            )

    def _replay(self, txn: Txn, damage: list[str]) -> int:
        damage.clear()  # the transaction may run twice
        return self._ledger.replay(txn, damage.append)

    def _build_objects(self) -> int:
        paths = list(pack_files(self._layout))
        self._progress.start("reading packs", len(paths), "files")
        count = 0
        for path in paths:
            try:
                footer = read_footer(path)
            except CasError as error:
                self._lost.append(f"pack {path.stem}: {error.why or error.what}")
                quarantine(self._layout, path)
            else:
                self._index.write(partial(_register, path=path, footer=footer))
                count += 1
            self._progress.advance(1)
        return count

    def _adopt_records(self, now_ns: int, *, has_journal: bool) -> int:
        """Make versions of the records whose version the journal does not know, oldest first; how many.

        A journal that lost its last lines looks like one that ends there, so the packs are always asked. The
        record of a commit that died between seal and transaction may come in too: harmless, and told.
        """
        found = sorted(self._records(), key=attrgetter("created_at"))
        layer = config.load(self._layout).layer_for_writing(None)
        nowhere: Any = _NoJournal()
        ledger = Ledger(nowhere)

        def adopt(txn: Txn) -> set[tuple[str, VersionId]]:
            adopted: set[tuple[str, VersionId]] = set()
            known = {(one.name, one.version) for one in refs.all_versions(txn)}
            for record in found:
                key = (record.name, record.version)
                if key not in known:
                    at_ns = min(now_ns, to_microseconds(record.created_at) * 1000)
                    ledger.record(txn, [Committed.of(layer, record, replaces=key in adopted)], at_ns)
                    adopted.add(key)
            return adopted

        adopted = self._index.write(adopt)
        if not has_journal and adopted:
            self._lost.append("tags, layers and removals of versions that only their records tell of")
        elif adopted:
            self._lost += [
                f"the journal lost the commit of {name}@{version.short}; it was taken from its record"
                for name, version in sorted(adopted)
            ]
        return len(adopted)

    def _records(self) -> Iterator[Record]:
        """Iterate over the records in packs whose content is there, at its root at least."""
        with self._index.read() as txn:
            for object_id, row in txn.scan(txn.tables.objects):
                if row[_KIND_AT] != Stored.RECORD:
                    continue
                place = ObjectRow.decode(row)
                try:
                    frame = self._store.read_frame(place)
                    data = frame[place.offset : place.offset + place.size]
                    check(object_id, Stored.RECORD, data)
                    record = Record.decode(data)
                except CasError as error:
                    self._lost.append(f"record {object_id.hex()}: {error}")
                    continue
                if txn.get(txn.tables.objects, record.content.id.raw) is not None:
                    yield record  # else gc took it

    def _drop_unneeded(self, txn: Txn) -> None:
        """Leave out trees and recipes that no version needs."""
        marks = Marks()
        walk = Walk(self._store, txn, marks)
        for pair in list(contents(txn)):
            walk.reach(pair)
        unneeded = []
        for object_id, row in txn.scan(txn.tables.objects):
            place = ObjectRow.decode(row)
            if place.kind is not Stored.DATA and not marks[place.pack][place.position]:
                unneeded.append(object_id)
        for object_id in unneeded:
            txn.delete(txn.tables.objects, object_id)
        recount(txn)
        txn.set_number(b"epoch", 1)

    def _list_broken_versions(self) -> None:
        with self._index.read() as txn:
            walk = Walk(self._store, txn, Marks())
            walk.reach(content for _, content in contents(txn))
        bad = walk.missing | walk.damaged.keys()
        broken = {name for names in impact.affected(self._store, bad).values() for name in names}
        self._lost += [f"{name} needs content that no pack has" for name in sorted(broken)]


def _register(txn: Txn, *, path: Path, footer: Footer) -> None:
    """Enter a pack under the next number; the first copy of an object counts."""
    number = txn.number(b"next_pack")
    txn.set_number(b"next_pack", number + 1)
    rows = [(object_id, encode_object(*place)) for object_id, place in index_rows(footer, number)]
    with txn.raw.cursor(db=txn.tables.objects) as cursor:
        _, added = cursor.putmulti(rows, dupdata=False, overwrite=False)
    row = PackRow(
        id=PackId.parse(path.stem).raw,
        session=NO_SESSION,
        file_size=path.stat().st_size,
        raw_size=sum(frame.raw_size for frame in footer.frames),
        object_count=footer.object_count,
        live_count=added,
    )
    txn.put(txn.tables.packs, PACK_NUMBER.pack(number), row.encode())
