"""A second `cas checkout --view`: what the first one wrote is refreshed, what the user did there stays."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from cas import fs
from cas.config import LayerConfig
from cas.errors import ConflictError
from cas.repo import Repository
from cas.testing import strategies
from cas.testing.trees import File, Symlink, read_tree, write_tree
from tests import processes
from tests.view import export_children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.testing.trees import Node, Tree

FIRST: Tree = {
    b"same": File(b"same"),
    b"other": File(b"first"),
    b"run": File(b"#!/bin/sh\n"),
    b"link": Symlink(b"same"),
    b"gone": {b"deep": {b"x": File(b"x")}, b"empty": {}, b"link": Symlink(b"deep")},
    b"file": File(b"a file"),
    b"folder": {b"a": File(b"a"), b"b": {b"c": File(b"c")}},
}
SECOND: Tree = {
    b"same": File(b"same"),
    b"other": File(b"second"),
    b"run": File(b"#!/bin/sh\n", is_executable=True),
    b"link": Symlink(b"other"),
    b"new": {b"y": File(b"y")},
    b"file": {b"now": File(b"a directory")},
    b"folder": File(b"a file now"),
    b"folder-of": File(b"sorts between `folder` and what was in it"),
}
KINDS = ["stored", "directory"]


class Bench:
    """A repository whose view is one tree, stored or in a directory layer, and a place to export it to."""

    def __init__(self, home: Path, kind: str) -> None:
        self.out = home / "out"
        self.kind = kind
        self._home = home
        self.repository = Repository.init(home / "home")
        self._layer = home / "layer"
        if kind == "directory":
            self.repository.add_layer(LayerConfig("layer", kind, path=str(self._layer)))

    def show(self, tree: Tree) -> None:
        """Make the view have `tree`, below `data`, instead of what it has."""
        with tempfile.TemporaryDirectory(dir=self._home) as folder:
            write_tree(tree, Path(folder, "data"))
            if self.kind == "stored":
                self.repository.commit("data", Path(folder, "data"))
                return
            if self._layer.exists():
                self._layer.rename(Path(folder, "old"))
            self._layer.mkdir()
            Path(folder, "data").rename(self._layer / "data")

    def exported(self) -> Node:
        """Export, and read what is below `data` then."""
        self.repository.export_view(self.out)
        return self.there()

    def there(self) -> Node:
        """Read what is below `data`."""
        return read_tree(self.out / "data")


@pytest.fixture(params=KINDS)
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """With the first tree exported."""
    bench = Bench(tmp_path, request.param)
    bench.show(FIRST)
    assert bench.exported() == FIRST
    yield bench
    bench.repository.close()


def test_what_nobody_touched_is_refreshed(bench: Bench) -> None:
    """Of every kind, also a file that becomes a directory; what has gone goes, and then all is done."""
    bench.show(SECOND)

    report = bench.repository.export_view(bench.out)
    again = bench.repository.export_view(bench.out)

    assert bench.there() == SECOND
    assert report.unchanged == 1
    # gone/deep/x, gone/link, the file `file`, folder/a, folder/b/c
    assert report.removed == 5
    assert (again.written, again.removed) == (0, 0)


@given(first=strategies.trees(), second=strategies.trees(), third=strategies.trees())
@settings(deadline=None, max_examples=25)
def test_an_export_of_one_view_over_another_leaves_the_other(first: Tree, second: Tree, third: Tree) -> None:
    """Whatever a view becomes, its directory follows, without force and without anything of before."""
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), kind)
            for tree in (first, second, third, first):
                bench.show(tree)
                assert bench.exported() == tree
            bench.repository.close()


def test_what_was_edited_is_a_conflict_and_all_else_waits(bench: Bench) -> None:
    """An edit is never lost, not even one that leaves the size; forced, it is."""
    bench.show(SECOND)
    (bench.out / "data" / "other").write_bytes(b"FIRST")

    with pytest.raises(ConflictError) as caught:
        bench.repository.export_view(bench.out)
    is_untouched = bench.there() == {**FIRST, b"other": File(b"FIRST")}
    bench.repository.export_view(bench.out, force=True)

    assert str(caught.value.why) == "it holds other content: 'data/other'"
    assert is_untouched
    assert bench.there() == SECOND


@pytest.mark.parametrize("mine", ["folder/a", "folder/mine", "folder/b"])
def test_a_directory_with_something_of_the_users_makes_no_way_for_a_file(bench: Bench, mine: str) -> None:
    """One file edited, added, or put in the place of a directory below is enough."""
    place = bench.out / "data" / mine
    if place.is_dir():
        (place / "c").unlink()
        place.rmdir()
    place.write_bytes(b"mine")
    bench.show(SECOND)

    with pytest.raises(ConflictError, match="'data/folder'"):
        bench.repository.export_view(bench.out)

    assert place.read_bytes() == b"mine"


def test_what_is_gone_from_the_view_stays_if_somebody_changed_it(bench: Bench) -> None:
    """It is theirs from then on, and what holds it; what they added there, too. Force does not delete it."""
    (bench.out / "data" / "gone" / "deep" / "x").write_bytes(b"X")
    (bench.out / "data" / "gone" / "empty" / "mine").write_bytes(b"mine")
    bench.show(SECOND)

    for is_forced in (False, True):
        bench.repository.export_view(bench.out, force=is_forced)

    kept = {b"deep": {b"x": File(b"X")}, b"empty": {b"mine": File(b"mine")}}
    assert bench.there() == {**SECOND, b"gone": kept}


def test_what_the_user_had_there_before_is_never_removed(tmp_path: Path) -> None:
    """A file that was equal to the view's is no work of an export."""
    bench = Bench(tmp_path, "stored")
    write_tree({b"data": {b"same": File(b"same")}}, bench.out)
    bench.show({b"same": File(b"same"), b"ours": File(b"1")})
    bench.exported()
    bench.show({b"new": File(b"2")})

    assert bench.exported() == {b"same": File(b"same"), b"new": File(b"2")}
    bench.repository.close()


