"""Finding good bytes for objects that are damaged or missing, and keeping them in new packs.

Where they may be, in the order in which it is asked: another copy in some pack (an object that two commits
stored at once has two), the table of versions (for records), files under `views/`, and directories that
were checked out and not changed since. Nothing is believed: what is found is hashed like everything else.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cas.errors import CasError
from cas.ids import PackId
from cas.maintenance import impact
from cas.maintenance.inspect import read_objects
from cas.maintenance.repack import check_pack
from cas.objects.chunker import Chunker
from cas.objects.codec import encode_frame
from cas.objects.pack import TARGET_SIZE, index_rows, is_metadata, read_footer
from cas.objects.packwriter import PackWriter, SealedPack
from cas.objects.rows import PackRow, Stored
from cas.objects.tree import Entry, encode_tree, tree_id
from cas.objects.writer import FRAME_SIZE
from cas.versions import rows as version_rows
from cas.versions.record import record_id
from cas.worktree import placements
from cas.worktree.ingest import Ingest, Settings
from cas.worktree.sinks import StoringSink
from cas.worktree.views import Views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cas.config import Chunking
    from cas.ids import TreeId
    from cas.objects.session import Session
    from cas.objects.store import ObjectStore
    from cas.progress import Progress
    from cas.worktree.statcache import DirectoryRow

log = logging.getLogger(__name__)

_KIND_AT: Final = 7
_EXECUTABLE, _PLAIN = 1, 0


class Salvage:
    """New packs for what was saved. Holds one frame in memory."""

    def __init__(self, session: Session) -> None:
        self.saved: set[bytes] = set()
        self.packs: list[SealedPack] = []
        self._session = session
        self._writer: PackWriter | None = None
        self._waiting: dict[bool, list[tuple[bytes, int, bytes]]] = {False: [], True: []}
        self._sizes = {False: 0, True: 0}

    def add(self, object_id: bytes, kind: int, data: bytes | memoryview) -> None:
        """Keep an object that has been verified; once is enough."""
        if object_id in self.saved:
            return
        self.saved.add(object_id)
        group = is_metadata(kind)
        self._waiting[group].append((object_id, kind, bytes(data)))
        self._sizes[group] += len(data)
        if self._sizes[group] >= FRAME_SIZE:
            self._flush(group=group)
        if self._writer is not None and self._writer.size >= TARGET_SIZE:
            self._seal()

    def finish(self) -> list[SealedPack]:
        """Write everything out; the packs are not in the index yet."""
        self._flush(group=False)
        self._flush(group=True)
        self._seal()
        return self.packs

    def discard(self) -> None:
        """Give up what is not sealed."""
        if self._writer is not None:
            self._writer.discard()
            self._writer = None

    def _flush(self, *, group: bool) -> None:
        waiting, self._waiting[group], self._sizes[group] = self._waiting[group], [], 0
        if not waiting:
            return
        if self._writer is None:
            self._writer = PackWriter(self._session.tmp / f"{os.urandom(8).hex()}.pack")
        raw = b"".join(data for _, _, data in waiting)
        objects = [(object_id, kind, len(data)) for object_id, kind, data in waiting]
        self._writer.append(encode_frame(raw), len(raw), objects)

    def _seal(self) -> None:
        if self._writer is not None:
            self.packs.append(self._writer.seal())
            self._writer = None


class AllFoundError(Exception):
    """Nothing is wanted any more: stop reading."""


class _Catcher:
    """Takes the place of a writer while a working tree is read: keeps what is wanted, drops the rest."""

    def __init__(self, store: ObjectStore, salvage: Salvage, wanted: set[bytes]) -> None:
        self._store = store
        self._salvage = salvage
        self._wanted = wanted

    def put(self, object_id: bytes, kind: Stored, data: bytes | memoryview) -> None:
        """Keep an object that is wanted, and pieces that a wanted recipe may name.

        A recipe made anew may cut its blob differently; its pieces are kept when the store lacks them, and
        are garbage like any other if the recipe turns out not to be wanted.
        """
        if object_id in self._wanted or (kind in {Stored.DATA, Stored.SUBRECIPE} and self._is_new(object_id)):
            self._salvage.add(object_id, kind, data)
            self._wanted.discard(object_id)
        if not self._wanted:
            raise AllFoundError

    def put_tree(self, entries: Sequence[Entry]) -> TreeId:
        """Keep a directory that is wanted."""
        encoded = encode_tree(entries)
        tree = tree_id(encoded)
        if tree.raw in self._wanted:
            self.put(tree.raw, Stored.TREE, encoded)
        return tree

    def reuse(self, object_ids: Iterable[bytes]) -> bool:
        """Have everything read."""
        return not list(object_ids)

    def _is_new(self, object_id: bytes) -> bool:
        with self._store.index.read() as txn:
            return txn.get(txn.tables.objects, object_id) is None


class _NoCache:
    """Takes the place of the stat cache: remembers nothing, so everything is read."""

    def find(self, _: os.stat_result) -> None:
        """Know nothing."""

    def remember(self, _: os.stat_result, __: DirectoryRow) -> None:
        """Forget it."""


class Rescue:
    """Looks for `wanted` objects; what is found goes into `salvage` and is no longer wanted."""

    def __init__(self, store: ObjectStore, salvage: Salvage, wanted: set[bytes]) -> None:
        self._store = store
        self._salvage = salvage
        self.wanted = wanted

    def run(self, packs: dict[int, PackRow], chunking: Chunking, progress: Progress) -> None:
        """Ask every place until nothing is wanted any more."""
        for number, row in packs.items():
            if self.wanted:
                self._search_pack(number, row)
        if self.wanted:
            self._search_records()
        if self.wanted:
            self._search_working_trees(chunking, progress)

    def _search_pack(self, number: int, row: PackRow) -> None:
        path = self._store.layout.pack(PackId(row.id))
        try:
            places = [(name, at) for name, at in index_rows(read_footer(path), number) if name in self.wanted]
            if any(at[_KIND_AT] == Stored.RECIPE for _, at in places):
                check_pack(path)  # a recipe has no hash of its own
            for object_id, place, data in read_objects(path, places):
                if isinstance(data, bytes):
                    self._keep(object_id, place[_KIND_AT], data)
        except (CasError, OSError) as error:
            log.info("pack '%s' cannot help: %s", path.name, error)

    def _search_records(self) -> None:
        with self._store.index.read() as txn:
            for _, value in txn.scan(txn.tables.versions):
                if version_rows.is_order(value):
                    continue
                record = version_rows.decode_version(value).record
                if record_id(record).raw in self.wanted:
                    self._keep(record_id(record).raw, Stored.RECORD, record)

    def _keep(self, object_id: bytes, kind: int, data: bytes) -> None:
        self._salvage.add(object_id, kind, data)
        self.wanted.discard(object_id)

    def _search_working_trees(self, chunking: Chunking, progress: Progress) -> None:
        """Read everything that was checked out, and what views there are of the blobs in question."""
        with self._store.index.read() as txn:
            blobs = impact.needed_by_recipes(self._store, txn, self.wanted)
            paths = [placement.path for placement in placements.placements(txn)]
        views = Views(self._store.layout)
        links = [views.path(blob, kind) for blob in sorted(blobs) for kind in (_PLAIN, _EXECUTABLE)]
        catcher = _Catcher(self._store, self._salvage, self.wanted)
        sink = StoringSink(catcher, Chunker(chunking))  # type: ignore[arg-type] # the part of a writer that it uses
        settings = Settings(_no_time, chunking.whole_below, self._store.layout.root)
        try:
            for path in [*links, *sorted(paths)]:
                if os.path.exists(path):
                    self._read(os.fsdecode(path), Ingest(sink, _NoCache(), settings, progress))  # type: ignore[arg-type] # the part of a cache that it uses
        except AllFoundError:
            pass

    def _read(self, path: str, ingest: Ingest) -> None:
        try:
            ingest.read(Path(path))
        except CasError as error:
            log.info("'%s' cannot help any further: %s", path, error)


def _no_time() -> int:
    return 0
