"""Stores to put objects into, and the two moves that most tests make."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from blake3 import blake3

from cas.layout import Layout
from cas.objects.index import Index
from cas.objects.rows import PackRow, Stored
from cas.objects.session import Session
from cas.objects.store import ObjectStore
from cas.objects.writer import ObjectWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from cas.objects.index import Txn


def make_layout(root: Path) -> Layout:
    """Make the directories that objects need."""
    layout = Layout(root)
    for folder in (layout.index, layout.packs, layout.sessions, layout.tmp):
        folder.mkdir(parents=True)
    return layout


@contextmanager
def open_store(layout: Layout) -> Iterator[ObjectStore]:
    """Open the store of `layout`; its index is made if there is none."""
    index = Index.open(layout.index, create=True)
    store = ObjectStore(layout, index)
    try:
        yield store
    finally:
        store.close()
        index.close()


def put_blobs(store: ObjectStore, blobs: Iterable[bytes]) -> list[bytes]:
    """Store `blobs` in one commit and return their ids."""
    with Session.start(store.layout) as session:
        writer = ObjectWriter(store, session)
        ids = [put_blob(writer, data) for data in blobs]
        writer.finish(do_nothing)
    return ids


def put_blob(writer: ObjectWriter, data: bytes) -> bytes:
    """Queue `data` as one chunk and return its id."""
    blob = blake3(data).digest()
    writer.put(blob, Stored.DATA, data)
    return blob


def do_nothing(txn: Txn) -> None:
    """Be the change of refs of a commit that moves none."""


def noise(seed: str, size: int) -> bytes:
    """Return bytes that do not compress, always the same for one seed."""
    return blake3(seed.encode()).digest(length=size)


def rows_of_packs(store: ObjectStore) -> list[PackRow]:
    """List the packs that the index knows, oldest first."""
    with store.index.read() as txn:
        return [PackRow.decode(row) for _, row in txn.scan(txn.tables.packs)]


def object_count(store: ObjectStore) -> int:
    """How many objects the index knows."""
    with store.index.read() as txn:
        return txn.count(txn.tables.objects)


def forget(store: ObjectStore, ids: Iterable[bytes]) -> None:
    """Do what gc does in its flip: take objects out of the index, and raise the epoch."""

    def flip(txn: Txn) -> None:
        for object_id in ids:
            txn.delete(txn.tables.objects, object_id)
        txn.set_number(b"epoch", txn.epoch + 1)

    store.index.write(flip)


def pack_files(layout: Layout) -> list[Path]:
    """List the sealed packs."""
    return sorted(layout.packs.rglob("*.pack"))


def files_below(folder: Path) -> list[Path]:
    """List every file in `folder`, however deep."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir())