def test_nothing_is_removed_through_a_symlink(bench: Bench, tmp_path: Path) -> None:
    """Whoever moved a directory away and left a link to it moved it for good."""
    os.rename(bench.out / "data" / "gone", tmp_path / "moved")
    (bench.out / "data" / "gone").symlink_to(tmp_path / "moved")
    before = read_tree(tmp_path / "moved")
    bench.show(SECOND)

    bench.repository.export_view(bench.out)

    assert read_tree(tmp_path / "moved") == before
    assert (bench.out / "data" / "gone").is_symlink()


@pytest.mark.parametrize("path", ["other", "gone/deep/x", "file", "folder/a"])
def test_what_was_written_meanwhile_is_kept(bench: Bench, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaced, gone, or in the way of a directory or a file: nothing at all is done then."""
    bench.show(SECOND)

    def write(step: str) -> None:
        if step == "export.staged":
            (bench.out / "data" / path).write_bytes(b"mine")

    with monkeypatch.context() as patched:
        patched.setattr(fs, "observer", write)
        with pytest.raises(ConflictError) as caught:
            bench.repository.export_view(bench.out)
    left = bench.there()
    write_tree({b"data": FIRST}, bench.out / "again")
    (bench.out / "again" / "data" / path).write_bytes(b"mine")

    assert "destination-changed" == caught.value.code
    assert left == read_tree(bench.out / "again" / "data")


def test_who_puts_back_what_was_there_before_has_made_an_edit(bench: Bench) -> None:
    """Only what the last export put there is its own."""
    bench.show(SECOND)
    bench.exported()
    (bench.out / "data" / "other").write_bytes(b"first")
    bench.show({**SECOND, b"other": File(b"third")})

    with pytest.raises(ConflictError):
        bench.repository.export_view(bench.out)

    assert b"first" == (bench.out / "data" / "other").read_bytes()


def test_what_a_killed_export_left_goes_with_the_next(tmp_path: Path) -> None:
    """What it had made so far would lie among the files of the view."""
    bench = Bench(tmp_path, "stored")
    bench.show(FIRST)
    bench.repository.close()
    for step in range(1, 5):
        processes.run(export_children.export_and_die, tmp_path / "home", bench.out, step)
    with Repository.open(tmp_path / "home") as bench.repository:
        assert bench.exported() == FIRST

    assert ["data"] == os.listdir(bench.out)


def test_who_dies_in_the_middle_leaves_nothing_that_counts_as_edited(tmp_path: Path) -> None:
    """Killed at any step of a second export, the third completes it without force, whatever it is of."""
    for then in (SECOND, FIRST):
        for step in range(1, 8):
            home = tmp_path / f"{step}{then is FIRST}"
            home.mkdir()
            bench = Bench(home, "directory")
            bench.show(FIRST)
            bench.exported()
            bench.show(SECOND)
            bench.repository.close()
            processes.run(export_children.export_and_die, home / "home", bench.out, step)
            with Repository.open(home / "home") as bench.repository:
                bench.show(then)
                assert bench.exported() == then


def test_what_is_on_record_goes_with_the_directory(bench: Bench) -> None:
    """Whoever deletes it leaves nothing in the index once gc was there."""
    bench.show({})
    with bench.repository._index.read() as txn:
        rows = txn.count(txn.tables.checkouts)
    os.rename(bench.out, bench.out.with_name("elsewhere"))

    bench.repository.gc()

    with bench.repository._index.read() as txn:
        assert rows > len(FIRST)
        assert txn.count(txn.tables.checkouts) == 0


def test_a_name_that_came_back_is_the_users(bench: Bench) -> None:
    """What was removed and made anew by somebody, with other content, is in the way as any file is."""
    bench.show(SECOND)
    bench.exported()
    bench.show(FIRST)
    (bench.out / "data" / "gone").write_bytes(b"mine")

    with pytest.raises(ConflictError, match="'data/gone'"):
        bench.repository.export_view(bench.out)
