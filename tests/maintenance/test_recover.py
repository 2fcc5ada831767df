"""A lost index is rebuilt from packs and journal, and nobody can tell the difference."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from cas.errors import ConflictError, CorruptError
from cas.ids import PackId
from cas.objects.rows import PACK_NUMBER, PackRow
from cas.objects.session import Session
from cas.repo import Repository
from cas.repo.results import OnConflict
from cas.versions.events import Hidden, Unhidden
from tests.maintenance.boxes import Box, damage, noise

if TYPE_CHECKING:
    from cas.maintenance.recover import RecoverReport


def recover(box: Box) -> RecoverReport:
    """Recover, as one command."""
    return Repository.recover(box.home)


def everything(box: Box) -> dict[str, Any]:
    """Tell all that a user can see."""
    with box.open() as repository:
        listings = repository.names()
        return {
            "names": [(one.name, one.layer, one.current.as_dict(), one.version_count) for one in listings],
            "versions": [
                version.as_dict()
                for one in listings
                for version in repository.versions(one.name, include_removed=True)
            ],
            "log": repository.log(),
            "bytes": box.versions(),
            "hidden": box.whiteouts(),
        }


@pytest.fixture
def used(box: Box) -> Box:
    """A repository in which everything has happened at least once."""
    shared = noise(1, 300_000)
    first = box.commit("models/a", {"big": shared, "x": b"1"}, tag="best")
    box.commit("models/a", {"big": shared, "x": b"2"}, message="better")
    box.commit("data/b", {"x": b"3"}, properties={"year": 2024}, inputs=["models/a@best"])
    box.commit(
        "data/b",
        {"x": b"4"},
        properties={"year": 2024},
        inputs=["models/a@best"],
        on_conflict=OnConflict.REPLACE,
    )
    removed = box.commit("data/c", {"y": noise(2, 5000)})
    collected = box.commit("data/c", {"y": noise(3, 5000)})
    with box.open() as repository:
        repository.remove([collected])
        repository.gc()
        repository.remove([removed])
        repository.tag(first, "old")
        repository.untag("models/a@best")
    box.record(Hidden("main", b"models/a/x"), Hidden("main", b"data", is_opaque=True), Hidden("main", b"n"))
    box.record(Unhidden("main", b"n"))
    return box


@pytest.mark.parametrize("how", ["deleted", "damaged", "emptied"])
def test_a_lost_index_comes_back_as_it_was(used: Box, how: str) -> None:
    """Names, versions, tags, states, log and every byte are the same; the old index is kept aside."""
    before = everything(used)
    index = used.root / "index"
    match how:
        case "deleted":
            shutil.rmtree(index)
        case "damaged":
            data = (index / "data.mdb").read_bytes()
            (index / "data.mdb").write_bytes(b"\xff" * 8192 + data[8192:])
        case "emptied":
            (index / "data.mdb").write_bytes(b"")
    with pytest.raises(CorruptError):
        used.open()

    report = recover(used)

    assert everything(used) == before
    assert (report.source, report.lost) == ("journal", ())
    assert report.tags == 1
    assert report.versions == 4
    assert used.problems() == []
    assert (used.root / "damaged" / "index-0").exists() is (how != "deleted")


def test_recovering_an_intact_repository_changes_nothing(used: Box) -> None:
    """Recover is safe to run without need."""
    before = everything(used)

    recover(used)
    recover(used)

    assert everything(used) == before
    assert used.problems() == []


def test_work_goes_on_after_a_recovery(used: Box) -> None:
    """The rebuilt index takes commits, finds what is stored, restores and collects."""
    shutil.rmtree(used.root / "index")
    recover(used)

    with used.open() as repository:
        repository.restore("data/c")
        spec = used.commit("again", {"big": noise(1, 300_000), "x": b"1"})
        packs = len(used.packs())
        repository.gc()

    assert used.versions()[spec] == {"big": noise(1, 300_000), "x": b"1"}
    assert len(used.packs()) <= packs
    assert used.problems() == []
    assert used.litter() == []


def test_without_a_journal_versions_come_from_their_records(used: Box) -> None:
    """Records name everything but tags and removals; the newest of each name is current."""
    before = used.versions()
    shutil.rmtree(used.root / "index")
    shutil.rmtree(used.root / "journal")

    report = recover(used)

    assert report.source == "records"
    assert before.items() <= used.versions().items()
    with used.open() as repository:
        assert repository.read("models/a", "x") == b"2"
        assert repository.read("data/b", "x") == b"4"
        assert repository.read("data/c", "y") == noise(2, 5000)  # its removal was in the journal
    assert report.lost == ("tags, layers and removals of versions that only their records tell of",)
    assert used.problems() == []
    again = everything(used)
    shutil.rmtree(used.root / "index")
    assert recover(used).source == "journal"
    assert {**everything(used), "log": None} == {**again, "log": None}


def test_a_hole_in_the_journal_is_filled_from_records(used: Box) -> None:
    """What the journal cannot say any more is listed, and versions it forgot are found by their records."""
    before = used.versions()
    shutil.rmtree(used.root / "index")
    journal = next((used.root / "journal").iterdir())
    damage(journal, journal.read_bytes().index(b"\n") + 100)

    report = recover(used)

    assert report.source == "journal"
    assert any("line 2" in sentence for sentence in report.lost)
    assert before.items() <= used.versions().items()
    assert used.problems() == []


def test_a_torn_pack_is_set_aside_and_told(used: Box) -> None:
    """A pack without its tables cannot be entered; who needs it is listed, and the rest works."""
    path = used.packs()[0]
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-10])
    shutil.rmtree(used.root / "index")

    report = recover(used)

    assert f"pack {path.stem}: its last bytes are not a pack's trailer" in report.lost
    assert any(sentence.startswith("models/a@") for sentence in report.lost)
    assert (used.root / "damaged" / path.name).exists()
    with used.open() as repository:
        assert repository.read("data/b", "x") == b"4"


def test_trees_that_gc_freed_do_not_come_back(box: Box) -> None:
    """Tables of packs still name them, but a tree without its leaves must not satisfy the next commit."""
    kept = {f"{number}": noise(number, 30_000) for number in range(10)}
    spec = box.commit("a", {**kept, "more/x": noise(20, 1000)})
    box.commit("b", kept)
    with box.open() as repository:
        repository.remove([spec])
        repository.gc()
    shutil.rmtree(box.root / "index")

    recover(box)

    assert box.problems(quick=True) == []
    again = box.commit("a", {**kept, "more/x": noise(20, 1000)})
    assert box.versions()[again] == {**kept, "more/x": noise(20, 1000)}
    assert box.problems() == []


def test_a_damaged_record_is_no_obstacle(box: Box) -> None:
    """Without a journal a version whose record cannot be read is lost, and told; the others come back."""
    box.commit("a", {"x": noise(1, 1000)})
    spec = box.commit("b", {"x": noise(2, 1000)})
    with box.open() as repository:
        store, record = repository._store, repository.resolve("a").record
        row = store.find(record.id.raw)
        with repository._index.read() as txn:
            pack = PackRow.decode(txn.get(txn.tables.packs, PACK_NUMBER.pack(row.pack)) or b"")
    damage(store.layout.pack(PackId(pack.id)), row.frame_offset + row.frame_size // 2)
    shutil.rmtree(box.root / "index")
    shutil.rmtree(box.root / "journal")

    report = recover(box)

    assert any(sentence.startswith(f"record {record.id}") for sentence in report.lost)
    assert box.versions() == {spec: {"x": noise(2, 1000)}}


def test_recover_refuses_while_somebody_writes(used: Box) -> None:
    """A running commit would finish into an index that nobody looks at any more."""
    before = everything(used)
    with Session.start(used.layout), pytest.raises(ConflictError) as caught:
        recover(used)

    assert caught.value.code == "repository-busy"
    assert everything(used) == before


def test_an_empty_repository_can_be_recovered(box: Box) -> None:
    """Nothing comes from nothing, without complaint."""
    shutil.rmtree(box.root / "index")

    report = recover(box)

    assert (report.packs, report.objects, report.versions, report.lost) == (0, 0, 0, ())
    box.commit("a", {"x": b"1"})
    assert box.problems() == []


def test_gc_keeps_the_newest_of_the_indexes_that_were_replaced(box: Box) -> None:
    """They are evidence, each as large as the index: one is enough, and gc says which it is."""
    box.commit("n", {"f": b"1"})
    for _ in range(3):
        recover(box)

    with box.open() as repository:
        announced = repository.gc(dry_run=True)
        report = repository.gc()
        again = repository.gc()

    recover(box)
    assert announced.leftovers == report.leftovers == 2
    assert announced.bytes_freed == report.bytes_freed > 0
    assert "only 'index-2' is kept" in report.notes[0]
    assert announced.notes == report.notes
    assert (again.leftovers, again.notes) == (0, ())
    assert sorted(path.name for path in (box.root / "damaged").iterdir()) == ["index-2", "index-3"]


def test_gc_takes_away_what_a_recovery_that_died_left(box: Box) -> None:
    """No litter after the next gc: the half-made index of a killed `recover` is as large as the real one."""
    box.commit("n", {"f": b"1"})
    shutil.copytree(box.layout.index, box.layout.index_draft)

    with box.open() as repository:
        announced = repository.gc(dry_run=True)
        assert box.layout.index_draft.exists()
        report = repository.gc()

    assert announced.leftovers == report.leftovers == 1
    assert announced.bytes_freed == report.bytes_freed > 0
    assert not box.layout.index_draft.exists()
