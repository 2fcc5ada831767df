"""Damage is found, told object by object and version by version, and mended where a good copy is left."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError, CorruptError
from cas.ids import PackId
from cas.maintenance import exclusive
from cas.objects.rows import PACK_NUMBER, PackRow, Stored
from cas.repo import Repository
from cas.worktree.link import Link
from tests.maintenance.boxes import Box, damage, killed_at, noise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.maintenance.verify import VerifyReport
    from cas.objects.index import Txn
    from cas.objects.rows import ObjectRow

BIG = noise(1, 700_000)
FILES = {"big": BIG, "small": b"small", "sub/one": noise(2, 90_000), "sub/two": noise(3, 90_000)}


def verify(box: Box, *, quick: bool = False, repair: bool = False) -> VerifyReport:
    """Verify, as one command."""
    with box.open() as repository:
        return repository.verify(quick=quick, repair=repair)


def place_of(box: Box, kind: Stored, *, largest: bool = True) -> tuple[bytes, ObjectRow, Path]:
    """Choose the largest (or smallest) object of a kind: id, place and pack file."""
    with box.open() as repository:
        store = repository._store
        with repository._index.read() as txn:
            found = [(key, store.locate(txn, key)) for key, _ in txn.scan(txn.tables.objects)]
            rows = [(key, row) for key, row in found if row is not None and row.kind is kind]
            key, row = sorted(rows, key=lambda item: (item[1].size, item[0]))[-1 if largest else 0]
            pack = PackRow.decode(txn.get(txn.tables.packs, PACK_NUMBER.pack(row.pack)) or b"")
        return key, row, store.layout.pack(PackId(pack.id))


def damage_object(box: Box, kind: Stored, *, largest: bool = True) -> str:
    """Flip a bit in the frame of an object; its id."""
    object_id, row, path = place_of(box, kind, largest=largest)
    inside = row.offset if row.frame_size == row.frame_raw_size else row.frame_size // 2
    damage(path, row.frame_offset + inside + 3)
    return object_id.hex()


def codes(report: VerifyReport) -> set[str]:
    """Which kinds of problem there are."""
    return {problem.code for problem in report.problems}


def left(report: VerifyReport) -> list[str]:
    """What was not repaired."""
    return [problem.what for problem in report.problems if not problem.repaired]


def change_row(box: Box, change: Callable[[Txn], object]) -> None:
    """Falsify the index."""
    with box.open() as repository:
        repository._index.write(change)


@pytest.mark.parametrize("quick", [True, False])
def test_an_intact_store_has_no_problems(box: Box, quick: bool) -> None:
    """Every pack and object is counted, and nothing is found."""
    box.commit("a", FILES)

    report = verify(box, quick=quick)

    assert report.problems == ()
    assert report.quick is quick
    assert report.objects == len(box.objects())
    assert (report.packs, report.bytes) == (len(box.packs()), sum(p.stat().st_size for p in box.packs()))


@pytest.mark.parametrize("kind", [Stored.DATA, Stored.TREE, Stored.RECIPE])
def test_a_flipped_bit_is_found_and_names_the_versions(box: Box, kind: Stored) -> None:
    """Every kind of object that a version needs is checked, a recipe by the blob that it gives."""
    spec = box.commit("a", FILES)
    box.commit("b", {"else": b"1"})

    object_id = damage_object(box, kind)
    report = verify(box)

    found = {problem.id: problem for problem in report.problems if problem.code != "pack-damaged"}
    assert object_id in found
    assert [name.split("@")[0] for name in found[object_id].affected] == ["a"]
    assert spec.startswith(found[object_id].affected[0])
    assert "pack-damaged" in codes(report)


def test_quick_trusts_content_but_reads_trees(box: Box) -> None:
    """A quick look re-hashes no file, and is not fooled by a damaged directory."""
    box.commit("a", FILES)
    copy = box.copy(box.home.with_name("copy"))

    damage_object(box, Stored.DATA)
    damage_object(copy, Stored.TREE)

    assert verify(box, quick=True).problems == ()
    assert "object-damaged" in codes(verify(copy, quick=True))


@pytest.mark.parametrize("cut", [1, 4000])
def test_a_pack_cut_short_is_found_quickly(box: Box, cut: int) -> None:
    """A pack whose end is gone has no tables; what is left of its frames is still told apart."""
    box.commit("a", FILES)
    path = box.packs()[0]
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-cut])

    report = verify(box, quick=True)

    assert "pack-damaged" in codes(report)
    lost = [problem for problem in report.problems if problem.code == "object-damaged"]
    assert len(lost) < len(box.objects())


def test_a_missing_pack_takes_its_objects_with_it(box: Box) -> None:
    """Everything in a pack that is not there is listed, with who is known to need it."""
    box.commit("a", FILES)
    count = len(box.objects())
    box.packs()[0].unlink()

    report = verify(box, quick=True)

    assert {"pack-missing", "object-damaged"} <= codes(report)
    assert len([problem for problem in report.problems if problem.code == "object-damaged"]) == count
    assert any(problem.affected for problem in report.problems)


def test_repair_finds_a_good_copy_in_a_checkout(box: Box) -> None:
    """Files, chunks, recipes and directories are all read again from a working tree that still has them."""
    spec = box.commit("a", FILES)
    with box.open() as repository:
        repository.checkout("a", box.home / "out")
    for kind in (Stored.DATA, Stored.TREE, Stored.RECIPE):
        damage_object(box, kind)

        report = verify(box, repair=True)

        assert report.problems != ()
        assert left(report) == []
        assert verify(box).problems == ()
    assert box.versions() == {spec: FILES}
    assert [path.name for path in (box.root / "damaged").iterdir()]
    assert box.litter() == []


def test_repair_brings_a_lost_pack_back_from_a_checkout(box: Box) -> None:
    """With a checkout at hand even a pack that is gone altogether is no loss."""
    spec = box.commit("a", FILES)
    with box.open() as repository:
        repository.checkout("a", box.home / "out")
    for path in box.packs():
        path.unlink()

    report = verify(box, repair=True)

    assert left(report) == []
    assert box.versions() == {spec: FILES}
    assert verify(box).problems == ()


def test_repair_finds_a_good_copy_in_another_pack(box: Box) -> None:
    """An object stored twice survives the damage of the copy that is in use."""
    spec = box.commit("a", {"x": noise(5, 50_000)})
    with box.open() as repository:
        blob = next(iter(repository.tree("a"))).id
        row_of_first = repository._index.write(lambda txn: _take_out(txn, bytes.fromhex(blob)))
    box.commit("b", {"x": noise(5, 50_000), "y": b"more"})
    change_row(box, lambda txn: txn.put(txn.tables.objects, bytes.fromhex(blob), row_of_first))
    damage_object(box, Stored.DATA)

    report = verify(box, repair=True)

    assert left(report) == []
    assert box.versions()[spec] == {"x": noise(5, 50_000)}
    assert verify(box).problems == ()


def _take_out(txn: Txn, object_id: bytes) -> bytes:
    """Have the index forget an object, so that the next commit stores it again."""
    row = txn.get(txn.tables.objects, object_id)
    assert row is not None
    txn.delete(txn.tables.objects, object_id)
    return row


def test_repair_finds_a_good_copy_in_a_view(box: Box) -> None:
    """What was materialised for links is as good a source as any, once it is hashed."""
    spec = box.commit("a", {"x": noise(5, 50_000)})
    with box.open() as repository:
        repository.checkout("a", box.home / "out", link=Link.HARDLINK)
    shutil.rmtree(box.home / "out")
    damage_object(box, Stored.DATA)

    assert left(verify(box, repair=True)) == []
    assert box.versions() == {spec: {"x": noise(5, 50_000)}}


def test_what_cannot_be_repaired_heals_with_the_next_commit(box: Box) -> None:
    """The index forgets a damaged object: committing the same file again stores it, for all who need it."""
    spec = box.commit("a", FILES)
    damage_object(box, Stored.DATA)

    report = verify(box, repair=True)
    again = verify(box, quick=True)
    other = box.commit("b", FILES)

    assert left(report)
    assert codes(again) == {"object-missing"}
    assert verify(box).problems == ()
    assert box.versions() == {spec: FILES, other: FILES}


def test_repair_does_not_believe_an_edited_checkout(box: Box) -> None:
    """A file that was changed since is hashed, and is not what was lost."""
    box.commit("a", {"x": noise(5, 50_000)})
    with box.open() as repository:
        repository.checkout("a", box.home / "out")
    (box.home / "out" / "x").write_bytes(noise(6, 50_000))
    damage_object(box, Stored.DATA)

    assert left(verify(box, repair=True))
    with pytest.raises(CorruptError):
        box.versions()


def test_repair_saves_the_rest_of_a_damaged_pack(box: Box) -> None:
    """One broken frame does not take the other objects of its pack with it."""
    files = {f"{number}": noise(number, 70_000) for number in range(10)}
    box.commit("a", files)
    lost = damage_object(box, Stored.DATA)

    report = verify(box, repair=True)

    assert [problem.id for problem in report.problems if not problem.repaired] == [lost]
    with box.open() as repository:
        good = [item for item in repository.tree("a") if item.id != lost]
        assert {item.path: repository.read("a", item.path) for item in good} == {
            item.path: files[item.path] for item in good
        }
    assert len(good) == 9


def test_an_index_that_points_elsewhere_is_found_and_mended(box: Box) -> None:
    """Pack and index are compared row by row; the pack's own tables say where an object really is."""
    spec = box.commit("a", FILES)
    object_id, row, _ = place_of(box, Stored.TREE)
    wrong = row.encode()[:-5] + (row.size + 1).to_bytes(4, "big") + row.encode()[-1:]
    change_row(box, lambda txn: txn.put(txn.tables.objects, object_id, wrong))

    report = verify(box, quick=True)
    repaired = verify(box, repair=True)

    assert object_id.hex() in {problem.id for problem in report.problems}
    assert left(repaired) == []
    assert box.versions() == {spec: FILES}
    assert verify(box).problems == ()


