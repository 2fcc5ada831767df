"""What the journal forgot comes back from records in packs, in its old place or not at all."""

from __future__ import annotations

import shutil
import time

import pytest

from cas.repo import Repository
from cas.repo.results import OnConflict
from cas.versions import refs
from cas.versions.events import Hidden
from tests.maintenance.boxes import Box, noise


def cut_journal(box: Box, *lines: int) -> None:
    """Lose these lines of the journal, counted from 0, or from the end if negative."""
    (journal,) = (box.root / "journal").iterdir()
    kept = journal.read_bytes().splitlines(keepends=True)
    for line in sorted((line % len(kept) for line in lines), reverse=True):
        del kept[line]
    journal.write_bytes(b"".join(kept))


@pytest.mark.parametrize("has_index", [True, False])
def test_commits_that_the_journal_lost_come_back_from_their_records(box: Box, has_index: bool) -> None:
    """A journal cut at its end looks like one that ends there; what it lost must not be gc's next meal."""
    for number in (1, 2, 3):
        box.commit(f"n{number}", {"f": noise(number, 100)})
    (journal,) = box.layout.journal.iterdir()
    with journal.open("r+b") as file:
        file.truncate(journal.stat().st_size - 20)
    if not has_index:
        shutil.rmtree(box.layout.index)

    report = Repository.recover(box.home)

    assert any("n3@" in sentence for sentence in report.lost)
    assert "tags, removals and restorations after that may be lost" in report.lost[-1]
    with box.open() as repository:
        repository.gc()
        assert ["n1", "n2", "n3"] == [one.name for one in repository.names()]
        assert noise(3, 100) == repository.read("n3", "f")


def test_a_record_whose_content_has_holes_is_told_and_not_adopted(box: Box) -> None:
    """Its tree is there, but a file of it is not: a version that cannot be checked out is none."""
    shared, chunked = noise(1, 1000), noise(2, 300_000)
    box.commit("a", {"shared": shared, "chunked": chunked})
    (pack,) = box.packs()
    spec = box.commit("b", {"sub/shared": shared, "sub/chunked": chunked, "sub/own": noise(3, 10)})
    kept = box.commit("c", {"own": noise(3, 10)})
    cut_journal(box, -2, -1)
    shutil.rmtree(box.root / "index")
    pack.unlink()

    report = Repository.recover(box.home)

    (told,) = (sentence for sentence in report.lost if sentence.startswith(spec[:14]))
    assert "2 objects cannot be read from any pack" in told
    assert any(sentence.startswith("a@") for sentence in report.lost)
    with box.open() as repository:
        assert [one.name for one in repository.names()] == ["a", "c"]
        assert repository.read(kept, "own") == noise(3, 10)


def test_what_was_replaced_is_not_missed(box: Box) -> None:
    """Without a journal, the record of a content that another took the place of is no loss."""
    box.commit("removed", {"x": noise(1, 1000)})
    (pack,) = box.packs()
    box.commit("a", {"x": noise(1, 1000), "y": b"old"}, properties={"seed": 1})
    files = {"x": noise(2, 1000), "y": b"new"}
    spec = box.commit("a", files, properties={"seed": 1}, on_conflict=OnConflict.REPLACE)
    pack.unlink()
    shutil.rmtree(box.root / "index")
    shutil.rmtree(box.root / "journal")

    report = Repository.recover(box.home)

    assert report.lost == ("tags, layers and removals of versions that only their records tell of",)
    assert box.versions() == {spec: files}


