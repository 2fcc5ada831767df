"""Storing: what is put comes back, once, and enters the index together with the change that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from cas.errors import NotFoundError
from cas.ids import BlobId, Kind, RecordId, TreeId
from cas.objects.pack import TARGET_SIZE
from cas.objects.recipe import Part, Recipe, encode_recipe, subrecipe_id
from cas.objects.rows import NO_SESSION, Stored
from cas.objects.session import Session
from cas.objects.store import RECORD_CONTEXT
from cas.objects.tree import Entry, encode_tree
from cas.objects.writer import ObjectWriter
from tests.objects.stores import (
    do_nothing,
    files_below,
    make_layout,
    noise,
    object_count,
    open_store,
    pack_files,
    put_blob,
    put_blobs,
    rows_of_packs,
)

if TYPE_CHECKING:
    from cas.layout import Layout
    from cas.objects.index import Txn
    from cas.objects.rows import PackRow
    from cas.objects.store import ObjectStore

KIB = 1024


@settings(max_examples=25)
@given(blobs=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 200 * KIB)), max_size=12))
def test_whatever_is_put_comes_back(
    blobs: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The one law of a store, for any mix of small and large, of new and known."""
    data = [noise(seed, size) for seed, size in blobs]
    with open_store(make_layout(tmp_path_factory.mktemp("store"))) as store:
        ids = put_blobs(store, data)

        assert data == [store.get(BlobId(blob)) for blob in ids]
        assert len(set(ids)) == object_count(store)


