"""Checking out over what is there: only what differs is touched, and nothing of the user's is lost."""

from __future__ import annotations

import os
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError
from cas.testing.trees import File, Node, Symlink, Tree, read_tree, write_tree
from cas.worktree import placements
from tests.worktree.desks import Desk, holds, tree_at

if TYPE_CHECKING:
    from pathlib import Path

BASE: Tree = {
    b"a": File(b"1"),
    b"b": File(b"2"),
    b"d": {b"x": File(b"3"), b"y": File(b"4")},
    b"gone": {b"deep": {b"z": File(b"5")}},
}
NEXT: Tree = {b"a": File(b"1"), b"b": File(b"two"), b"d": {b"x": File(b"3"), b"new": {b"n": File(b"6")}}}


def identity(path: Path) -> tuple[int, int]:
    """Tell a file from any other, and from itself rewritten."""
    status = path.lstat()
    return status.st_ino, status.st_ctime_ns


def test_only_what_differs_is_written(desk: Desk) -> None:
    """Files that are the same in both versions are not touched; others come, change and go."""
    out = desk.home / "out"
    desk.checkout(desk.commit(BASE), out)
    untouched = [identity(out / path) for path in ("a", "d/x")]

    report = desk.checkout(desk.commit(NEXT), out)

    assert tree_at(out) == NEXT
    assert [identity(out / path) for path in ("a", "d/x")] == untouched
    assert (report.written, report.removed, report.unchanged, report.bytes_written) == (2, 2, 2, 4)
    assert desk.litter() == []


def test_nothing_to_do_touches_nothing(desk: Desk) -> None:
    """The same version again leaves even the directories' times alone."""
    out = desk.home / "out"
    content = desk.commit(BASE)
    desk.checkout(content, out)
    before = [identity(path) for path in (out, *sorted(out.rglob("*")))]

    report = desk.checkout(content, out)

    assert (report.written, report.removed, report.unchanged) == (0, 0, 5)
    assert [identity(path) for path in (out, *sorted(out.rglob("*")))] == before


def test_directories_that_became_empty_go(desk: Desk) -> None:
    """A directory goes with the last of its files, unless it is empty in the new version too."""
    out = desk.home / "out"
    desk.checkout(desk.commit({b"d": {b"e": {b"x": File(b"1")}, b"f": {}}, b"g": {b"x": File(b"2")}}), out)

    desk.checkout(desk.commit({b"g": {}}), out)

    assert tree_at(out) == {b"g": {}}


def test_foreign_files_survive(desk: Desk) -> None:
    """What is in nobody's version stays, and so does the directory that holds it; `force` changes nothing."""
    out = desk.home / "out"
    desk.checkout(desk.commit(BASE), out)
    (out / "mine").write_bytes(b"!")
    (out / "gone" / "deep" / "mine").write_bytes(b"!")
    (out / "gone" / "hollow").mkdir()

    desk.checkout(desk.commit(NEXT), out, force=True)

    kept = {b"mine": File(b"!"), b"gone": {b"deep": {b"mine": File(b"!")}, b"hollow": {}}}
    assert tree_at(out) == NEXT | kept


@pytest.mark.parametrize("path", ["b", "d/y", "gone/deep/z"])
def test_local_edits_are_not_lost(desk: Desk, path: str) -> None:
    """An edited file that would be overwritten or deleted stops everything; its path is named."""
    out = desk.home / "out"
    desk.checkout(desk.commit(BASE), out)
    (out / path).write_bytes(b"precious")
    before = tree_at(out)

    with pytest.raises(ConflictError) as caught:
        desk.checkout(desk.commit(NEXT), out)

    assert caught.value.code == "local-edits"
    assert f"'{path}'" in str(caught.value)
    assert "--force" in (caught.value.hint or "")
    assert tree_at(out) == before


def test_force_overwrites_and_deletes_edits(desk: Desk) -> None:
    """With `force` the destination is the version, whatever was edited."""
    out = desk.home / "out"
    desk.checkout(desk.commit(BASE), out)
    for path in ("a", "b", "d/y", "gone/deep/z"):
        (out / path).write_bytes(b"precious")

    desk.checkout(desk.commit(NEXT), out, force=True)

    assert tree_at(out) == NEXT


def test_many_edits_are_counted(desk: Desk) -> None:
    """The message lists a few paths and says how many more there are."""
    out = desk.home / "out"
    desk.checkout(desk.commit({b"%d" % number: File(b"1") for number in range(9)}), out)
    for path in out.iterdir():
        path.write_bytes(b"2")

    with pytest.raises(ConflictError, match=r"'0', '1', '2', '3', '4' and 4 more"):
        desk.checkout(desk.commit({}), out)


