"""What happens between two phases of gc, or while somebody else is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError
from cas.ids import Kind
from cas.maintenance import census, collect, exclusive, sweep
from cas.maintenance.mark import Marks, Walk
from cas.objects import packwriter
from cas.objects.rows import PackRow
from cas.objects.session import Session
from cas.objects.tree import Entry
from cas.objects.writer import ObjectWriter, ReusedObjectsGoneError
from cas.progress import Silent
from cas.versions.events import Hidden, Unhidden
from tests.maintenance.boxes import Box, commit, noise
from tests.objects.stores import do_nothing, put_blob

if TYPE_CHECKING:
    from cas.maintenance.census import Census
    from cas.repo import Repository

EVERYTHING = 1 << 63
"""A time before which everything was removed."""


def take_census(repository: Repository) -> Census:
    """Do the first half of gc: decide."""
    return census.take(repository._store, EVERYTHING, Silent())


def finish(repository: Repository, taken: Census) -> int:
    """Do the second half of gc; how many objects it deleted."""
    _, deleted = collect.flip(repository._store, repository._ledger, taken, now_ns=1)
    sweep.sweep(repository._store, taken)
    return deleted


def settle(writer: ObjectWriter) -> None:
    """Wait until everything that was put is in a pack, and full packs are registered."""
    writer._flush()
    for kind in (False, True):
        if writer._groups[kind]:
            writer._submit([writer._take_group(is_metadata=kind)], is_metadata=kind)
    pipe = writer._pipeline
    with pipe._room:
        pipe._room.wait_for(lambda: pipe._in_flight == 0)


def test_a_version_restored_after_the_census_stays(box: Box) -> None:
    """The flip looks again: what was doomed when marking began and restored since keeps every byte."""
    files = {"x": b"content", "deep/er/y": noise(1, 400_000)}
    spec = box.commit("a", files)
    with box.open() as repository:
        repository.remove([spec])
        taken = take_census(repository)

        repository.restore(spec)
        deleted = finish(repository, taken)

    assert taken.condemned_count > 0
    assert deleted == 0
    assert box.versions() == {spec: files}
    assert box.problems() == []


def test_a_version_committed_after_the_census_keeps_what_it_reuses(box: Box) -> None:
    """A commit that ends before the flip counts, though it reused what the census had condemned."""
    files = {"x": b"content", "y": noise(1, 400_000)}
    removed = box.commit("a", files)
    with box.open() as repository:
        repository.remove([removed])
        taken = take_census(repository)

        spec = commit(repository, box.home / "source", "b", {**files, "z": b"more"})
        finish(repository, taken)

    assert box.versions() == {spec: {**files, "z": b"more"}}
    assert box.problems() == []


def test_a_removal_after_the_census_waits_for_the_next_gc(box: Box) -> None:
    """What was live when marking began is not freed by this run, but by the next."""
    spec = box.commit("a", {"x": noise(1, 100_000)})
    box.commit("b", {"y": b"1"})
    with box.open() as repository:
        taken = take_census(repository)

        repository.remove([spec])
        deleted = finish(repository, taken)
        then = repository.gc()

    assert deleted == 0
    assert [one.name for one in then.freed] == ["a"]


def test_what_is_hidden_after_the_census_is_hidden_and_kept(box: Box) -> None:
    """An event about a path is no news of a version: the flip passes over it."""
    spec = box.commit("a", {"x": b"content"})
    removed = box.commit("b", {"y": noise(1, 400_000)})
    with box.open() as repository:
        repository.remove([removed])
        taken = take_census(repository)

        box.record(Hidden("main", b"a"), Unhidden("main", b"b"), Hidden("main", b"b", is_opaque=True))
        deleted = finish(repository, taken)

    assert deleted == taken.condemned_count > 0
    assert box.versions() == {spec: {"x": b"content"}}
    assert ["a", "b"] == list(box.whiteouts())


def test_a_commit_across_the_flip_stores_again_what_it_had_reused(box: Box) -> None:
    """Between look-up and final transaction gc may take what was found: the commit is told, no ref moves."""
    spec = box.commit("a", {"x": noise(1, 1000)})
    with box.open() as repository, Session.start(repository.layout) as session:
        writer = ObjectWriter(repository._store, session)
        blob = put_blob(writer, noise(1, 1000))
        writer._flush()
        repository.remove([spec])
        repository.gc()

        with pytest.raises(ReusedObjectsGoneError):
            writer.finish(do_nothing)
        writer.abort()
        again = ObjectWriter(repository._store, session)
        assert put_blob(again, noise(1, 1000)) == blob
        again.finish(do_nothing)

        with repository._index.read() as txn:
            assert repository._store.locate(txn, blob) is not None


def test_leaves_of_a_running_session_survive_the_flip(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long commit registers packs before it has a ref; gc takes them only once their owner is gone."""
    monkeypatch.setattr(packwriter, "TARGET_SIZE", 32 * 1024)  # or this would need gigabytes to show
    box.commit("garbage", {"x": noise(99, 50_000)})
    with box.open() as repository, Session.start(repository.layout) as session:
        writer = ObjectWriter(repository._store, session)
        blobs = [put_blob(writer, noise(number, 10_000)) for number in range(300)]
        settle(writer)
        repository.remove(["garbage"])
        before = repository.gc()
        entries = [Entry.of(b"%04d" % number, Kind.FILE, 10_000, blob) for number, blob in enumerate(blobs)]
        tree = writer.put_tree(entries)
        writer.finish(do_nothing)

        with repository._index.read() as txn:
            walk = Walk(repository._store, txn, Marks())
            walk.reach([tree.raw])
        assert before.objects_deleted > 0
        assert len(writer._early) > 1
        assert (walk.missing, walk.damaged) == (set(), {})

    with box.open() as repository:
        assert repository.gc().objects_deleted == 301
    assert box.objects() == set()
    assert box.packs() == []


