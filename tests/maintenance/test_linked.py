"""gc never takes what somebody's checkout leads to."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from cas.repo.results import OnConflict
from cas.versions.version import State
from cas.worktree.link import Link
from tests.maintenance.boxes import Box, noise

if TYPE_CHECKING:
    from pathlib import Path

    from cas.maintenance.collect import GcReport

FILES = {"x": noise(1, 1000), "sub/y": noise(2, 200_000)}


def put(box: Box, spec: str, out: Path, link: Link, *, force: bool = False) -> None:
    """Check something out, as one command."""
    with box.open() as repository:
        repository.checkout(spec, out, link=link, force=force)


def remove_and_collect(box: Box, *specs: str, dry_run: bool = False) -> GcReport:
    """Remove versions and run gc."""
    with box.open() as repository:
        repository.remove(specs)
        return repository.gc(dry_run=dry_run)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where things are checked out; nothing is there yet."""
    return tmp_path / "out"


def test_what_symlinks_lead_to_stays_until_they_are_gone(box: Box, out: Path) -> None:
    """A colleague's files must not vanish under the work; the note says what keeps the space."""
    spec = box.commit("a", FILES)
    put(box, spec, out, Link.SYMLINK)

    announced = remove_and_collect(box, spec, dry_run=True)
    with box.open() as repository:
        report = repository.gc()
        again = repository.gc()

    assert announced.notes == report.notes == again.notes
    (note,) = report.notes
    assert note.startswith(f"kept {spec[:14]}")
    assert str(out) in note
    assert (report.freed, report.objects_deleted) == ((), 0)
    assert (out / "x").read_bytes() == FILES["x"]
    assert (out / "sub" / "y").read_bytes() == FILES["sub/y"]
    with box.open() as repository:
        assert repository.restore(spec).state is State.LIVE
        repository.remove([spec])
        shutil.rmtree(out)
        report = repository.gc()
    assert [one.name for one in report.freed] == ["a"]
    assert report.notes == ()
    assert box.objects() == set()


@pytest.mark.parametrize("link", [Link.COPY, Link.HARDLINK])
def test_files_that_are_the_users_own_keep_nothing(box: Box, out: Path, link: Link) -> None:
    """They have their bytes, whatever gc does, and their links lead elsewhere."""
    spec = box.commit("a", FILES)
    put(box, spec, out, link)
    (out / "mine").symlink_to(box.root / "config.yaml")

    report = remove_and_collect(box, spec)

    assert (len(report.freed), report.notes) == (1, ())
    assert (out / "x").read_bytes() == FILES["x"]


def test_links_that_a_later_checkout_left_in_place_count(box: Box, out: Path) -> None:
    """What was right already stays a symlink, though the last checkout was one of copies."""
    first = box.commit("a", FILES)
    second = box.commit("a", {**FILES, "x": b"other"})
    put(box, first, out, Link.SYMLINK)
    put(box, second, out, Link.COPY)

    report = remove_and_collect(box, first, second)

    assert [f"a@{one.version}" for one in report.freed] == [first]
    assert len(report.notes) == 1
    assert (out / "x").read_bytes() == b"other"
    assert (out / "sub" / "y").read_bytes() == FILES["sub/y"]


def test_another_checkout_at_the_same_place_lets_go(box: Box, out: Path) -> None:
    """The files there are of another version now."""
    spec = box.commit("a", FILES)
    box.commit("b", {"x": b"other"})
    put(box, spec, out, Link.SYMLINK)
    put(box, "b", out, Link.SYMLINK)

    report = remove_and_collect(box, spec)

    assert (len(report.freed), report.notes) == (1, ())
    assert (out / "x").read_bytes() == b"other"


def test_what_a_live_version_needs_is_no_news(box: Box, out: Path) -> None:
    """The version goes, but its content stays anyway."""
    spec = box.commit("a", FILES)
    box.commit("b", FILES)
    put(box, spec, out, Link.SYMLINK)

    report = remove_and_collect(box, spec)

    assert (len(report.freed), report.notes) == (1, ())
    assert (out / "x").read_bytes() == FILES["x"]


def test_replaced_content_is_kept_too(box: Box, out: Path) -> None:
    """It is no version any more, but files lead to it all the same."""
    spec = box.commit("a", FILES, properties={"seed": 1})
    put(box, spec, out, Link.SYMLINK)
    box.commit("a", {"x": b"new"}, properties={"seed": 1}, on_conflict=OnConflict.REPLACE)

    with box.open() as repository:
        report = repository.gc()

    assert len(report.notes) == 1
    assert (out / "sub" / "y").read_bytes() == FILES["sub/y"]


def test_a_single_file_and_a_part_are_kept(box: Box, out: Path) -> None:
    """Whatever was checked out: a version that is a file, or one file of a directory."""
    (box.home / "file").write_bytes(noise(3, 100))
    with box.open() as repository:
        single = repository.commit("file", box.home / "file").version.ref
        repository.checkout(single, out / "single", link=Link.SYMLINK)
        part = box.commit("a", FILES)
        repository.checkout(part, out / "part", path="sub/y", link=Link.SYMLINK)

    report = remove_and_collect(box, single, part)

    assert (len(report.notes), report.freed) == (2, ())
    assert (out / "single").read_bytes() == noise(3, 100)
    assert (out / "part").read_bytes() == FILES["sub/y"]


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_checkout_on_a_disk_that_is_away_is_kept(box: Box, out: Path, *, is_replaced: bool) -> None:
    """The directory around it is not there either, or is no directory now: nobody deleted the checkout."""
    spec = box.commit("a", FILES)
    put(box, spec, out / "disk" / "a", Link.SYMLINK)
    (out / "disk").rename(out / "away")
    if is_replaced:
        (out / "disk").write_bytes(b"")

    report = remove_and_collect(box, spec)
    (out / "disk").unlink(missing_ok=True)
    (out / "away").rename(out / "disk")

    assert len(report.notes) == 1
    assert (out / "disk" / "a" / "x").read_bytes() == FILES["x"]


def test_a_copy_on_a_disk_that_is_away_keeps_nothing(box: Box, out: Path) -> None:
    """What is on record is all that is known, and it says that the files are copies."""
    spec = box.commit("a", FILES)
    put(box, spec, out / "disk" / "a", Link.COPY)
    (out / "disk").rename(out / "away")

    assert remove_and_collect(box, spec).notes == ()


def test_damage_of_what_is_only_linked_stops_nothing(box: Box, out: Path) -> None:
    """Removing a damaged version is the way to get gc going again, whoever has checked it out."""
    spec = box.commit("a", FILES)
    doomed = box.commit("b", {"z": noise(3, 1000)})
    put(box, spec, out, Link.SYMLINK)
    with box.open() as repository:
        blob = next(bytes.fromhex(item.id) for item in repository.tree(spec) if item.path == "x")
        repository._index.write(lambda txn: txn.delete(txn.tables.objects, blob))

    report = remove_and_collect(box, spec, doomed)

    assert [one.name for one in report.freed] == ["b"]
    assert len(report.notes) == 1
