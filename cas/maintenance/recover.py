"""recover: a new index from packs and journal, when the old one is lost or damaged.

Theory of operation
-------------------
The new index is built beside the old one and takes its place when it is whole: until then nothing has
changed, and a crash costs only the time. Objects come from the tables at the end of each pack, refs from
the journal, event by event through the function that every command uses. Versions that the journal does not
know come from their records in packs (`adopt`); tags, layers and removals are in the journal alone, and are
lost with it.

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
from typing import TYPE_CHECKING, Final

from cas import config, fs
from cas.errors import CasError, ConflictError
from cas.ids import PackId
from cas.maintenance import adopt, exclusive, impact, leftovers
from cas.maintenance.inspect import contents
from cas.maintenance.mark import Marks, Walk
from cas.maintenance.repair import quarantine, recount
from cas.objects.index import Index
from cas.objects.pack import index_rows, read_footer
from cas.objects.rows import NO_SESSION, PACK_NUMBER, ObjectRow, PackRow, Stored, encode_object
from cas.objects.session import live_sessions
from cas.objects.store import ObjectStore
from cas.progress import Silent
from cas.versions import refs
from cas.versions.journal import Journal
from cas.versions.ledger import Ledger
from cas.versions.version import State

if TYPE_CHECKING:
    from pathlib import Path

    from cas.layout import Layout
    from cas.objects.index import Txn
    from cas.objects.pack import Footer
    from cas.progress import Progress

log = logging.getLogger(__name__)

_WHAT: Final = "cannot rebuild the index"
_SILENT: Final = Silent()


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
    """Put the new index in its place; the old one goes to `.cas/damaged/`, where gc leaves the newest."""
    if layout.index.exists():
        folder = layout.damaged
        folder.mkdir(exist_ok=True)
        number = max(leftovers.index_copies(layout), default=-1) + 1
        os.rename(layout.index, folder / f"index-{number}")
        fs.reached("recover.moved")
    os.rename(draft, layout.index)
    fs.fsync_directory(layout.root)
    fs.reached("recover.switched")


class _Builder:
    """Fills an empty index."""

    def __init__(self, layout: Layout, index: Index, progress: Progress) -> None:
        self._layout = layout
        self._index = index
        self._store = ObjectStore(layout, index)
        self._progress = progress
        self._lost: list[str] = []

    def build(self, now_ns: int) -> RecoverReport:
        """Rebuild everything and say what came of it."""
        pack_count = self._build_objects()
        known = adopt.known(Journal(self._layout))
        found = adopt.find(self._store, known.keys)
        layer = config.load(self._layout).layer_for_writing(None)
        journal = adopt.CompletedJournal(self._layout, found.records, known=known, layer=layer, now_ns=now_ns)
        ledger = Ledger(journal)
        damage: list[str] = []
        events = self._index.write(lambda txn: _replay(txn, ledger, damage))
        self._lost += damage + adopt.explain(found.records, known) + found.lost
        self._index.write(self._drop_unneeded)
        self._list_broken_versions()
        if damage or found.records or not events:
            self._index.write(ledger.compact)
        self._store.close()
        with self._index.read() as txn:
            return RecoverReport(
                packs=pack_count,
                objects=txn.count(txn.tables.objects),
                versions=sum(version.state is not State.COLLECTED for version in refs.all_versions(txn)),
                tags=txn.count(txn.tables.tags),
                lost=tuple(self._lost),
                source="records" if found.records and not known.last_at_ns else "journal",
            )

    def _build_objects(self) -> int:
        paths = list(leftovers.pack_files(self._layout))
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


def _replay(txn: Txn, ledger: Ledger, damage: list[str]) -> int:
    damage.clear()  # the transaction may run twice
    return ledger.replay(txn, damage.append)


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
