"""gc and verify look after `views/`: what is gone goes there too, what is damaged is found and dropped."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from cas.ids import Kind, TreeId
from cas.worktree import leases
from cas.worktree.link import Link
from cas.worktree.materialise import Materialiser
from cas.worktree.views import MTIME_NS
from tests.maintenance.boxes import Box, killed_at, noise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cas.repo import Repository

FILES = {"x": noise(1, 1000), "sub/y": noise(2, 200_000), "empty": b""}


class Views:
    """The views of an open repository."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.hand = Materialiser(repository._store, max_size=None, clock_ns=time.time_ns)

    def tree(self, spec: str) -> Path:
        """Be handed a directory."""
        return self.hand.tree(self.repository.resolve(spec).content.id.raw, b"data")

    def file(self, spec: str, path: str) -> Path:
        """Be handed one file of a directory that is at its top."""
        tree = self.repository.resolve(spec).content.id
        assert isinstance(tree, TreeId)
        (one,) = [one for one in self.repository._store.tree(tree) if one.name == path.encode()]
        return self.hand.file(one.id, one.kind, one.size, one.name)

    def folder(self, *specs: str) -> Path:
        """Be handed a directory that is put together from several."""
        store = self.repository._store
        entries = {
            b"%d" % number: one
            for number, spec in enumerate(specs)
            for one in store.tree(self.repository.resolve(spec).content.id)  # type: ignore[arg-type] # a directory
            if one.kind is Kind.DIRECTORY
        }
        return self.hand.folder(entries, b"data")


@contextmanager
def views(box: Box) -> Iterator[Views]:
    """Open a repository and its views."""
    with box.open() as repository:
        opened = Views(repository)
        try:
            yield opened
        finally:
            opened.hand.close()


def files_below(box: Box) -> list[bytes]:
    """Read every file under `views/`, but for what is not content."""
    return [
        path.read_bytes()
        for part in ("files", "named", "trees")
        for path in sorted((box.root / "views" / part).rglob("*"))
        if path.is_file()
    ]


def collect(box: Box, *specs: str) -> None:
    """Remove versions and run gc."""
    with box.open() as repository:
        repository.remove(specs)
        repository.gc()


def test_views_of_what_is_collected_go(box: Box) -> None:
    """Space that gc frees in packs is not kept by a cache; views of what stays stay."""
    kept = box.commit("kept", {"x": b"kept"})
    gone = box.commit("gone", {"x": b"gone"})
    with views(box) as opened:
        for spec in (kept, gone):
            opened.tree(spec)
            opened.file(spec, "x")

    collect(box, gone)

    assert files_below(box) == [b"kept"] * 3
    assert len(list((box.root / "views" / "trees").glob("*/*"))) == 1
    assert box.litter() == []


def test_what_a_process_uses_outlives_its_version(box: Box) -> None:
    """A collection does not take from a running program what it was handed; the next gc does."""
    spec = box.commit("a", FILES)
    with views(box) as opened:
        path, file = opened.tree(spec), opened.file(spec, "x")

        collect(box, spec)

        held = (path / "sub" / "y").read_bytes(), file.read_bytes()
    before = files_below(box)
    collect(box)

    assert held == (FILES["sub/y"], FILES["x"])
    assert before
    assert files_below(box) == []


def test_directories_put_together_go_with_any_collection(box: Box) -> None:
    """They are no objects, so nobody can tell whether all they are made of is live; they cost only links."""
    parts = [box.commit(name, {"sub/y": name.encode()}) for name in ("a", "b")]
    other = box.commit("c", {"x": b"other"})
    with views(box) as opened:
        path = opened.folder(*parts)
        assert (path / "1" / "y").read_bytes() == b"b"

    collect(box, other)

    assert list((box.root / "views" / "trees").glob("*/*")) == []


def test_nothing_is_taken_from_a_checkout_under_way(box: Box) -> None:
    """While somebody makes links, gc leaves the files that they lead to, and comes back for them."""
    spec = box.commit("a", {"x": b"data"})
    with views(box) as opened:
        opened.file(spec, "x")
    with box.open() as repository, leases.building(repository.layout):
        repository.remove([spec])
        repository.gc()
        meanwhile = files_below(box)

    collect(box)

    assert (meanwhile, files_below(box)) == ([b"data"], [])


