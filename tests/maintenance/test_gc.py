"""What gc frees, what it leaves alone, and what it tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from cas import fs
from cas.errors import CorruptError
from cas.maintenance import leftovers, reserve, sweep
from cas.maintenance.mark import Marks
from cas.repo.results import OnConflict
from cas.testing import faults
from cas.versions.version import State
from cas.worktree.link import Link
from tests.maintenance.boxes import Box, files_of, noise

if TYPE_CHECKING:
    from cas.objects.index import Txn
    from cas.objects.rows import ObjectRow


def put_row(txn: Txn, *, object_id: bytes, row: ObjectRow) -> None:
    """Falsify the index."""
    txn.put(txn.tables.objects, object_id, row.encode())


def test_nothing_to_free_changes_nothing(box: Box) -> None:
    """A store without garbage keeps its epoch, so that no running commit has to check anything again."""
    box.commit("a", {"x": b"1", "y": noise(1, 200_000)})
    packs = box.packs()

    with box.open() as repository:
        report = repository.gc()
        with repository._index.read() as txn:
            epoch = txn.epoch

    assert (report.objects_deleted, report.bytes_freed, report.freed) == (0, 0, ())
    assert report.live_objects == len(box.objects())
    assert epoch == 0
    assert box.packs() == packs


def test_removed_content_is_freed_and_shared_content_stays(box: Box) -> None:
    """Only what no live version needs goes, to the byte, and the report says whose it was."""
    shared, own = noise(1, 500_000), noise(2, 500_000)
    first = box.commit("a", {"shared": shared, "own": own})
    second = box.commit("b", {"shared": shared})

    with box.open() as repository:
        repository.remove([first])
        announced = repository.gc(dry_run=True)
        assert len(repository.versions("a", include_removed=True)) == 1
        report = repository.gc()

    assert report.freed == announced.freed
    assert [(one.name, one.layer) for one in report.freed] == [("a", "main")]
    assert len(own) <= report.freed[0].bytes < len(own) * 1.02
    assert abs(report.bytes_freed - announced.bytes_freed) < 0.05 * report.bytes_freed
    assert box.versions() == {second: {"shared": shared}}
    assert sum(path.stat().st_size for path in box.packs()) < len(shared) * 1.02
    assert box.problems() == []


def test_a_freed_version_is_a_tombstone(box: Box) -> None:
    """What gc took cannot be restored, but the record stays, and committing it again brings it back."""
    files = {"x": b"content"}
    spec = box.commit("a", files)
    with box.open() as repository:
        repository.remove([spec])
        repository.gc()
        gone = repository.versions("a", include_removed=True)
        with pytest.raises(KeyError):
            repository.restore(spec)

    again = box.commit("a", files)

    assert [version.state for version in gone] == [State.COLLECTED]
    assert again == spec
    assert box.versions() == {spec: files}


def test_recently_removed_versions_can_be_spared(box: Box) -> None:
    """With `keep_removed`, a removal that is young enough can still be undone after gc."""
    spec = box.commit("a", {"x": b"content"})
    with box.open() as repository:
        repository.remove([spec])

        report = repository.gc(keep_removed=timedelta(days=14))
        repository.restore(spec)

    assert report.freed == ()
    assert box.versions() == {spec: {"x": b"content"}}
    with box.open() as repository:
        repository.remove([spec])
        assert len(repository.gc(keep_removed=timedelta(0)).freed) == 1


def test_replaced_content_is_garbage(box: Box) -> None:
    """Content that another took the place of belongs to no version any more."""
    box.commit("a", {"x": noise(1, 100_000)}, properties={"seed": 1})
    spec = box.commit("a", {"x": b"new"}, properties={"seed": 1}, on_conflict=OnConflict.REPLACE)

    with box.open() as repository:
        report = repository.gc()

    assert report.freed == ()
    assert report.bytes_freed > 90_000
    assert box.versions() == {spec: {"x": b"new"}}


def test_a_pack_that_nobody_registered_is_deleted(box: Box) -> None:
    """A file under `packs/` without a row was left by somebody who died between rename and commit."""
    box.commit("a", {"x": b"1"})
    stray = box.root / "packs" / "ab" / ("ab" * 32 + ".pack")
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"half a pack")
    foreign = stray.with_name("notes.txt")
    foreign.write_bytes(b"not ours")

    with box.open() as repository:
        announced = repository.gc(dry_run=True)
        assert stray.exists()
        report = repository.gc()

    assert (announced.leftovers, announced.bytes_freed) == (1, 11)
    assert (report.leftovers, report.bytes_freed) == (1, 11)
    assert not stray.exists()
    assert foreign.exists()


def test_gc_refuses_to_free_anything_while_a_live_version_is_damaged(box: Box) -> None:
    """A tree that cannot be read hides what it needs: freeing the rest would make the damage final."""
    box.commit("a", {"x": noise(1, 1000), "sub/y": noise(2, 1000)})
    doomed = box.commit("b", {"z": noise(3, 1000)})
    with box.open() as repository:
        tree = repository.resolve("a").content.id.raw
        repository._index.write(lambda txn: txn.delete(txn.tables.objects, tree))
        repository.remove([doomed])
        before = box.objects()

        with pytest.raises(CorruptError) as caught:
            repository.gc()

        assert caught.value.code == "store-damaged"
        assert box.objects() == before
        repository.remove(["a"])
        repository.gc()
    assert box.objects() == set()


def test_a_tree_that_decodes_to_another_one_is_noticed(box: Box) -> None:
    """Every tree is verified, or a flipped bit would free the children that it no longer names."""
    box.commit("a", {"x": noise(1, 1000)})
    other = box.commit("b", {"y": noise(2, 1000)})
    with box.open() as repository:
        trees = [repository.resolve(name).content.id.raw for name in ("a", "b")]

        other_row = repository._store.find(trees[1])
        repository._index.write(partial(put_row, object_id=trees[0], row=other_row))
        repository.remove([other])

        with pytest.raises(CorruptError):
            repository.gc()


def test_an_index_that_contradicts_itself_stops_gc(box: Box) -> None:
    """A row that points at a pack, or a place in it, that does not exist is damage, not garbage."""
    box.commit("a", {"x": noise(1, 1000)})
    with box.open() as repository:
        tree = repository.resolve("a").content.id
        row = repository._store.find(tree.raw)
        for wrong in (replace(row, pack=77), replace(row, position=77)):
            repository._index.write(partial(put_row, object_id=tree.raw, row=wrong))

            with pytest.raises(CorruptError) as caught:
                repository.gc()

            assert caught.value.code == "index-damaged"


def test_many_small_packs_are_merged(box: Box) -> None:
    """However many small commits there were, few packs remain, and every byte is still there."""
    specs = {box.commit("a", {f"{number}": noise(number, 100)}): number for number in range(40)}
    count = len(box.packs())

    with box.open() as repository:
        report = repository.gc()
        again = repository.gc()

    assert count == 40
    assert len(box.packs()) < sweep.FAN_IN * 2
    assert report.packs_rewritten > 20
    assert (again.packs_rewritten, again.packs_deleted) == (0, 0)
    assert box.versions() == {spec: {f"{number}": noise(number, 100)} for spec, number in specs.items()}
    assert box.problems() == []


def test_a_pack_that_is_mostly_live_is_not_rewritten(box: Box) -> None:
    """Copying much to free little is put off until enough has died."""
    box.commit("a", {f"{number}": noise(number, 100_000) for number in range(10)})
    spec = box.commit("b", {"x": noise(0, 100_000)})
    with box.open() as repository:
        repository.commit("c", box.packs()[-1].parents[2] / "config.yaml")
        repository.remove([spec])

        report = repository.gc()

    assert report.objects_deleted > 0
    assert len(box.packs()) >= 2


def test_caches_forget_what_was_freed(box: Box) -> None:
    """Rows of the stat cache, and records of checkouts that are gone, go with the content."""
    spec = box.commit("a", {"x": b"1", "sub/y": b"2"})
    with box.open() as repository:
        repository.checkout("a", box.home / "out")
        (box.home / "out" / "x").unlink()
        (box.home / "out" / "sub" / "y").unlink()
        (box.home / "out" / "sub").rmdir()
        (box.home / "out").rmdir()
        repository.remove([spec])
        repository.gc()
        with repository._index.read() as txn:
            left = (txn.count(txn.tables.stat), txn.count(txn.tables.checkouts))

    assert left == (0, 0)


def test_views_of_freed_content_are_deleted(box: Box) -> None:
    """Materialised files are a cache of what the store has, and nothing else."""
    kept = box.commit("a", {"x": b"kept"})
    spec = box.commit("b", {"x": b"gone"})
    with box.open() as repository:
        for name in ("a", "b"):
            repository.checkout(name, box.home / name, link=Link.HARDLINK)
        before = sorted(
            path.read_bytes() for path in (box.root / "views" / "files").rglob("*") if path.is_file()
        )
        repository.remove([spec])
        repository.gc()
        after = [path.read_bytes() for path in (box.root / "views" / "files").rglob("*") if path.is_file()]
        assert files_of(repository, kept) == {"x": b"kept"}

    assert before == [b"gone", b"kept"]
    assert after == [b"kept"]


def test_a_full_disk_keeps_what_was_freed(box: Box) -> None:
    """If there is no room to rewrite packs, what was deleted stays deleted, and nothing is lost."""
    kept = box.commit("a", {"x": noise(1, 1000)})
    doomed = box.commit("a", {"y": noise(2, 100_000), "x": noise(1, 1000)})
    with box.open() as repository:
        repository.remove([doomed])

        with faults.failing_at("pack.sealed", OSError(28, "No space left on device")):
            report = repository.gc()

    assert report.packs_rewritten == 0
    assert box.versions() == {kept: {"x": noise(1, 1000)}}
    assert box.problems() == []
    assert box.litter() == []


def test_the_reserve_is_given_up_and_made_again(box: Box) -> None:
    """A megabyte is set aside for the day when the disk is full, and gc finds it gone only while it runs."""
    seen: list[bool] = []
    box.commit("a", {"x": b"1"})
    assert reserve.create(box.layout)

    with box.open() as repository:
        repository.remove(["a"])
        fs.observer = lambda _: seen.append(repository.layout.reserve.exists())
        try:
            repository.gc()
        finally:
            fs.observer = None

    assert seen
    assert not any(seen)
    assert box.layout.reserve.stat().st_size == reserve.SIZE


def test_marks_tell_owners_apart() -> None:
    """One byte an object is enough for 255 owners, and more get more room."""
    marks = Marks(owner_count=70_000)
    marks.sizes[3] = 5

    marks[3][4] = 69_999
    marks[3][0] = 1

    assert list(marks[3]) == [1, 0, 0, 0, 69_999]
    assert marks.count(3) == 1
    assert marks.count(9) == 0


def test_leftovers_of_a_store_that_never_had_any(box: Box) -> None:
    """Nothing to clear is found as quickly as it sounds."""
    with box.open() as repository:
        assert leftovers.clear(repository.layout, repository._index) == leftovers.Cleared(0, 0)
