"""stats: how much is stored, what sharing and compression save, and whose it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from heapq import nlargest
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from cas.maintenance.mark import SETTLED, Marks, Walk
from cas.objects.rows import Stored, decode_object
from cas.progress import Silent
from cas.versions import refs

if TYPE_CHECKING:
    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.progress import Progress
    from cas.versions.version import Version

_SILENT: Final = Silent()
_FIRST_NAME: Final = SETTLED + 1
_LARGEST_COUNT: Final = 10
_TABLE_ROW_SIZE: Final = 45
_PACK_OVERHEAD: Final = 256
"""Header, trailer and a few frames."""


@dataclass(frozen=True, slots=True)
class NameStats:
    """What one name holds in one layer."""

    name: str
    layer: str
    versions: int
    """Live ones."""
    logical: int
    """Bytes of all its versions, as if each were a copy."""
    unique: int
    """Bytes, before compression, that only this name uses."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a repository holds. Versions that were removed count as garbage."""

    versions: int
    names: int
    logical_bytes: int
    """Bytes of all live versions, as if each were a copy."""
    unique_bytes: int
    """Bytes of the chunks that live versions use, each once, before compression."""
    stored_bytes: int
    """Bytes of all packs on the disk."""
    dedup_ratio: float
    """How many times smaller storing equal chunks once makes it."""
    compression_ratio: float
    """How many times smaller compression makes what is left."""
    garbage_bytes: int
    """Bytes of the disk that no live version needs."""
    packs: int
    objects: int
    per_name: tuple[NameStats, ...]
    """Largest first."""
    largest: tuple[Version, ...]
    """The ten largest live versions."""


@dataclass(slots=True)
class _Sums:
    """Sizes of live objects, added up."""

    unique: int = 0
    compressed: float = 0.0
    by_owner: Counter[int] = field(default_factory=Counter)
    by_pack: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))


def stats(store: ObjectStore, *, progress: Progress = _SILENT) -> Stats:
    """Measure a repository. Cost: as much as gc without anything to free."""
    with store.index.read() as txn:
        live = list(refs.live_versions(txn))
        by_name: dict[tuple[str, str], list[Version]] = {}
        for version in live:
            by_name.setdefault((version.layer, version.name), []).append(version)
        progress.start("measuring", txn.count(txn.tables.objects), "objects")
        marks = Marks(SETTLED + len(by_name))
        walk = Walk(store, txn, marks, progress, shares=True)
        for owner, versions in enumerate(by_name.values(), _FIRST_NAME):
            walk.reach((root for one in versions for root in (one.record.id.raw, one.content.id.raw)), owner)
        sums = _add_up(txn, marks)
        object_count = txn.count(txn.tables.objects)
    logical = sum(version.size for version in live)
    stored = sum(pack.file_size for pack in walk.packs.values())
    per_name = (
        NameStats(name, layer, len(versions), sum(one.size for one in versions), sums.by_owner[owner])
        for owner, ((layer, name), versions) in enumerate(by_name.items(), _FIRST_NAME)
    )
    return Stats(
        versions=len(live),
        names=len(by_name),
        logical_bytes=logical,
        unique_bytes=sums.unique,
        stored_bytes=stored,
        dedup_ratio=_ratio(logical, sums.unique),
        compression_ratio=_ratio(sums.unique, sums.compressed),
        garbage_bytes=sum(
            pack.file_size - _in_use(sums.by_pack[number], pack.file_size, pack.object_count)
            for number, pack in walk.packs.items()
        ),
        packs=len(walk.packs),
        objects=object_count,
        per_name=tuple(sorted(per_name, key=attrgetter("logical"), reverse=True)),
        largest=tuple(nlargest(_LARGEST_COUNT, live, key=attrgetter("size"))),
    )


def _add_up(txn: Txn, marks: Marks) -> _Sums:
    sums = _Sums()
    for _, row in txn.scan(txn.tables.objects):
        pack, position, _, frame_size, raw_size, _, size, kind = decode_object(row)
        owner = marks[pack][position]
        if not owner:
            continue
        stored = size * frame_size / raw_size if raw_size else 0.0
        sums.by_pack[pack] += stored
        if kind == Stored.DATA:
            sums.unique += size
            sums.compressed += stored
            sums.by_owner[owner] += size
    return sums


def _in_use(live_size: float, file_size: int, object_count: int) -> int:
    """Say what part of a pack is not garbage: its live bytes, and its tables unless it is all garbage."""
    if not live_size:
        return 0
    return min(file_size, round(live_size) + _TABLE_ROW_SIZE * object_count + _PACK_OVERHEAD)


def _ratio(before: float, after: float) -> float:
    return before / after if after else 1.0