def test_a_collection_that_dies_leaves_nothing_for_ever(box: Box) -> None:
    """Killed at any step, gc has deleted whole views or none, and the next one deletes the rest."""
    spec = box.commit("a", FILES)
    with views(box) as opened:
        opened.tree(spec)
        opened.file(spec, "x")
        opened.repository.remove([spec])

    for step in range(1, 100):
        copy = box.copy(box.home.with_name(f"copy{step}"))
        is_killed = killed_at(step, lambda copy=copy: collect(copy))  # type: ignore[misc] # the default is bound
        collect(copy)
        assert (files_below(copy), copy.litter()) == ([], [])
        if not is_killed:
            break
    assert step > 3


def make_writable(path: Path) -> None:
    """Take back the modes of a view."""
    for one in (path.parent, path):
        one.chmod(0o755)


def write_into(path: Path) -> None:
    """Change a byte."""
    make_writable(path)
    with path.open("r+b") as file:
        file.write(b"!")


def write_into_secretly(path: Path) -> None:
    """Change a byte, and set the time back."""
    write_into(path)
    os.utime(path, ns=(MTIME_NS, MTIME_NS))


def delete(path: Path) -> None:
    """Delete the file."""
    make_writable(path)
    path.unlink()


def put_a_file_there(path: Path) -> None:
    """Put a file in the place of the whole view."""
    shutil.rmtree(path.parent)
    path.parent.write_bytes(b"mine")


@pytest.mark.parametrize(
    ("damage", "is_quick_enough"),
    [(write_into, True), (write_into_secretly, False), (delete, True), (put_a_file_there, True)],
)
@pytest.mark.parametrize("quick", [True, False])
def test_damaged_views_are_told_and_dropped(
    box: Box, damage: Callable[[Path], None], *, is_quick_enough: bool, quick: bool
) -> None:
    """Times tell, and bytes unless it is quick; repairing deletes what is wrong, and only that."""
    spec = box.commit("a", FILES)
    other = box.commit("b", {"x": b"other"})
    with views(box) as opened:
        path = opened.tree(spec)
        fine = opened.tree(other)
    damage(path / "x")

    with box.open() as repository:
        found = repository.verify(quick=quick).problems
        repaired = repository.verify(quick=quick, repair=True).problems
        left = repository.verify(quick=quick).problems

    is_found = is_quick_enough or not quick
    assert {one.code for one in found} == ({"view-damaged"} if is_found else set())
    assert [one.repaired for one in found] == [False] * len(found)
    assert [one.what for one in repaired] == [one.what for one in found]
    assert all(one.repaired for one in repaired)
    assert left == ()
    assert path.exists() is not is_found
    assert (fine / "x").read_bytes() == b"other"
    if is_found:
        with views(box) as opened:
            assert (opened.tree(spec) / "x").read_bytes() == FILES["x"]


def test_a_damaged_file_of_its_own_is_told(box: Box) -> None:
    """What has no link under `views/files` any more is hashed by what its directory says it is."""
    spec = box.commit("a", FILES)
    with views(box) as opened:
        path = opened.tree(spec)
        file = opened.file(spec, "x")
    shutil.rmtree(box.root / "views" / "files")
    fine = box.problems()
    write_into_secretly(path / "sub" / "y")
    first = box.problems()
    write_into_secretly(file)

    both = box.problems()

    assert fine == []
    assert [one.split("'")[1] for one in first] == [str(path / "sub" / "y")]
    assert str(file) in {one.split("'")[1] for one in both}
    assert len(both) == 2


def test_a_damaged_view_in_use_is_left_to_its_user(box: Box) -> None:
    """Nobody's path vanishes because somebody verifies; it is told, and stays."""
    spec = box.commit("a", FILES)
    with views(box) as opened:
        path = opened.tree(spec)
        delete(path / "x")

        with box.open() as repository:
            (problem,) = repository.verify(repair=True).problems

        assert not problem.repaired
        assert (path / "sub" / "y").exists()


def test_a_damaged_file_that_a_symlink_leads_to_is_made_anew(box: Box) -> None:
    """Deleting it would leave somebody's checkout dangling."""
    spec = box.commit("a", FILES)
    out = box.home / "out"
    with box.open() as repository:
        repository.checkout(spec, out, link=Link.SYMLINK)
        write_into_secretly((out / "x").resolve())

        (problem,) = repository.verify(repair=True).problems

    assert problem.repaired
    assert problem.what.endswith("is damaged: its bytes are not those that it was made of")
    assert (out / "x").read_bytes() == FILES["x"]
