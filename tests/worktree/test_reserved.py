"""Content never passes for a repository, whose hooks would be run: not on disk, however it gets there."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from cas.errors import InvalidError
from cas.ids import Kind, TreeId
from cas.objects.session import Session
from cas.objects.tree import Entry
from cas.progress import Silent
from cas.repo import Repository
from cas.testing.trees import File, Tree, read_tree, write_tree
from cas.worktree.link import Link
from cas.worktree.place import place
from tests.old_names import commit_as_before
from tests.worktree.viewing import materialiser

if TYPE_CHECKING:
    from pathlib import Path

    from cas.ids import Content
    from tests.worktree.desks import Desk

HOOK = File(b"#!/bin/sh\n", is_executable=True)
REPOSITORY: Tree = {b"config.yaml": File(b"format: 1\n"), b"hooks": {b"post_commit": HOOK}}


def hostile(desk: Desk, name: bytes = b".cas", *, kind: Kind = Kind.DIRECTORY, depth: int = 0) -> Content:
    """Store a directory with a repository in it, below `depth` others, as `cas` itself never commits it."""
    if kind is Kind.SYMLINK:
        entry = Entry.of(name, kind, 1, b"a")
    else:
        content = desk.commit(REPOSITORY if kind is Kind.DIRECTORY else HOOK)
        entry = Entry.of(name, content.kind, 1, content.id.raw)
    return desk.put_tree([entry, desk.put_blob(b"beside")], depth=depth)


@pytest.mark.parametrize("name", [b".cas", b".CAS", b".Cas"])
@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("kind", [Kind.DIRECTORY, Kind.FILE, Kind.SYMLINK])
def test_no_repository_is_checked_out(
    desk: Desk, tmp_path: Path, name: bytes, depth: int, kind: Kind
) -> None:
    """Not at the top, not below, not over what is there, not by force: whoever works there would run it."""
    content = hostile(desk, name, kind=kind, depth=depth)
    there: Tree = {b"d": {b"d": {b"mine": File(b"mine")}}}
    write_tree(there, tmp_path / "there")

    for place_to in (tmp_path / "new" / "out", tmp_path / "there"):
        for link in (Link.COPY, Link.HARDLINK):
            with pytest.raises(InvalidError) as caught:
                desk.checkout(content, place_to, link=link, force=True)
            assert "inside-repository" == caught.value.code
            assert os.fsdecode(name) in caught.value.what

    assert there == read_tree(tmp_path / "there")
    assert not (tmp_path / "new" / "out").exists()
    assert [] == desk.litter()


def test_no_destination_is_called_so(desk: Desk, tmp_path: Path) -> None:
    """A resource called `x/.cas` would be put there by default, and make a repository of the directory."""
    content = desk.commit(REPOSITORY)

    for inside in (".cas", ".CAS/hooks", "a/.cas/b"):
        with pytest.raises(InvalidError) as caught:
            desk.checkout(content, tmp_path / "out" / inside, force=True)
        assert "inside-repository" == caught.value.code
    assert not (tmp_path / "out").exists()


def test_no_repository_is_handed_out_or_placed(desk: Desk) -> None:
    """What `cas path` prints, and where functions work, are directories that people go to as well."""
    content = hostile(desk, depth=1)
    assert isinstance(content.id, TreeId)

    with materialiser(desk) as made, pytest.raises(InvalidError, match="name of repositories"):
        made.tree(content.id.raw, b"data")
    with (
        Session.start(desk.layout) as session,
        pytest.raises(InvalidError, match="name of repositories"),
    ):
        place(desk.store, content, session.tmp / "x", session=session, link=Link.COPY, progress=Silent())


def test_a_name_of_the_view_does_not_make_one_of_its_directory(desk: Desk, tmp_path: Path) -> None:
    """`cas path x/.cas`, a directory, would be a repository for its parent; what is in it may be read."""
    write_tree(REPOSITORY, tmp_path / "source")
    commit_as_before(desk.repository, "x/.cas", tmp_path / "source")
    view = desk.repository.view()

    for path in ("x/.cas", "x"):
        with pytest.raises(InvalidError) as caught:
            view.get_resource_path(path)
        assert "inside-repository" == caught.value.code
    assert HOOK.data == view.get_resource_path("x/.cas/hooks/post_commit").read_bytes()


def test_a_repository_in_a_directory_is_left_out_of_what_is_committed(desk: Desk, tmp_path: Path) -> None:
    """It could not be checked out; a note says so, and `status` takes it for nothing either."""
    tree: Tree = {b"file": File(b"x"), b"sub": {b"file": File(b"y")}}
    write_tree(tree, tmp_path / "work")
    Repository.init(tmp_path / "work" / "sub").close()
    (tmp_path / "work" / ".Cas").write_text("mine")

    result = desk.repository.commit("work", tmp_path / "work")
    desk.checkout(result.version.content, tmp_path / "work")

    left_out = [tmp_path / "work" / ".Cas", tmp_path / "work" / "sub" / ".cas"]
    assert [f"left out a repository, '{path}'" for path in left_out] == list(result.notes)
    desk.repository.checkout("work", tmp_path / "out")
    assert tree == read_tree(tmp_path / "out")
    assert [] == desk.changes(tmp_path / "work")
    assert all(path.exists() for path in left_out)


def test_a_repository_below_what_is_overwritten_stays(desk: Desk, tmp_path: Path) -> None:
    """Somebody's store is never deleted, whatever is forced; what is only no longer wanted leaves it, too."""
    desk.checkout(desk.commit({b"a": {b"file": File(b"x")}}), tmp_path / "out")
    with Repository.init(tmp_path / "out" / "a") as theirs:
        theirs.commit("kept", io.BytesIO(b"kept"))

    with pytest.raises(InvalidError) as caught:
        desk.checkout(desk.commit({b"a": File(b"y")}), tmp_path / "out", force=True)
    desk.checkout(desk.commit({b"b": File(b"z")}), tmp_path / "out", force=True)

    assert "inside-repository" == caught.value.code
    with Repository.open(tmp_path / "out" / "a") as theirs:
        assert b"kept" == theirs.read("kept")
    assert not (tmp_path / "out" / "a" / "file").exists()
