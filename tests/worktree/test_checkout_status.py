"""What changed in a destination since its checkout."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings

from cas.ids import BlobId, Kind
from cas.testing import strategies
from cas.testing.trees import File, Symlink, write_tree

if TYPE_CHECKING:
    from cas.testing.trees import Tree
    from cas.worktree.compare import Change
    from tests.worktree.desks import Desk

TREE: Tree = {
    b"a": File(b"1"),
    b"b": File(b"2"),
    b"link": Symlink(b"a"),
    b"d": {b"x": File(b"3"), b"e": {b"y": File(b"4")}},
    b"hollow": {},
}


def told(changes: list[Change]) -> list[tuple[str, str]]:
    """Reduce changes to status and path."""
    return [(change.status.value, change.path) for change in changes]


def test_every_kind_of_change(desk: Desk) -> None:
    """Edits, deletions, additions, changed types and bits are all seen, sorted by path."""
    out = desk.home / "out"
    desk.checkout(desk.commit(TREE), out)
    (out / "a").write_bytes(b"one")
    (out / "b").chmod(0o755)
    (out / "link").unlink()
    (out / "link").write_bytes(b"1")
    shutil.rmtree(out / "d" / "e")
    (out / "d" / "new").touch()
    (out / "hollow").rmdir()
    os.mkfifo(out / "pipe")

    changes = desk.changes(out)

    assert told(changes) == [
        ("modified", "a"),
        ("modified", "b"),
        ("removed", "d/e/y"),
        ("added", "d/new"),
        ("removed", "hollow"),
        ("type", "link"),
        ("added", "pipe"),
    ]
    by_path = {change.path: change for change in changes}
    assert by_path["pipe"].new is None
    assert by_path["b"].new is not None
    assert by_path["b"].new.kind is Kind.EXECUTABLE
    assert by_path["a"].old is not None
    assert by_path["a"].old.id == BlobId.of(b"1").raw


def test_foreign_directories_are_not_entered(desk: Desk) -> None:
    """A directory that the version does not have is one change, however much is in it."""
    out = desk.home / "out"
    desk.checkout(desk.commit(TREE), out)
    write_tree({b"%d" % number: File() for number in range(10)}, out / "mine")

    assert told(desk.changes(out)) == [("added", "mine")]


def test_edits_of_the_same_size(desk: Desk) -> None:
    """An edit that keeps the size is found by hashing; and undone, it is no change any more."""
    out = desk.home / "out"
    desk.checkout(desk.commit(TREE), out)

    (out / "a").write_bytes(b"!")
    assert told(desk.changes(out)) == [("modified", "a")]

    (out / "a").write_bytes(b"1")
    assert desk.changes(out) == []
    assert desk.changes(out) == []


def test_one_file(desk: Desk) -> None:
    """A destination that is one file has the empty path."""
    out = desk.home / "out"
    desk.checkout(desk.commit(File(b"1")), out)
    assert desk.changes(out) == []

    out.write_bytes(b"2")
    assert told(desk.changes(out)) == [("modified", "")]

    out.unlink()
    assert told(desk.changes(out)) == [("removed", "")]

    out.mkdir()
    assert told(desk.changes(out)) == [("type", "")]


def test_a_destination_that_is_gone(desk: Desk) -> None:
    """Without its directory, every file of the version is missing."""
    out = desk.home / "out"
    desk.checkout(desk.commit({b"a": File(b"1"), b"d": {b"x": File(b"3")}}), out)
    shutil.rmtree(out)

    assert told(desk.changes(out)) == [("removed", "a"), ("removed", "d/x")]


def test_the_repository_is_not_foreign(desk: Desk) -> None:
    """A checkout around the repository does not report it as something that was added."""
    desk.checkout(desk.commit(TREE), desk.home)

    assert desk.changes(desk.home) == []


def test_unreadable_files_count_as_changed(desk: Desk) -> None:
    """A file whose bytes are not known any more is not claimed to be the same."""
    out = desk.home / "out"
    desk.checkout(desk.commit({b"a": File(b"1")}), out)
    (out / "a").write_bytes(b"2")
    (out / "a").chmod(0)

    assert told(desk.changes(out)) == [("modified", "a")]


@settings(deadline=None, max_examples=40)  # each writes to disk and syncs
@given(before=strategies.trees(), after=strategies.trees())
def test_no_changes_means_equal(shared_desk: Desk, before: Tree, after: Tree) -> None:
    """A destination has changes if and only if it is not what was checked out."""
    content = shared_desk.commit(before)
    with tempfile.TemporaryDirectory(dir=shared_desk.home) as folder:
        out = Path(folder, "out")
        shared_desk.checkout(content, out)
        shutil.rmtree(out)
        write_tree(after, out)

        assert (shared_desk.changes(out) == []) == (before == after)