@pytest.mark.parametrize(
    "size",
    [
        *(0, 1, 2, 1023),
        *(64 * KIB - 1, 64 * KIB, 64 * KIB + 1),
        *(128 * KIB - 1, 128 * KIB, 128 * KIB + 1),
        *(256 * KIB, 256 * KIB + 1, 1024 * KIB, 3000 * KIB),
    ],
)
@pytest.mark.parametrize("is_text", [False, True], ids=["noise", "text"])
def test_no_size_is_special(store: ObjectStore, size: int, *, is_text: bool) -> None:
    """Where objects get a frame of their own, and where a frame is full, nothing changes for readers."""
    neighbours = [b"before", b"after"]
    data = b"again and again, " * (size // 17) + b"x" * (size % 17) if is_text else noise("size", size)

    ids = put_blobs(store, [neighbours[0], data, neighbours[1]])

    assert [neighbours[0], data, neighbours[1]] == [store.get(BlobId(blob)) for blob in ids]


def test_put_twice_stores_once(store: ObjectStore, session: Session) -> None:
    """Within one commit, before and after the index was asked, a second copy costs nothing."""
    writer = ObjectWriter(store, session)
    for _ in range(3):
        for number in range(1500):
            put_blob(writer, b"file %d" % number)
    writer.finish(do_nothing)

    assert (1500, 3000) == (writer.new_objects, writer.reused_objects)
    assert 1500 == object_count(store)
    assert [1500] == [row.object_count for row in rows_of_packs(store)]


def test_what_is_stored_is_not_stored_again(store: ObjectStore, layout: Layout) -> None:
    """The next commit of the same files writes no pack at all."""
    data = [noise(f"{number}", 50_000) for number in range(10)]
    put_blobs(store, data)
    before = pack_files(layout)

    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        for blob in data:
            put_blob(writer, blob)
        writer.finish(do_nothing)

    assert before == pack_files(layout)
    assert (0, 10, 0, 0) == (
        writer.new_objects,
        writer.reused_objects,
        writer.new_size,
        writer.stored_size,
    )


def test_the_writer_says_what_it_cost(store: ObjectStore, layout: Layout, session: Session) -> None:
    """People are told what a commit added: bytes before compression, and on the disk."""
    writer = ObjectWriter(store, session)
    put_blob(writer, b"a" * 100_000)
    put_blob(writer, noise("cost", 50_000))
    writer.finish(do_nothing)

    (pack,) = pack_files(layout)
    assert 150_000 == writer.new_size
    assert pack.stat().st_size == writer.stored_size
    assert 50_000 < writer.stored_size < 60_000
    assert [(pack.stat().st_size, 150_000, 2, 2)] == [
        (row.file_size, row.raw_size, row.object_count, row.live_count) for row in rows_of_packs(store)
    ]


def test_trees_and_records_come_back(store: ObjectStore, session: Session) -> None:
    """Metadata goes its own way through the pipeline and is found like everything else."""
    writer = ObjectWriter(store, session)
    blob = put_blob(writer, b"hello")
    entries = [Entry.of(b"hello.txt", Kind.FILE, 5, blob)]
    tree = writer.put_tree(entries)
    record = RecordId(blake3(b"a record", derive_key_context=RECORD_CONTEXT).digest())
    writer.put_record(record, b"a record")
    writer.finish(do_nothing)

    assert entries == store.tree(tree)
    assert encode_tree(entries) == store.get(tree)
    assert b"a record" == store.get(record)


def test_a_large_blob_comes_back_through_its_recipe(store: ObjectStore, session: Session) -> None:
    """Chunks, two levels of recipes and the blob: all of it is found by the id of the blob alone."""
    chunks = [noise(f"chunk {number}", 1000 + number) for number in range(40)]
    blob = blake3(b"".join(chunks)).digest()
    writer = ObjectWriter(store, session)
    parts = [Part(put_blob(writer, chunk), len(chunk)) for chunk in chunks]
    halves = []
    for half in (parts[:20], parts[20:]):
        encoded = encode_recipe(Recipe(0, sum(part.size for part in half), half))
        halves.append(Part(subrecipe_id(encoded), sum(part.size for part in half)))
        writer.put(halves[-1].id, Stored.SUBRECIPE, encoded)
    root = encode_recipe(Recipe(1, sum(part.size for part in parts), halves))
    writer.put(blob, Stored.RECIPE, root)
    writer.finish(do_nothing)

    assert b"".join(chunks) == store.get(BlobId(blob))
    assert chunks == list(store.stream(BlobId(blob)))
    assert parts == store.chunks(BlobId(blob))
    assert [Part(parts[0].id, 1000)] == store.chunks(BlobId(parts[0].id))


def test_nothing_is_visible_before_the_end(store: ObjectStore, session: Session) -> None:
    """A tree in the index stands for everything below it, so it enters last, with the ref."""
    writer = ObjectWriter(store, session)
    blob = put_blob(writer, noise("early", 100_000))
    tree = writer.put_tree([Entry.of(b"a", Kind.FILE, 100_000, blob)])

    for missing in (BlobId(blob), tree):
        with pytest.raises(NotFoundError):
            store.get(missing)
    writer.finish(do_nothing)

    assert 100_000 == len(store.get(BlobId(blob)))


def test_objects_and_refs_enter_in_one_transaction(store: ObjectStore, session: Session) -> None:
    """The change that needs the objects sees them, and its result is handed back."""
    writer = ObjectWriter(store, session)
    blob = put_blob(writer, b"hello")

    def change(txn: Txn) -> str:
        assert store.locate(txn, blob) is not None
        txn.put(txn.tables.meta, b"a ref", b"moved")
        return "done"

    assert "done" == writer.finish(change)
    with store.index.read() as txn:
        assert b"moved" == txn.get(txn.tables.meta, b"a ref")


def test_a_change_that_is_refused_leaves_no_row(store: ObjectStore, session: Session) -> None:
    """A conflict found at the last moment must not leave trees that nobody refers to."""
    writer = ObjectWriter(store, session)
    tree = writer.put_tree([])

    def refuse(txn: Txn) -> None:
        txn.put(txn.tables.meta, b"a ref", b"moved")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        writer.finish(refuse)
    writer.abort()

    with store.index.read() as txn:
        assert txn.get(txn.tables.meta, b"a ref") is None
    assert [] == rows_of_packs(store)
    with pytest.raises(NotFoundError):
        store.tree(TreeId(tree.raw))


def test_a_writer_that_gives_up_leaves_nothing(store: ObjectStore, layout: Layout) -> None:
    """A conflict, Ctrl-C, a full disk: whatever was on its way is gone with the session."""
    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        for number in range(20):
            put_blob(writer, noise(f"{number}", 300_000))
        writer.put_tree([])
        writer.abort()
        writer.abort()

    assert 0 == object_count(store)
    assert [] == rows_of_packs(store)
    assert [] == files_below(layout.packs) + files_below(layout.tmp) + files_below(layout.sessions)


def test_a_large_commit_is_cut_into_packs_and_registered_on_the_way(
    store: ObjectStore, layout: Layout
) -> None:
    """Memory does not grow with the commit; what is registered early is the session's until the end."""
    data = [noise(f"large {number}", 256 * KIB) for number in range(320)]
    early: list[PackRow] = []

    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        ids = [put_blob(writer, chunk) for chunk in data]
        writer.put_tree([])
        writer.finish(lambda _: early.extend(rows_of_packs(store)))  # the last state before this transaction

    assert [session.id] == [row.session for row in early]
    assert early[0].file_size >= TARGET_SIZE
    assert [NO_SESSION] * 2 == [row.session for row in rows_of_packs(store)]
    assert len(data) + 1 == sum(row.live_count for row in rows_of_packs(store))
    assert sum(path.stat().st_size for path in pack_files(layout)) == writer.stored_size
    assert all(chunk == store.get(BlobId(blob)) for chunk, blob in zip(data, ids, strict=True))
    assert [] == files_below(layout.tmp)


def test_what_two_writers_store_at_once_is_there_once(store: ObjectStore, layout: Layout) -> None:
    """Neither sees the other's objects before the end; the second copy is garbage from the start."""
    data = noise("both", 1_100_000)  # so large that it is looked up when it is put
    with Session.start(layout) as one, Session.start(layout) as two:
        first, second = ObjectWriter(store, one), ObjectWriter(store, two)
        blob = {put_blob(writer, data) for writer in (first, second)}.pop()
        put_blob(second, b"only the second")
        first.finish(do_nothing)
        second.finish(do_nothing)

    assert data == store.get(BlobId(blob))
    assert [(1, 1), (2, 1)] == [(row.object_count, row.live_count) for row in rows_of_packs(store)]
