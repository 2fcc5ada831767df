"""Storing objects: look up, group into frames, pack, and enter everything into the index at the end.

Theory of operation
-------------------
A writer belongs to one session and one command. `put` only queues; now and then the queue is looked up in
the index in one short read transaction, what is there already is counted as *reused*, the rest is grouped
into frames and goes down the pipeline. A data pack that fills up is registered at once, owned by the
session, so that memory does not grow with the commit. `finish` seals the rest and enters packs, objects
and the caller's change of refs in one write transaction.

Invariants (DESIGN 5, checked by tests/models/gc_protocol.py)
1. The epoch is read before the first look-up. If it moved by the time of `finish`, every reused id is
   looked up again inside the write transaction; if one is gone, no ref moves: the source is read again.
2. Rows of objects that refer to others (trees, recipes, records) enter only in `finish`, with all they
   refer to. So an id of a tree that is in the index stands for everything below it.
3. Rows that entered early belong to the session: gc keeps them until its lock is free.
4. A row is no proof of bytes: packs that are missing or cut short are found before the first look-up, what
   they held counts as absent, and its rows are pointed at the new copy.
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

from cas import fs
from cas.ids import DIGEST_SIZE, RecordId, TreeId
from cas.objects.pack import is_metadata
from cas.objects.pipeline import FrameContent, NewObject, PackPipeline
from cas.objects.registry import broken_packs, publish, register, release
from cas.objects.rows import NO_SESSION, PACK_NUMBER, Stored
from cas.objects.tree import Entry, encode_tree, tree_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cas.objects.index import Txn
    from cas.objects.packwriter import SealedPack
    from cas.objects.session import Session
    from cas.objects.store import ObjectStore

T = TypeVar("T")

FRAME_SIZE: Final = 128 * 1024
"""Small objects are put together until a frame holds this many bytes."""

_ALONE_FROM: Final = 64 * 1024
_BATCH_SIZE: Final = 1024 * 1024
_LOOK_UP_COUNT: Final = 1024
_REMEMBERED_METADATA: Final = 100_000
_REUSED_IN_MEMORY: Final = 8 * 1024 * 1024


class ReusedObjectsGoneError(Exception):
    """gc took objects that this commit had counted on: read the source again with a new writer.

    Nothing is lost: what this writer stored is in the index, owned by the session, and found again.
    """


class ObjectWriter:
    """Stores the objects of one command. Use from one thread; `finish` or `abort` ends it."""

    def __init__(self, store: ObjectStore, session: Session) -> None:
        self._store = store
        self._session = session
        with store.index.read() as txn:
            self._epoch = txn.epoch  # invariant 1
            self._broken = broken_packs(store.layout, txn)
        self._lock = threading.Lock()
        self._seen: set[bytes] = set()
        self._seen_metadata: set[bytes] = set()
        self._queue: list[NewObject] = []
        self._queued_size = 0
        self._groups: dict[bool, FrameContent] = {False: [], True: []}
        self._group_sizes = {False: 0, True: 0}
        self._early: list[int] = []
        self._reused: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - lives as long as the writer
            max_size=_REUSED_IN_MEMORY, dir=str(session.tmp)
        )
        self._pipeline = PackPipeline(session.tmp, self._register_early)
        self.new_objects = 0
        self.reused_objects = 0
        self.new_size = 0
        """Bytes of new objects before compression."""
        self.stored_size = 0
        """Bytes of new packs on disk; known after `finish`."""

    def put(self, object_id: bytes, kind: Stored, data: bytes | memoryview) -> None:
        """Store `data` unless the store has it. `data` must not change afterwards.

        Raises:
            StorageError: The disk is full; the commit must be given up with `abort`.
        """
        self._queue.append(NewObject(object_id, kind, data))
        self._queued_size += len(data)
        if self._queued_size >= _BATCH_SIZE or len(self._queue) >= _LOOK_UP_COUNT:
            self._flush()

    def put_tree(self, entries: Sequence[Entry]) -> TreeId:
        """Store a directory; `entries` are sorted by name."""
        encoded = encode_tree(entries)
        tree = tree_id(encoded)
        self.put(tree.raw, Stored.TREE, encoded)
        return tree

    def tree(self, tree: TreeId) -> list[Entry]:
        """Give the entries of a tree that an earlier commit stored."""
        return self._store.tree(tree)

    def put_record(self, record: RecordId, encoded: bytes) -> None:
        """Store a version's record."""
        self.put(record.raw, Stored.RECORD, encoded)

    def reuse(self, object_ids: Iterable[bytes]) -> bool:
        """Count on objects that an earlier commit stored; whether all of them are there.

        Only those that are there are remembered for invariant 1.
        """
        if self._broken:
            return False  # a row of the index is no proof now: let everything be read again
        found = []
        complete = True
        with self._store.index.read() as txn:
            get, objects = txn.raw.get, txn.tables.objects
            for object_id in object_ids:
                if get(object_id, db=objects) is None:
                    complete = False
                else:
                    found.append(object_id)
        self._count_on(found)
        return complete

    def _count_on(self, object_ids: list[bytes]) -> None:
        with fs.explained("cannot write to the repository"):
            self._reused.write(b"".join(object_ids))
        self.reused_objects += len(object_ids)

    def _flush(self) -> None:
        """Look the queue up and hand on what is new."""
        queue, self._queue, self._queued_size = self._queue, [], 0
        frames: dict[bool, list[FrameContent]] = {False: [], True: []}
        for item in self._only_new(queue):
            kind = is_metadata(item.kind)
            if len(item.data) >= _ALONE_FROM:
                frames[kind].append([item])
                continue
            self._groups[kind].append(item)
            self._group_sizes[kind] += len(item.data)
            if self._group_sizes[kind] >= FRAME_SIZE:
                frames[kind].append(self._take_group(is_metadata=kind))
        for kind, ready in frames.items():
            if ready:
                self._submit(ready, is_metadata=kind)

    def _only_new(self, queue: list[NewObject]) -> list[NewObject]:
        new, reused = [], []
        with self._lock, self._store.index.read() as txn:
            get, objects = txn.raw.get, txn.tables.objects
            for item in queue:
                object_id = item.id
                seen = self._seen_metadata if is_metadata(item.kind) else self._seen
                if object_id in seen:
                    self.reused_objects += 1
                elif (row := get(object_id, db=objects)) is not None and not self._is_broken(row):
                    reused.append(object_id)
                else:
                    seen.add(object_id)
                    new.append(item)
        self._count_on(reused)
        self.new_objects += len(new)
        if len(self._seen_metadata) > _REMEMBERED_METADATA:
            self._seen_metadata.clear()  # a tree stored twice is a little garbage; unbounded memory is worse
        return new

    def _is_broken(self, row: Any) -> bool:  # noqa: ANN401 - lmdb's own type, with views that are never asked for
        return bool(self._broken) and PACK_NUMBER.unpack_from(row)[0] in self._broken

    def has_new(self) -> bool:
        """Whether anything that was put is not in the store yet."""
        self._flush()
        return self.new_objects > 0

    def _take_group(self, *, is_metadata: bool) -> FrameContent:
        group = self._groups[is_metadata]
        self._groups[is_metadata] = []
        self._group_sizes[is_metadata] = 0
        return group

    def _submit(self, frames: list[FrameContent], *, is_metadata: bool) -> None:
        self.new_size += sum(len(item.data) for frame in frames for item in frame)
        with fs.explained("cannot write to the repository"):
            self._pipeline.submit(frames, is_metadata=is_metadata)

    def _register_early(self, pack: SealedPack) -> None:
        """Runs in the pipeline's thread: a data pack is full (invariant 3)."""

        def change(txn: Txn) -> tuple[int, list[bytes]]:
            publish(self._store.layout, pack)
            return register(txn, pack, session=self._session.id, broken=self._broken)

        number, elsewhere = self._store.index.write(change)
        pack.path.unlink(missing_ok=True)
        with self._lock:  # rows first, then forget: a look-up finds an id here or there
            self._seen.difference_update(item.id for item in pack.footer.objects())
            self._early.append(number)
            self.stored_size += pack.file_size
            # Another session stored these first and may die: they are not ours but reused (invariant 1).
            self._reused.write(b"".join(elsewhere))

    def finish(self, change: Callable[[Txn], T]) -> T:
        """Seal everything and, in one write transaction, register it and run `change`.

        `change` moves the refs; when this returns, they and all they need are on stable storage. It runs
        last in the transaction and must not fail for a reason that could have been known before.

        Raises:
            ReusedObjectsGoneError: gc collected objects that were counted on; no ref moved. `change` may
                raise it too, when it finds that it needs objects which were not stored.
            StorageError: The disk is full; no ref moved.
        """
        self._flush()
        for kind in (False, True):
            if self._groups[kind]:
                self._submit([self._take_group(is_metadata=kind)], is_metadata=kind)
        with fs.explained("cannot write to the repository"):
            packs = self._pipeline.finish()
        self.stored_size += sum(pack.file_size for pack in packs)

        def commit(txn: Txn) -> tuple[bool, T | None]:
            complete = txn.epoch == self._epoch or self._reused_are_there(txn)
            owner = NO_SESSION if complete else self._session.id
            for pack in packs:
                publish(self._store.layout, pack)
                register(txn, pack, session=owner, with_metadata=complete, broken=self._broken)
            if not complete:
                return False, None
            for number in self._early:
                release(txn, number, NO_SESSION)
            return True, change(txn)

        with fs.explained("cannot write to the repository"):
            done, result = self._store.index.write(commit)
            for pack in packs:
                pack.path.unlink(missing_ok=True)
        self._reused.close()
        if not done:
            raise ReusedObjectsGoneError
        return result  # type: ignore[return-value] # `done` says that it is the result of `change`

    def _reused_are_there(self, txn: Txn) -> bool:
        get, objects = txn.raw.get, txn.tables.objects
        return all(get(object_id, db=objects) is not None for object_id in self._reused_ids())

    def _reused_ids(self) -> Iterator[bytes]:
        self._reused.seek(0)
        while block := self._reused.read(DIGEST_SIZE * 4096):
            yield from (block[at : at + DIGEST_SIZE] for at in range(0, len(block), DIGEST_SIZE))

    def abort(self) -> None:
        """Store nothing; what was registered early is garbage once the session ends."""
        self._pipeline.abort()
        with suppress(OSError):  # a full disk may refuse even the spooled file's last write
            self._reused.close()
