"""Reading a working tree into sinks of all kinds, with a clock of one's own."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import msgspec
from blake3 import blake3

from cas.config import Chunking
from cas.ids import BlobId, TreeId
from cas.objects.chunker import Chunker
from cas.objects.session import Session
from cas.objects.writer import ObjectWriter
from cas.progress import Silent
from cas.testing.trees import File, Symlink
from cas.worktree.ingest import Ingest, Ingested, Settings
from cas.worktree.sinks import HashingSink, StoringSink
from cas.worktree.statcache import StatCache

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cas.objects.store import ObjectStore
    from cas.testing.trees import Node
    from cas.worktree.sinks import Sink

LATER_NS = 1 << 62
"""A clock that stands in 2116: whatever a test has just written is old, and so can be trusted."""
WHOLE_BELOW = 128 * 1024


def read(store: ObjectStore, path: Path, sink: Sink, *, now_ns: int = LATER_NS) -> Ingested:
    """Read `path` into `sink`, and remember what it looked like."""
    cache = StatCache(store.index)
    settings = Settings(lambda: now_ns, WHOLE_BELOW, store.layout.root)
    ingested = Ingest(sink, cache, settings, Silent()).read(path)
    cache.flush()
    return ingested


def store_path(store: ObjectStore, path: Path, *, now_ns: int = LATER_NS) -> Ingested:
    """Read `path` into the store."""
    with Session.start(store.layout) as session:
        writer = ObjectWriter(store, session)
        sink = StoringSink(writer, Chunker(Chunking()))
        try:
            ingested = read(store, path, sink, now_ns=now_ns)
            writer.finish(lambda _: None)
        finally:
            sink.close()
            writer.abort()
    return ingested


class CountingSink(HashingSink):
    """Stores nothing, and says which files had to be read."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self.read: list[bytes] = []

    def small(self, data: bytes) -> bytes:
        """Take note of its bytes."""
        self.read.append(data)
        return super().small(data)

    def large(self, blocks: Iterable[bytes]) -> bytes:
        """Take note of its bytes."""
        kept = list(blocks)
        self.read.append(b"".join(kept))
        return super().large(kept)


def identify(node: Node) -> tuple[int, int, bytes]:
    """Compute kind, size and id of a tree of files by the document alone (docs/format/identity.md)."""
    match node:
        case File(data, is_executable):
            return int(is_executable), len(data), blake3(data).digest()
        case Symlink(target):
            return 2, len(target), target
        case _:
            return identify_directory((name, *identify(node[name])) for name in sorted(node))


def identify_directory(entries: Iterable[tuple[bytes, int, int, bytes]]) -> tuple[int, int, bytes]:
    """Compute kind, size and id of a directory from (name, kind, size, id) of what is in it, sorted."""
    modes = (0o644, 0o755, 0o777, 0o755)
    rows = [(name, modes[kind], kind, size, object_id) for name, kind, size, object_id in entries]
    tree = blake3(msgspec.msgpack.encode(rows), derive_key_context="cas tree v1").digest()
    return 3, sum(size for _, _, _, size, _ in rows), tree


def count_files(node: Node) -> int:
    """How many files and symlinks there are."""
    return sum(map(count_files, node.values())) if isinstance(node, dict) else 1


def read_back(store: ObjectStore, ingested: Ingested) -> Node:
    """Put the stored content together again, as values."""
    return _read_back(store, ingested.content.kind, ingested.content.id.raw)


def _read_back(store: ObjectStore, kind: int, object_id: bytes) -> Node:
    if kind == 3:
        return {one.name: _read_back(store, one.kind, one.id) for one in store.tree(TreeId(object_id))}
    if kind == 2:
        return Symlink(object_id)
    return File(store.get(BlobId(object_id)), is_executable=kind == 1)


def let_the_clock_tick(path: Path) -> None:
    """Return once the file system's clock has moved on since `path` last changed: some milliseconds.

    Two changes within one of its ticks look like one, and that is not what a test is about.
    """
    changed_ns = os.lstat(path).st_ctime_ns
    with tempfile.TemporaryFile() as probe:
        while os.fstat(probe.fileno()).st_mtime_ns <= changed_ns:
            os.pwrite(probe.fileno(), b"x", 0)