def test_a_wrong_count_is_found_and_mended(box: Box) -> None:
    """A pack is deleted only when its count is 0, so a count that drifted is damage too."""
    box.commit("a", FILES)

    def miscount(txn: Txn) -> None:
        for key, value in list(txn.scan(txn.tables.packs)):
            row = PackRow.decode(value)
            wrong = PackRow(
                row.id, row.session, row.file_size, row.raw_size, row.object_count, row.live_count + 1
            )
            txn.put(txn.tables.packs, key, wrong.encode())

    change_row(box, miscount)

    assert codes(verify(box, quick=True)) == {"pack-count"}
    assert left(verify(box, repair=True)) == []
    assert verify(box).problems == ()


def test_a_lost_record_is_written_again(box: Box) -> None:
    """Records are in the table of versions, too; without their objects a recovery would miss them."""
    box.commit("a", {"x": b"1"})
    object_id, *_ = place_of(box, Stored.RECORD)
    change_row(box, lambda txn: txn.delete(txn.tables.objects, object_id))

    assert "record-missing" in codes(verify(box, quick=True))
    assert left(verify(box, repair=True)) == []
    assert object_id in box.objects()
    assert verify(box).problems == ()


def test_a_damaged_journal_is_found_and_written_anew(box: Box) -> None:
    """The index knows everything that the journal says, so a journal with holes is replaced by a snapshot."""
    for number in range(3):
        box.commit("a", {"x": b"%d" % number})
    before = box.versions()
    damage(next((box.root / "journal").iterdir()), 100)

    report = verify(box, quick=True)
    repaired = verify(box, quick=True, repair=True)
    shutil.rmtree(box.root / "index")
    with pytest.raises(CorruptError):
        box.open()
    Repository.recover(box.home)

    assert codes(report) == {"journal-damaged"}
    assert left(repaired) == []
    assert box.versions() == before


