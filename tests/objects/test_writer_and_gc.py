"""A commit while gc runs (DESIGN 5, rule 4): what it counted on is there when a ref moves, or no ref moves.

gc is played by its one transaction that matters here: rows go, the epoch rises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.errors import NotFoundError
from cas.ids import BlobId, Kind
from cas.objects.rows import NO_SESSION
from cas.objects.session import Session
from cas.objects.tree import Entry
from cas.objects.writer import ObjectWriter, ReusedObjectsGoneError
from tests.objects.stores import (
    do_nothing,
    files_below,
    forget,
    noise,
    object_count,
    put_blob,
    put_blobs,
    rows_of_packs,
)

if TYPE_CHECKING:
    from cas.layout import Layout
    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore

OLD, NEW = noise("stored before", 1_100_000), noise("new", 1_200_000)


def never(txn: Txn) -> None:
    """Be a change that must not happen."""
    raise AssertionError(txn)


def test_a_commit_that_counted_on_what_is_gone_moves_nothing(store: ObjectStore, session: Session) -> None:
    """The ref would point at bytes that are not there."""
    (old,) = put_blobs(store, [OLD])
    writer = ObjectWriter(store, session)
    put_blob(writer, OLD)
    tree = writer.put_tree([Entry.of(b"a", Kind.FILE, len(OLD), old)])
    forget(store, [old])

    with pytest.raises(ReusedObjectsGoneError):
        writer.finish(never)
    writer.abort()

    with pytest.raises(NotFoundError):
        store.tree(tree)


def test_the_second_try_stores_what_was_gone_and_finds_the_rest(
    store: ObjectStore, layout: Layout, session: Session
) -> None:
    """What the first try stored is not stored again, and in the end everything is there."""
    (old,) = put_blobs(store, [OLD])
    first = ObjectWriter(store, session)
    put_blob(first, OLD)
    new = put_blob(first, NEW)
    forget(store, [old])
    with pytest.raises(ReusedObjectsGoneError):
        first.finish(never)
    first.abort()
    assert session.id == rows_of_packs(store)[-1].session, "gc must leave it alone until the session ends"

    second = ObjectWriter(store, session)
    put_blob(second, OLD)
    put_blob(second, NEW)
    tree = second.put_tree(
        [Entry.of(b"new", Kind.FILE, len(NEW), new), Entry.of(b"old", Kind.FILE, len(OLD), old)]
    )
    second.finish(do_nothing)

    assert (2, 1) == (second.new_objects, second.reused_objects)
    assert [OLD, NEW] == [store.get(BlobId(blob)) for blob in (old, new)]
    assert [b"new", b"old"] == [entry.name for entry in store.tree(tree)]
    assert [] == files_below(layout.tmp)


def test_trees_of_the_first_try_do_not_stay(store: ObjectStore, session: Session) -> None:
    """A tree in the index stands for all below it; this one's file is gone, so it must not enter."""
    (old,) = put_blobs(store, [OLD])
    writer = ObjectWriter(store, session)
    writer.reuse([old])
    put_blob(writer, NEW)
    for number in range(10):
        writer.put_tree([Entry.of(b"%d" % number, Kind.FILE, len(OLD), old)])
    forget(store, [old])

    with pytest.raises(ReusedObjectsGoneError):
        writer.finish(never)
    writer.abort()

    assert 1 == object_count(store), "only the new blob, which refers to nothing"


def test_counting_on_a_directory_is_checked_too(store: ObjectStore, session: Session) -> None:
    """An unchanged directory is not read, so its tree is all that the commit knows of it."""
    with Session.start(store.layout) as earlier:
        before = ObjectWriter(store, earlier)
        tree = before.put_tree([])
        before.finish(do_nothing)
    writer = ObjectWriter(store, session)

    assert writer.reuse([tree.raw])
    forget(store, [tree.raw])

    with pytest.raises(ReusedObjectsGoneError):
        writer.finish(never)
    writer.abort()


def test_what_is_not_there_cannot_be_counted_on(store: ObjectStore, session: Session) -> None:
    """The stat cache may remember files whose bytes gc took long ago: they are read again."""
    (old,) = put_blobs(store, [OLD])
    writer = ObjectWriter(store, session)

    assert not writer.reuse([old, bytes(32)])
    assert writer.reuse([])
    writer.finish(do_nothing)


@pytest.mark.parametrize("gone", [[], [bytes(32)]], ids=["nothing", "something else"])
def test_a_collection_of_other_things_does_not_matter(
    store: ObjectStore, session: Session, gone: list[bytes]
) -> None:
    """A moved epoch alone is no reason to read the source again."""
    (old,) = put_blobs(store, [OLD])
    writer = ObjectWriter(store, session)
    put_blob(writer, OLD)
    new = put_blob(writer, NEW)
    forget(store, gone)

    writer.finish(do_nothing)

    assert [OLD, NEW] == [store.get(BlobId(blob)) for blob in (old, new)]
    assert [NO_SESSION] * 2 == [row.session for row in rows_of_packs(store)]


def test_what_is_looked_up_after_the_collection_needs_no_second_try(
    store: ObjectStore, session: Session
) -> None:
    """The epoch is read before the first look-up, so at worst something is checked that need not be."""
    (old,) = put_blobs(store, [OLD])
    writer = ObjectWriter(store, session)
    forget(store, [old])
    put_blob(writer, OLD)

    writer.finish(do_nothing)

    assert OLD == store.get(BlobId(old))
    assert 1 == writer.new_objects


def test_many_reused_objects_are_all_remembered(store: ObjectStore, session: Session) -> None:
    """Beyond some megabytes the list goes to disk; the one that is gone is found at either end."""
    ids = put_blobs(store, (b"%d" % number for number in range(2000)))
    for gone in (ids[0], ids[-1]):
        writer = ObjectWriter(store, session)
        for _ in range(200):
            writer.reuse(ids)
        assert 400_000 == writer.reused_objects
        forget(store, [gone])

        with pytest.raises(ReusedObjectsGoneError):
            writer.finish(never)
        writer.abort()

        put_blobs(store, [b"0", b"1999"])
