"""Sweeping: which packs are deleted, which are rewritten, and doing it.

Theory of operation
-------------------
After the flip, marks are the truth about every pack that the census knew: what is marked stays, of the rest
no row is left. A pack with nothing live is deleted. One with less than `LIVE_SHARE` live bytes is rewritten:
at 3/4, the worst case is a store a third larger than its live data, and each byte freed has cost at most
three bytes written (`docs/decisions/0005-gc-protocol.md` has the figures for other shares). Of the packs
above that share, those with most garbage are rewritten as long as `REWRITE_BUDGET` lasts: about a second
of work, after which whoever removed a version of a few hundred megabytes sees its own bytes come back.

Small packs are merged as an LSM tree merges runs: those of one size class, a factor of `FAN_IN` wide, once
there are that many. A byte is rewritten at most once for each class, and fewer than `FAN_IN` packs of each
class remain, however many small commits there were.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import CasError, StorageError
from cas.ids import PackId
from cas.maintenance.mark import SETTLED
from cas.maintenance.repack import Repacker, drop_pack, unlink_pack
from cas.objects.pack import MAX_OBJECTS, TARGET_SIZE, read_footer
from cas.objects.session import Session

if TYPE_CHECKING:
    from cas.layout import Layout
    from cas.maintenance.census import Census
    from cas.maintenance.mark import Marks
    from cas.objects.index import Txn
    from cas.objects.rows import PackRow
    from cas.objects.store import ObjectStore

log = logging.getLogger(__name__)

LIVE_SHARE: Final = 0.75
"""A pack with fewer live bytes than this is rewritten."""

REWRITE_BUDGET: Final = 256 * 1024 * 1024
"""Up to so many bytes of packs above `LIVE_SHARE` are rewritten too, those with most garbage first."""

FAN_IN: Final = 8
"""So many packs of one size class are merged into one."""

_SMALL_SIZE: Final = TARGET_SIZE // 2
_FEW_OBJECTS: Final = MAX_OBJECTS // 2


@dataclass(slots=True)
class Plan:
    """What sweeping will do."""

    empty: list[int] = field(default_factory=list)
    """Packs with nothing live."""
    rewrite: list[int] = field(default_factory=list)
    """Packs whose live objects are copied elsewhere."""
    garbage_size: int = 0
    """Bytes of the disk that this frees, about."""

    def add_rewrite(self, number: int, pack: PackRow, live_share: float) -> None:
        """Rewrite a pack for the sake of its garbage."""
        self.rewrite.append(number)
        self.garbage_size += int(pack.file_size * (1 - live_share))


@dataclass(frozen=True, slots=True)
class Swept:
    """What sweeping did."""

    deleted_count: int
    rewritten_count: int
    freed_size: int


def plan(layout: Layout, census: Census) -> Plan:
    """Decide what to sweep, from the marks. Packs that belong to a running session are left alone."""
    found = Plan()
    small: dict[int, list[int]] = {}
    tainted: list[tuple[float, int]] = []
    for number, pack in census.packs.items():
        live_count = census.marks.count(number)
        if census.is_owned(pack):
            continue
        if live_count == 0:
            found.empty.append(number)
            found.garbage_size += pack.file_size
            continue
        share = 1.0 if live_count == pack.object_count else _live_share(layout, pack, number, census.marks)
        if share < LIVE_SHARE:
            found.add_rewrite(number, pack, share)
        elif share < 1.0:
            tainted.append((share, number))
        elif pack.file_size < _SMALL_SIZE and pack.object_count < _FEW_OBJECTS:
            small.setdefault(_size_class(pack.file_size), []).append(number)
    _add_tainted(found, census, tainted)
    for numbers in small.values():
        if len(numbers) >= FAN_IN:
            found.rewrite += numbers
    return found


def _add_tainted(found: Plan, census: Census, tainted: list[tuple[float, int]]) -> None:
    """Rewrite packs with a little garbage too, given as (live share, number), while the budget lasts."""
    budget = REWRITE_BUDGET
    for share, number in sorted(tainted):
        budget -= census.packs[number].file_size
        if budget < 0:
            return
        found.add_rewrite(number, census.packs[number], share)


def _size_class(size: int) -> int:
    exponent = 0
    while size >= FAN_IN:
        size //= FAN_IN
        exponent += 1
    return exponent


def _live_share(layout: Layout, pack: PackRow, number: int, marks: Marks) -> float:
    """Say what part of a pack's frames is live, each object at its share of its frame."""
    try:
        footer = read_footer(layout.pack(PackId(pack.id)))
    except (CasError, FileNotFoundError) as error:
        log.warning("pack %s is left as it is: %s", pack.id.hex(), error)
        return 1.0
    live = total = 0.0
    ratios = [frame.size / frame.raw_size if frame.raw_size else 0.0 for frame in footer.frames]
    for mark, one in zip(marks[number], footer.objects(), strict=True):
        stored = one.size * ratios[one.frame]
        total += stored
        if mark == SETTLED:
            live += stored
    return live / total if total else 1.0


def sweep(store: ObjectStore, census: Census) -> Swept:
    """Delete and rewrite packs as planned."""
    planned = plan(store.layout, census)
    dropped = _delete(store, census, planned.empty)
    freed = sum(census.packs[number].file_size for number in dropped)
    with Session.start(store.layout) as session:
        repacker = Repacker(store, session, census.marks, census.packs)
        try:
            with fs.explained("cannot rewrite packs"):
                repacker.rewrite(planned.rewrite)
        except StorageError as error:  # a full disk: what was deleted is freed all the same
            log.warning("%s", error)
    done = repacker.done
    freed += sum(census.packs[number].file_size for number in done.deleted) - done.written_size
    store.close()  # descriptors of deleted packs would keep their bytes on the disk
    return Swept(len(dropped), len(done.deleted), freed)


def _delete(store: ObjectStore, census: Census, numbers: list[int]) -> list[int]:
    if not numbers:
        return []

    def drop(txn: Txn) -> list[int]:
        return [number for number in numbers if drop_pack(txn, number)]

    dropped = store.index.write(drop)
    fs.reached("gc.dropped")
    for number in dropped:
        unlink_pack(store.layout.pack(PackId(census.packs[number].id)))
    return dropped
