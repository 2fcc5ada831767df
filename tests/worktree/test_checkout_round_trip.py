"""What was committed comes back, to a place where nothing is."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.errors import NotFoundError
from cas.ids import BlobId, Content, Kind
from cas.progress import Silent
from cas.testing.trees import File, Symlink, read_tree
from cas.worktree import compare
from cas.worktree.build import Builder
from cas.worktree.directories import remove_tree
from cas.worktree.files import FileMaker
from cas.worktree.statcache import StatCache
from cas.worktree.views import Views
from tests.worktree.desks import Desk, tree_at

if TYPE_CHECKING:
    from cas.testing.trees import Tree

EVERYTHING: Tree = {
    b"empty": File(),
    b"text": File(b"hello\n"),
    b"run": File(b"#!/bin/sh\n", is_executable=True),
    b"link": Symlink(b"text"),
    b"dangling": Symlink(b"../nowhere"),
    b"hollow": {},
    b"deep": {b"er": {b"file": File(b"hello\n")}},
    b"\xff\xfe": File(b"a name that is not text"),
    b"large": File(random.Random(1).randbytes(700_000)),
}

LINKS = len(b"text../nowhere")


def test_everything_comes_back(desk: Desk) -> None:
    """Empty files, executables, links, empty directories, raw names, files of many chunks: all come back."""
    report = desk.checkout(desk.commit(EVERYTHING), desk.home / "out")

    assert tree_at(desk.home / "out") == EVERYTHING
    assert (report.written, report.removed, report.unchanged) == (8, 0, 0)
    assert report.bytes_written == sum(len(file.data) for file in files_in(EVERYTHING)) + LINKS
    assert desk.litter() == []


def files_in(tree: Tree) -> list[File]:
    """List all files of a tree."""
    found = []
    for node in tree.values():
        if isinstance(node, File):
            found.append(node)
        elif isinstance(node, dict):
            found += files_in(node)
    return found


@pytest.mark.parametrize("size", [0, 5, 700_000])
def test_one_file_goes_to_a_path(desk: Desk, size: int) -> None:
    """A version that is one file is put at the path itself, small or of many chunks."""
    node = File(random.Random(2).randbytes(size), is_executable=True)

    report = desk.checkout(desk.commit(node), desk.home / "out.bin")

    assert read_tree(desk.home / "out.bin") == node
    assert (report.written, report.bytes_written) == (1, size)
    assert desk.litter() == []


def test_a_part_of_a_version(desk: Desk) -> None:
    """The content of a sub-directory, or a link inside a version, is checked out like any other."""
    tree = desk.commit({b"sub": {b"x": File(b"1")}, b"link": Symlink(b"sub")})
    link, sub = desk.entries(tree)

    desk.checkout(Content.of(sub.kind, sub.id), desk.home / "sub")
    desk.checkout(link, desk.home / "link")

    assert tree_at(desk.home / "sub") == {b"x": File(b"1")}
    assert os.readlink(desk.home / "link") == "sub"


def test_missing_parents_are_made(desk: Desk) -> None:
    """Like `git clone`, checkout makes the directories that lead to its destination."""
    desk.checkout(desk.commit({b"x": File(b"1")}), desk.home / "a" / "b" / "c")

    assert tree_at(desk.home / "a" / "b" / "c") == {b"x": File(b"1")}


def test_umask_is_respected(desk: Desk) -> None:
    """Modes are what the user's own tools would give: 666 or 777 less the umask, directories too."""
    content = desk.commit({b"d": {b"x": File(b"1")}, b"run": File(b"2", is_executable=True)})
    before = os.umask(0o027)
    try:
        desk.checkout(content, desk.home / "out")
    finally:
        os.umask(before)

    modes = [stat.S_IMODE(os.stat(desk.home / "out" / path).st_mode) for path in ("", "d", "d/x", "run")]
    assert modes == [0o750, 0o750, 0o640, 0o750]


def test_one_blob_in_many_places(desk: Desk) -> None:
    """A blob that many names share, small or large, executable or not, is written to each of them."""
    large = random.Random(3).randbytes(500_000)
    tree: Tree = {
        b"%d" % number: {
            b"small": File(b"same"),
            b"run": File(b"same", is_executable=True),
            b"large": File(large, is_executable=number == 2),
        }
        for number in range(4)
    }

    desk.checkout(desk.commit(tree), desk.home / "out")

    assert tree_at(desk.home / "out") == tree


