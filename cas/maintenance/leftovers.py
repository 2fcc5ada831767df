"""What dead processes left, and caches of content that is gone."""

from __future__ import annotations

import logging
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from cas import fs
from cas.ids import DIGEST_SIZE
from cas.maintenance import view_files
from cas.objects.rows import PackRow
from cas.objects.session import is_live, leftovers, live_sessions, remove_leftovers
from cas.worktree import exports, leases, placements, readonly, staging
from cas.worktree.directories import open_directory
from cas.worktree.statcache import DirectoryRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.layout import Layout
    from cas.objects.index import Index, Txn
    from cas.objects.store import ObjectStore

log = logging.getLogger(__name__)

_SUFFIX: Final = ".pack"
_INDEX_COPY: Final = re.compile(r"index-([0-9]+)")
_HEX_DIGITS: Final = 2 * DIGEST_SIZE
_BATCH: Final = 10_000
_STALE_CACHES: Final = b"stale_caches"
"""A counter of the meta table: not 0 from the flip until caches of what it freed are cleared."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was deleted, or would be."""

    count: int
    """Folders and files of dead owners, and old copies of the index."""
    size: int
    """Bytes of packs and indexes among them."""
    notes: tuple[str, ...] = ()
    """What people should know of it."""


def clear(layout: Layout, index: Index) -> Cleared:
    """Delete what the dead left: folders of sessions, half-made checkouts and indexes, unregistered packs.

    This needs no room on the disk, so gc does it first.
    """
    live_sessions(layout)  # unlinks the files of the dead ones
    with leases.deleting(layout):
        pass  # the same for leases
    _loosen_leftovers(layout)
    indexes = _unused_indexes(layout)
    for path in indexes.paths:
        shutil.rmtree(path, ignore_errors=True)
    count = remove_leftovers(layout) + staging.sweep(layout, index)
    orphans = index.write(lambda txn: _remove_orphans(layout, txn))
    fs.reached("gc.orphans-removed")
    return Cleared(count + len(indexes.paths) + orphans.count, orphans.size + indexes.size, indexes.notes)


def _loosen_leftovers(layout: Layout) -> None:
    """Make what dead sessions left deletable: views are directories that nobody may write to."""
    for folder in leftovers(layout):
        fd = open_directory(folder)
        try:
            readonly.loosen(fd)
        finally:
            os.close(fd)


def preview(layout: Layout, index: Index) -> Cleared:
    """Say what `clear` would delete."""
    indexes = _unused_indexes(layout)
    count = len(leftovers(layout))
    with index.read() as txn:
        count += sum(not is_live(layout, row.session.hex()) for row in placements.stagings(txn))
        sizes = [path.stat().st_size for path in _orphans(layout, txn)]
    count += len(indexes.paths) + len(sizes)
    return Cleared(count, sum(sizes) + indexes.size, indexes.notes)


class _Indexes(NamedTuple):
    """Directories of indexes that nobody uses."""

    paths: list[Path]
    size: int
    notes: tuple[str, ...]


def _unused_indexes(layout: Layout) -> _Indexes:
    """Find old indexes but the newest, and the half-made one of a recovery that died: gc holds its lock."""
    copies = [path for _, path in sorted(index_copies(layout).items())]
    old = copies[:-1]
    notes = (f"of the old indexes in '{layout.damaged}' only '{copies[-1].name}' is kept",) if old else ()
    paths = old + [path for path in (layout.index_draft,) if path.is_dir()]
    size = sum(file.stat().st_size for path in paths for file in path.iterdir())
    return _Indexes(paths, size, notes)


def index_copies(layout: Layout) -> dict[int, Path]:
    """Find the indexes that `recover` replaced: number → directory; the newest has the highest."""
    if not layout.damaged.is_dir():
        return {}
    matches = ((_INDEX_COPY.fullmatch(path.name), path) for path in layout.damaged.iterdir())
    return {int(match[1]): path for match, path in matches if match}


def _remove_orphans(layout: Layout, txn: Txn) -> Cleared:
    """Delete unregistered packs; `txn` is a write transaction, so no pack is about to be registered."""
    count = size = 0
    for path in _orphans(layout, txn):
        size += path.stat().st_size
        count += 1
        path.unlink()
        log.info("deleted the pack '%s', which nobody registered", path.name)
    return Cleared(count, size)


def _orphans(layout: Layout, txn: Txn) -> Iterator[Path]:
    known = {PackRow.decode(value).id for _, value in txn.scan(txn.tables.packs)}
    for path in pack_files(layout):
        if bytes.fromhex(path.stem) not in known:
            yield path


def pack_files(layout: Layout) -> Iterator[Path]:
    """Iterate over the files that are named as packs are, in order of name."""
    for folder in sorted(layout.packs.iterdir()):
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if path.suffix == _SUFFIX and _is_hex(path.stem) and path.stem.startswith(folder.name):
                yield path


def _is_hex(text: str) -> bool:
    return len(text) == _HEX_DIGITS and set(text) <= set("0123456789abcdef")


def note_stale_caches(txn: Txn) -> None:
    """Remember, in the transaction that frees objects, that caches may know them."""
    txn.set_number(_STALE_CACHES, 1)


def clear_caches(store: ObjectStore) -> None:
    """Drop what caches remember of freed objects; costs nothing if none were freed since the last time.

    Caches are only advice, so nothing depends on when this happens, or whether.
    """
    with store.index.read() as txn:
        if not txn.number(_STALE_CACHES):
            return
        stat = [key for key, row in txn.scan(txn.tables.stat) if _is_gone(txn, DirectoryRow.decode(row).tree)]
    for start in range(0, len(stat), _BATCH):
        _forget_directories(store.index, stat[start : start + _BATCH])
    if view_files.drop_gone(store):
        store.index.write(lambda txn: txn.set_number(_STALE_CACHES, 0))


def _is_gone(txn: Txn, object_id: bytes) -> bool:
    return txn.get(txn.tables.objects, object_id) is None


def _forget_directories(index: Index, keys: list[bytes]) -> None:
    def change(txn: Txn) -> None:
        for key in keys:
            row = txn.get(txn.tables.stat, key)
            if row is not None and _is_gone(txn, DirectoryRow.decode(row).tree):  # or a commit has renewed it
                txn.delete(txn.tables.stat, key)

    index.write(change)


def forget_lost_checkouts(layout: Layout, index: Index) -> None:
    """Drop the records of checkouts, and of exports of the view, that somebody deleted.

    Only if the directory around it is still there: else a disk may be away that comes back. And not while
    anybody is at work: the destination of a first checkout does not exist before it is done.
    """
    with index.read() as txn:
        lost = [row.path for row in placements.placements(txn) if _is_deleted(row.path)]
        lost_exports = [path for path in exports.destinations(txn) if _is_deleted(path)]
    if (lost or lost_exports) and not live_sessions(layout):
        index.write(lambda txn: _forget_checkouts(txn, lost, lost_exports))


def _forget_checkouts(txn: Txn, paths: list[bytes], exported: list[bytes]) -> None:
    for path in paths:
        placements.forget(txn, path)
    exports.forget_all(txn, exported)


def _is_deleted(path: bytes) -> bool:
    return not os.path.lexists(path) and os.path.isdir(os.path.dirname(path))