def test_edits_of_what_does_not_change_are_kept(desk: Desk) -> None:
    """An edit in a file that is the same in both versions is restored only by force: it is an edit."""
    out = desk.home / "out"
    desk.checkout(desk.commit(BASE), out)
    (out / "a").write_bytes(b"precious")

    with pytest.raises(ConflictError, match="'a'"):
        desk.checkout(desk.commit(NEXT), out)

    assert (out / "a").read_bytes() == b"precious"


def test_an_edit_that_is_the_new_content_is_none(desk: Desk) -> None:
    """A file that already has the bytes that are coming is in nobody's way."""
    out = desk.home / "out"
    desk.checkout(desk.commit(BASE), out)
    (out / "b").write_bytes(b"two")
    before = identity(out / "b")

    desk.checkout(desk.commit(NEXT), out)

    assert tree_at(out) == NEXT
    assert identity(out / "b") == before


def test_what_the_user_deleted_comes_back(desk: Desk) -> None:
    """Deleting loses nothing of the store, so checking out again restores without asking."""
    out = desk.home / "out"
    content = desk.commit(BASE)
    desk.checkout(content, out)
    (out / "a").unlink()
    shutil.rmtree(out / "d")

    report = desk.checkout(content, out)

    assert tree_at(out) == BASE
    assert report.written == 3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (File(b"1"), {b"x": File(b"2")}),
        ({b"x": File(b"2")}, File(b"1")),
        (File(b"1"), Symlink(b"elsewhere")),
        (Symlink(b"elsewhere"), File(b"1")),
        (Symlink(b"."), {b"x": File(b"2")}),
        ({b"x": {b"y": File(b"2")}, b"e": {}}, Symlink(b".")),
        (File(b"1"), File(b"1", is_executable=True)),
        (Symlink(b"a"), Symlink(b"b")),
        ({}, File(b"1")),
    ],
)
def test_types_change(desk: Desk, before: Node, after: Node) -> None:
    """A name may be a file in one version and a directory or a link in the next; also at the very top."""
    desk.checkout(desk.commit({b"n": before, b"z": File(b"0")}), desk.home / "out")
    desk.checkout(desk.commit({b"n": after, b"z": File(b"0")}), desk.home / "out")

    assert tree_at(desk.home / "out") == {b"n": after, b"z": File(b"0")}


def test_a_file_takes_the_place_of_a_directory(desk: Desk) -> None:
    """The destination itself may change its type, as long as all of it was put there."""
    out = desk.home / "out"
    desk.checkout(desk.commit(BASE), out)

    desk.checkout(desk.commit(File(b"1")), out)
    assert read_tree(out) == File(b"1")

    desk.checkout(desk.commit(BASE), out)
    assert tree_at(out) == BASE


def test_a_foreign_file_in_a_directory_that_must_go(desk: Desk) -> None:
    """A directory that becomes a file takes no foreign file with it: that is refused."""
    out = desk.home / "out"
    desk.checkout(desk.commit({b"n": {b"x": File(b"1")}}), out)
    (out / "n" / "mine").write_bytes(b"!")
    content = desk.commit({b"n": File(b"2")})

    with pytest.raises(ConflictError, match="'n/mine'"):
        desk.checkout(content, out)
    desk.checkout(content, out, force=True)

    assert tree_at(out) == {b"n": File(b"2")}


def test_an_empty_directory_is_as_good_as_none(desk: Desk) -> None:
    """A directory that the user made for the purpose is filled, not replaced."""
    out = desk.home / "out"
    out.mkdir()
    before = out.stat().st_ino

    desk.checkout(desk.commit(BASE), out)

    assert tree_at(out) == BASE
    assert out.stat().st_ino == before


def test_identical_content_is_adopted(desk: Desk) -> None:
    """A copy that somebody else made counts as a checkout: nothing is written, and it is on record."""
    out = desk.home / "out"
    write_tree(BASE, out)
    before = [identity(path) for path in sorted(out.rglob("*"))]

    report = desk.checkout(desk.commit(BASE), out)

    assert (report.written, report.unchanged) == (0, 5)
    assert [identity(path) for path in sorted(out.rglob("*"))] == before
    assert desk.changes(out) == []


@pytest.mark.parametrize(
    "there", [{b"a": File(b"other")}, {b"a": {b"x": File(b"1")}}, {b"d": File(b"")}, File(b"a file")]
)
def test_other_content_is_not_overwritten(desk: Desk, there: Node) -> None:
    """What nobody checked out is overwritten only by force; nothing else is written before that is known."""
    out = desk.home / "out"
    write_tree(there, out)
    content = desk.commit(BASE)

    with pytest.raises(ConflictError) as caught:
        desk.checkout(content, out)
    assert caught.value.code == "destination-exists"
    assert read_tree(out) == there
    desk.checkout(content, out, force=True)

    assert tree_at(out) == BASE