def test_leaves_of_a_session_that_gave_up_are_garbage(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Early packs of a commit that failed are freed as soon as its session has ended."""
    monkeypatch.setattr(packwriter, "TARGET_SIZE", 32 * 1024)  # see above
    with box.open() as repository:
        with Session.start(repository.layout) as session:
            writer = ObjectWriter(repository._store, session)
            for number in range(300):
                put_blob(writer, noise(number, 10_000))
            settle(writer)
            writer.abort()
        assert len(box.packs()) > 0
        assert repository.gc().packs_deleted > 0

    assert box.packs() == []
    assert box.objects() == set()


def test_an_early_row_that_another_session_won_is_checked_again(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two sessions that store one object, the first has the row; if it dies, gc takes that from both."""
    with box.open() as repository, Session.start(repository.layout) as late:
        store = repository._store
        early = Session.start(repository.layout)
        writers = [ObjectWriter(store, early), ObjectWriter(store, late)]
        blobs = [put_blob(writer, noise(7, 50_000)) for writer in writers]
        for writer in writers:
            settle(writer)
        monkeypatch.setattr(packwriter, "TARGET_SIZE", 1)  # from now on every batch fills a pack
        for number, writer in enumerate(writers):
            put_blob(writer, noise(100 + number, 70_000))
            settle(writer)
        writers[0].abort()
        early.close()
        repository.gc()

        try:
            writers[1].finish(do_nothing)
        except ReusedObjectsGoneError:
            writers[1].abort()
            return  # it will read its source again
        with repository._index.read() as txn:
            assert store.locate(txn, blobs[1]) is not None


def test_tmp_of_running_sessions_is_left_alone(box: Box) -> None:
    """Only folders whose owner is dead are litter."""
    with box.open() as repository:
        dead = Session.start(repository.layout)
        dead._lock.release()  # as the kernel does when the process dies
        with Session.start(repository.layout) as alive:
            report = repository.gc()
            assert alive.tmp.exists()

    assert report.leftovers == 1
    assert not dead.tmp.exists()
    assert box.litter() == []


def test_one_gc_at_a_time(box: Box) -> None:
    """A second gc is told so, instead of waiting or harming."""
    with box.open() as repository, exclusive.hold(repository.layout, "hold it"):
        with pytest.raises(ConflictError) as caught:
            repository.gc()

        assert caught.value.code == "gc-running"


def test_an_object_stored_twice_survives_the_death_of_one_copy(box: Box) -> None:
    """Two commits at once may store the same bytes twice; the index has one row, the other copy is dead."""
    with box.open() as repository:
        store = repository._store
        with Session.start(repository.layout) as one, Session.start(repository.layout) as two:
            writers = [ObjectWriter(store, one), ObjectWriter(store, two)]
            for writer in writers:
                put_blob(writer, noise(7, 5000))
                writer._flush()
            for writer in writers:
                writer.finish(do_nothing)
        with repository._index.read() as txn:
            counts = sorted(PackRow.decode(row).live_count for _, row in txn.scan(txn.tables.packs))
    files = {"x": noise(7, 5000)}
    spec = box.commit("a", files)

    with box.open() as repository:
        repository.gc()

    assert counts == [0, 1]
    assert box.versions() == {spec: files}
    assert len(box.packs()) == 2
