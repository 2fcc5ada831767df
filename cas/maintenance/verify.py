"""verify: is everything that live versions need still what it was; and, if asked, put it right."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cas import config, fs
from cas.errors import CasError
from cas.ids import PackId
from cas.maintenance import exclusive, impact, view_files
from cas.maintenance.inspect import Fault, Findings, Inspector
from cas.maintenance.repair import repair as mend
from cas.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.objects.store import ObjectStore
    from cas.progress import Progress
    from cas.versions.ledger import Ledger

_SILENT: Final = Silent()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is damaged."""

    code: str
    """`object-damaged`, `object-missing`, `pack-damaged`, `pack-missing`, `pack-count`, `journal-damaged`,
    `view-damaged`."""
    what: str
    id: str
    """Of the object, pack, or what a view is of, 64 hex digits; empty for the journal."""
    affected: tuple[str, ...]
    """The versions (`name@version`) that need it, removed ones included."""
    repaired: bool


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was looked at and what was found."""

    quick: bool
    packs: int
    objects: int
    bytes: int
    """Of packs, on the disk."""
    problems: tuple[Problem, ...]


def verify(
    store: ObjectStore,
    ledger: Ledger,
    *,
    quick: bool = False,
    repair: bool = False,
    progress: Progress = _SILENT,
) -> VerifyReport:
    """Check that every live version is whole, and every pack what its name says.

    Args:
        store: The objects.
        ledger: Its journal is checked, too.
        quick: Leave the content of files out: only that everything is there, and that trees can be read.
        repair: Mend what can be mended; commits may go on meanwhile.
        progress: Told about bytes of packs.

    Raises:
        ConflictError: `repair`, and a gc, repair or recovery is running.
    """
    what = "cannot repair the repository" if repair else "cannot verify the repository"
    with exclusive.hold(store.layout, what) if repair else contextlib.nullcontext(), fs.explained(what):
        store.close()  # what was read before must not hide what the disk says now
        found = Inspector(store, progress).run(quick=quick)
        journal_faults: list[str] = []
        _check_journal(store, ledger, journal_faults)
        affected = _affected(store, found)
        left = found
        journal_left: Sequence[str] = journal_faults
        if repair and (found.pack_faults or found.object_faults or found.live_counts):
            mend(store, found, config.load(store.layout).chunking, progress)
            left = Inspector(store, progress).run(quick=quick)
        if repair and journal_faults:
            store.index.write(ledger.compact)
            journal_left = []
            _check_journal(store, ledger, journal_left)
        views = view_files.check(store, quick=quick, repair=repair)
    problems = [
        *_object_problems(found, left, affected),
        *_pack_problems(found, left, is_repaired=repair),
        *(Problem("journal-damaged", sentence, "", (), not journal_left) for sentence in journal_faults),
        *(Problem("view-damaged", one.what, one.id.hex(), (), one.is_repaired) for one in views),
    ]
    return VerifyReport(quick, len(found.packs), found.object_count, found.size, tuple(problems))


def _check_journal(store: ObjectStore, ledger: Ledger, faults: list[str]) -> None:
    try:
        ledger.journal.verify(store.index, faults.append)
    except CasError as error:
        faults.append(str(error))


def _affected(store: ObjectStore, found: Findings) -> dict[bytes, tuple[str, ...]]:
    """Say which versions need what is bad, and forget what gc has taken since."""
    affected = impact.affected(store, found.object_faults)
    with store.index.read() as txn:
        for object_id, refs in affected.items():
            if not refs and txn.get(txn.tables.objects, object_id) is None:
                del found.object_faults[object_id]
    return affected


def _object_problems(
    found: Findings, left: Findings, affected: dict[bytes, tuple[str, ...]]
) -> list[Problem]:
    return [
        Problem(
            code=fault.code,
            what=fault.what,
            id=object_id.hex(),
            affected=affected[object_id],
            repaired=object_id not in left.object_faults,
        )
        for object_id, fault in sorted(found.object_faults.items())
    ]


def _pack_problems(found: Findings, left: Findings, *, is_repaired: bool) -> list[Problem]:
    faults = dict(found.pack_faults)
    for number, count in found.live_counts.items():
        row = found.packs[number]
        why = f"pack {row.id.hex()}: {count} objects are in use, the index says {row.live_count}"
        faults.setdefault(number, Fault("pack-count", why))
    still = left.pack_faults.keys() | left.live_counts.keys()
    return [
        Problem(
            fault.code,
            fault.what,
            str(PackId(found.packs[number].id)),
            (),
            is_repaired and number not in still,
        )
        for number, fault in sorted(faults.items())
    ]