def test_repair_needs_gc_to_be_idle(box: Box) -> None:
    """Repair and gc both move objects, so they exclude each other; looking is always allowed."""
    box.commit("a", FILES)
    with box.open() as repository, exclusive.hold(repository.layout, "hold it"):
        assert repository.verify(quick=True).problems == ()

        with pytest.raises(ConflictError):
            repository.verify(repair=True)


def test_dying_at_any_step_of_a_repair_loses_nothing(box: Box, tmp_path: Path) -> None:
    """A repair that is cut off is done again, and finds everything that it needs."""
    spec = box.commit("a", FILES)
    with box.open() as repository:
        repository.checkout("a", box.home / "out")
    for kind in (Stored.DATA, Stored.RECIPE):
        damage_object(box, kind)

    for count in range(1, 30):
        # the checkout stays where it was recorded: only the repository itself is copied
        broken = box.copy(tmp_path / f"{count}")
        was_killed = killed_at(count, partial(verify, broken, repair=True))
        assert left(verify(broken, repair=True)) == []
        assert broken.versions() == {spec: FILES}
        with broken.open() as repository:
            repository.gc()
        assert broken.litter() == []
        if not was_killed:
            return
    pytest.fail("repair has more steps than anybody expected")


def test_an_empty_file_alone_in_its_frame_hides_nobody(box: Box) -> None:
    """A frame of no bytes begins where the next one does: they must not be taken for each other."""
    box.commit("a", {"f": noise(3, 140_000), "g": b"", "d/f": noise(3, 140_000) + noise(4, 60_000)})

    assert verify(box).problems == ()