def test_what_the_journal_forgot_takes_its_old_place(box: Box) -> None:
    """A younger version that the journal knows stays current, and what came later happens again."""
    specs = [box.commit("n", {"f": noise(number, 100)}) for number in range(4)]
    with box.open() as repository:
        repository.tag(specs[1], "second")
        repository.remove([specs[2]])
        before = [one.as_dict() for one in repository.versions("n", include_removed=True)]
    cut_journal(box, 1, 2)
    shutil.rmtree(box.root / "index")

    report = Repository.recover(box.home)

    assert sum("it was taken from its record" in sentence for sentence in report.lost) == 2
    assert not any("may be lost" in sentence for sentence in report.lost)
    with box.open() as repository:
        after = [one.as_dict() for one in repository.versions("n", include_removed=True)]
        assert repository.resolve("n").version == repository.resolve(specs[3]).version
        assert before == after
        kinds = [entry.kind for entry in reversed(repository.log())]
        assert kinds == ["commit", "commit", "commit", "commit", "tag", "remove"]
        latest = repository.log(limit=1)[0].sequence
        repository.untag("n@second")
        assert latest + 1 == repository.log(limit=1)[0].sequence
    shutil.rmtree(box.root / "index")
    assert Repository.recover(box.home).lost == ()


def test_a_snapshot_stands_for_more_events_than_it_has(box: Box) -> None:
    """What comes back after a snapshot is numbered after all that the snapshot stands for."""
    first = box.commit("n", {"f": b"1"})
    with box.open() as repository:
        for tag in ("a", "b", "c"):
            repository.tag(first, tag)
        repository._index.write(repository._ledger.compact)
    last = box.commit("n", {"f": b"2"})
    cut_journal(box, -1)
    shutil.rmtree(box.root / "index")

    Repository.recover(box.home)

    with box.open() as repository:
        assert [one.sequence for one in repository.versions("n")] == [5, 1]
        assert repository.resolve("n").version == repository.resolve(last).version
        assert box.problems() == []
    assert box.commit("n", {"f": b"3"}) in box.versions()


def test_what_comes_back_goes_to_the_layer_of_its_name(box: Box) -> None:
    """In a higher layer it would hide what the journal knows."""
    config = box.root / "config.yaml"
    main = "- name: main\n  kind: refs\n  writable: true\n"
    assert main in config.read_text()
    config.write_text(config.read_text().replace(main, main + main.replace("main", "team")))
    for number in (1, 2):
        box.commit("n", {"f": noise(number, 10)}, layer="team")
    cut_journal(box, -1)
    shutil.rmtree(box.root / "index")

    Repository.recover(box.home)

    with box.open() as repository:
        assert [(one.layer, one.is_current) for one in repository.versions("n")] == [
            ("team", True),
            ("team", False),
        ]


@pytest.mark.parametrize("path", ["n/m", "n", "", "n/m/f"])
@pytest.mark.parametrize("is_compacted", [False, True])
def test_what_was_hidden_after_the_lost_commit_stays_hidden(
    box: Box, path: str, *, is_compacted: bool
) -> None:
    """Or a recovery would show what somebody had hidden: a whiteout hides what was placed before it."""
    box.commit("other", {"f": noise(1, 100)})
    box.commit("n/m", {"f": noise(2, 100)})
    box.record(Hidden("main", path.encode()), at_ns=time.time_ns())
    later = box.commit("n/m", {"f": noise(3, 100)})
    cut_journal(box, 1)
    if is_compacted:
        shutil.rmtree(box.root / "index")
        Repository.recover(box.home)
    else:
        shutil.rmtree(box.root / "index")

    Repository.recover(box.home)

    (whiteout,) = box.whiteouts().values()
    with box.open() as repository, repository.snapshot() as txn:
        newest, oldest = refs.versions(txn, "main", "n/m")
        assert later == f"n/m@{newest.version}"
        assert oldest.sequence < whiteout.sequence < newest.sequence


def test_a_hidden_path_says_nothing_of_the_layer_of_a_name(box: Box) -> None:
    """What the journal does not know at all goes to the uppermost writable layer, wherever it is hidden."""
    box.commit("n", {"f": b"1"})
    box.record(Hidden("elsewhere", b"n"))
    cut_journal(box, 0)
    shutil.rmtree(box.root / "index")

    Repository.recover(box.home)

    with box.open() as repository:
        assert ["main"] == [one.layer for one in repository.versions("n")]
    assert ["n"] == list(box.whiteouts("elsewhere"))