def test_content_of_many_commits(desk: Desk) -> None:
    """A tree whose files are spread over many packs is put together from all of them."""
    tree: Tree = {}
    contents = []
    for number in range(12):
        tree[b"%d" % number] = File(b"%d" % number * 100)
        contents.append(desk.commit(tree))

    desk.checkout(contents[-1], desk.home / "out")

    assert tree_at(desk.home / "out") == tree


def test_batches_do_not_show(desk: Desk) -> None:
    """Files are written some at a time; where one batch ends and the next begins makes no difference."""
    tree: Tree = {b"%02d" % a: {b"%d" % b: File(b"%d %d" % (a, b)) for b in range(a % 4)} for a in range(20)}
    content = desk.commit(tree)
    (desk.home / "out").mkdir()
    root = os.open(desk.home / "out", os.O_RDONLY)
    maker = FileMaker(root, desk.store, Views(desk.layout), None)
    builder = Builder(maker, StatCache(desk.store.index), Silent(), batch=3)

    builder.add(b"tree", compare.as_entry(content))
    builder.finish()
    builder.close()
    os.close(root)

    assert tree_at(desk.home / "out" / "tree") == tree
    assert builder.file_count == 30


def test_depth_does_not_matter(desk: Desk) -> None:
    """A tree deeper than Python's stack, and than a process may have files open, is written and deleted."""
    content = desk.put_tree([desk.put_blob(b"bottom")], depth=1500)
    folder = desk.home / "folder"
    folder.mkdir()
    try:
        report = desk.checkout(content, folder / "out")

        assert report.written == 1
        assert desk.checkout(content, folder / "out").unchanged == 1
        assert (folder / "out" / Path("d/" * 1500) / "file").read_bytes() == b"bottom"
        root = os.open(folder, os.O_RDONLY)
        remove_tree(root, b"out")
        os.close(root)
        assert not (folder / "out").exists()
    finally:
        delete_from_the_bottom(folder)


def delete_from_the_bottom(top: Path) -> None:
    """Delete what a test that was interrupted has left: pytest would recurse too deep on it."""
    folders = [os.fspath(top)]
    for folder in folders:  # grows meanwhile: parents come before their children
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    os.unlink(entry.path)
    for folder in reversed(folders):
        os.rmdir(folder)


def test_content_that_is_not_there(desk: Desk) -> None:
    """Unknown content is not found, and nothing is made for it."""
    with pytest.raises(NotFoundError) as caught:
        desk.checkout(Content(Kind.FILE, BlobId.of(b"never stored")), desk.home / "out")

    assert caught.value.code == "no-such-object"
    assert not (desk.home / "out").exists()
    assert desk.litter() == []


def test_progress_adds_up(desk: Desk) -> None:
    """Progress is told the bytes that will be written, and then that many."""
    told = Told()

    desk.checkout(desk.commit(EVERYTHING), desk.home / "out", progress=told)

    assert told.totals["writing"] == told.done["writing"] + LINKS


class Told:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.totals: dict[str, int | None] = {}
        self.done: dict[str, int] = {}
        self.task = ""

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin to count."""
        assert unit
        self.task = task
        self.totals[task] = total
        self.done[task] = 0

    def advance(self, count: int) -> None:
        """Count."""
        self.done[self.task] += count


def test_a_checkout_need_not_be_read(desk: Desk) -> None:
    """The next commit or checkout trusts what this one wrote: unreadable files do not disturb it."""
    content = desk.commit({b"a": File(b"1"), b"d": {b"b": File(b"2")}})
    desk.checkout(content, desk.home / "out")
    cache = StatCache(desk.store.index)

    rows = [cache.find(os.lstat(desk.home / "out" / path)) for path in ("", "d")]

    assert [row.tree if row else None for row in rows] == [
        content.id.raw,
        desk.entries(content)[1].id,
    ]
    assert [row.file_count if row else None for row in rows] == [2, 1]
    assert [row.size if row else None for row in rows] == [2, 1]


def test_a_write_right_after_is_seen(desk: Desk) -> None:
    """A file of the same size, written in the moment the checkout is done, is told from the old one."""
    content = desk.commit({b"x": File(b"old")})

    for _ in range(20):
        desk.checkout(content, desk.home / "out", force=True)
        (desk.home / "out" / "x").write_bytes(b"new")

        assert [change.path for change in desk.changes(desk.home / "out")] == ["x"]


def test_checkouts_side_by_side(desk: Desk) -> None:
    """Each destination has a record of its own."""
    first, second = desk.commit({b"x": File(b"1")}), desk.commit({b"x": File(b"2")})

    desk.checkout(first, desk.home / "a")
    desk.checkout(second, desk.home / "b")

    assert desk.changes(desk.home / "a") == desk.changes(desk.home / "b") == []