@pytest.mark.parametrize("below", ["x", "y/x"])
@pytest.mark.parametrize("force", [False, True])
def test_a_file_where_a_parent_has_to_be(desk: Desk, below: str, *, force: bool) -> None:
    """A file above the destination is said to be in the way, and stays even with force."""
    write_tree(File(b"mine"), desk.home / "file")

    with pytest.raises(ConflictError, match="cannot check out") as caught:
        desk.checkout(desk.commit(BASE), desk.home / "file" / below, force=force)

    assert caught.value.why == f"a file is in the way: '{desk.home / 'file'}' is no directory"
    assert read_tree(desk.home / "file") == File(b"mine")
    assert desk.litter() == []


def test_what_does_not_collide_stays(desk: Desk) -> None:
    """A directory with other things in it takes a version beside them."""
    out = desk.home / "out"
    write_tree({b"mine": File(b"!"), b"d": {b"mine": File(b"!")}}, out)

    desk.checkout(desk.commit({b"d": {b"x": File(b"1")}}), out)

    assert tree_at(out) == {b"mine": File(b"!"), b"d": {b"mine": File(b"!"), b"x": File(b"1")}}


def test_other_things_are_not_read(desk: Desk) -> None:
    """A checkout beside a terabyte must not hash it: pipes and files of other names are not even opened."""
    out = desk.home / "out"
    out.mkdir()
    os.mkfifo(out / "pipe")  # opening it would wait for a writer for ever
    (out / "sparse").touch()
    os.truncate(out / "sparse", 1 << 40)
    content = desk.commit({b"x": File(b"1")})

    desk.checkout(content, out)
    desk.checkout(content, out)

    assert (out / "x").read_bytes() == b"1"
    assert [(change.status, change.path) for change in desk.changes(out)] == [
        ("added", "pipe"),
        ("added", "sparse"),
    ]


def test_a_pipe_in_the_way(desk: Desk) -> None:
    """A name that is taken by something no version can hold is a conflict like any other."""
    out = desk.home / "out"
    out.mkdir()
    os.mkfifo(out / "x")
    content = desk.commit({b"x": File(b"1")})

    with pytest.raises(ConflictError, match="'x'"):
        desk.checkout(content, out)
    desk.checkout(content, out, force=True)

    assert tree_at(out) == {b"x": File(b"1")}


def test_without_the_version_that_was_there(desk: Desk) -> None:
    """When gc took what was checked out before, nobody knows what was edited: what differs is kept."""
    out = desk.home / "out"
    old = desk.commit(BASE)
    desk.checkout(old, out)
    new = desk.commit(NEXT)
    desk.collect(old)

    with pytest.raises(ConflictError, match="'b'"):
        desk.checkout(new, out)
    desk.checkout(new, out, force=True)

    assert holds(tree_at(out), NEXT)
    assert (out / "gone" / "deep" / "z").exists()


def test_a_destination_behind_a_link(desk: Desk) -> None:
    """A destination that is a link to a directory is that directory; it has one record under both names."""
    (desk.home / "real").mkdir()
    (desk.home / "link").symlink_to("real")
    desk.checkout(desk.commit(BASE), desk.home / "link")

    desk.checkout(desk.commit(NEXT), desk.home / "real")

    assert tree_at(desk.home / "real") == NEXT
    assert (desk.home / "link").is_symlink()


def test_the_record_says_what_is_there(desk: Desk) -> None:
    """After each checkout the record holds the last content, and nothing is under way."""
    out = desk.home / "out"
    contents = [desk.commit(BASE), desk.commit(NEXT)]
    for content in contents:
        desk.checkout(content, out)

    with desk.store.index.read() as txn:
        found = placements.find(txn, placements.locate(out))
        listed = list(placements.placements(txn))

    assert found is not None
    assert listed == [found]
    assert [entry.id for entry in found.known] == [contents[1].id.raw]
    assert (found.destination, found.name, found.link) == (out, "data", "copy")


def test_a_long_plan_is_spooled(desk: Desk) -> None:
    """A plan of many steps goes through a file; it is carried out the same."""
    out = desk.home / "out"
    before: Tree = {b"%04d" % number: File(b"1") for number in range(1100)}
    after: Tree = {b"%04d" % number: File(b"2") for number in range(1100)}
    desk.checkout(desk.commit(before), out)

    report = desk.checkout(desk.commit(after), out)

    assert tree_at(out) == after
    assert report.written == 1100


def test_large_files_are_replaced(desk: Desk) -> None:
    """Files of many chunks are compared and replaced like small ones."""
    out = desk.home / "out"
    noise = random.Random(5).randbytes(600_000)
    desk.checkout(desk.commit({b"x": File(noise), b"y": File(noise)}), out)

    report = desk.checkout(desk.commit({b"x": File(noise[::-1]), b"y": File(noise)}), out)

    assert tree_at(out) == {b"x": File(noise[::-1]), b"y": File(noise)}
    assert (report.written, report.unchanged) == (1, 1)
