"""Checkouts whose files are links to the repository's own: hard links, symlinks, clones."""

from __future__ import annotations

import contextlib
import os
import random
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError, CorruptError, StorageError
from cas.ids import Kind
from cas.testing.trees import File, Symlink, read_tree
from cas.worktree import views
from cas.worktree.link import Link
from tests.worktree.desks import Desk, tree_at

if TYPE_CHECKING:
    from cas.testing.trees import Tree

TREE: Tree = {
    b"a": File(b"1"),
    b"same": File(b"1"),
    b"run": File(b"#!/bin/sh\n", is_executable=True),
    b"empty": File(),
    b"link": Symlink(b"a"),
    b"d": {b"large": File(random.Random(8).randbytes(400_000)), b"hollow": {}},
}
LINKED = ["a", "same", "run", "d/large"]


def view_of(desk: Desk, data: bytes, kind: Kind = Kind.FILE) -> Path:
    """Where the view of a blob is."""
    entry = desk.put_blob(data)
    return desk.layout.root.joinpath(os.fsdecode(views.Views(desk.layout).path(entry.id, kind)))


@pytest.mark.parametrize("link", [Link.HARDLINK, Link.SYMLINK])
def test_linked_files_are_the_repository_s_own(desk: Desk, link: Link) -> None:
    """A linked checkout takes no room: its files are those under `views/`, read-only and whole."""
    report = desk.checkout(desk.commit(TREE), desk.home / "out", link=link)

    for path in LINKED:
        status = (desk.home / "out" / path).stat()
        assert stat.S_IMODE(status.st_mode) == (0o555 if path == "run" else 0o444)
    assert (desk.home / "out" / "a").samefile(desk.home / "out" / "same")
    assert (desk.home / "out" / "d" / "large").read_bytes() == TREE[b"d"][b"large"].data  # type: ignore[index, union-attr] # it is a file
    assert os.readlink(desk.home / "out" / "link") == "a"
    assert report.written == 6


def test_hard_links_read_like_copies(desk: Desk) -> None:
    """To a reader there is no difference to a copy."""
    desk.checkout(desk.commit(TREE), desk.home / "out", link=Link.HARDLINK)

    assert tree_at(desk.home / "out") == TREE


@pytest.mark.parametrize("link", [Link.HARDLINK, Link.SYMLINK])
def test_a_second_checkout_makes_no_second_copy(desk: Desk, link: Link) -> None:
    """Each blob is materialised once, for every checkout there will ever be."""
    content = desk.commit(TREE)

    for name in ("one", "two"):
        desk.checkout(content, desk.home / name, link=link)

    for path in LINKED:
        assert (desk.home / "one" / path).samefile(desk.home / "two" / path)


@pytest.mark.parametrize("link", list(Link)[2:])
def test_empty_files_are_never_linked(desk: Desk, link: Link) -> None:
    """Empty files have nothing to share, and there are so many of them that links would run out."""
    desk.checkout(desk.commit({b"empty": File(), b"too": File()}), desk.home / "out", link=link)

    status = (desk.home / "out" / "empty").lstat()
    assert (status.st_nlink, stat.S_ISREG(status.st_mode), status.st_mode & 0o200) == (1, True, 0o200)


@pytest.mark.parametrize("link", [Link.HARDLINK, Link.SYMLINK])
def test_nothing_to_do_with_links(desk: Desk, link: Link) -> None:
    """Linked files are known for what they are: again, by links or by copies, there is nothing to do."""
    content = desk.commit(TREE)
    desk.checkout(content, desk.home / "out", link=link)
    desk.checkout(content, desk.home / "other", link=link)  # more links change the times of the first ones

    for again in (link, Link.COPY):
        report = desk.checkout(content, desk.home / "out", link=again)
        assert (report.written, report.removed, report.unchanged) == (0, 0, 6)
    assert desk.changes(desk.home / "out") == []


@pytest.mark.parametrize("link", [Link.HARDLINK, Link.SYMLINK])
def test_linked_checkouts_are_updated(desk: Desk, link: Link) -> None:
    """From version to version only the links that differ are replaced; the views stay whole."""
    out = desk.home / "out"
    first, second = desk.commit(TREE), desk.commit(TREE | {b"a": File(b"22"), b"d": {}})
    desk.checkout(first, out, link=link)

    report = desk.checkout(second, out, link=link)
    desk.checkout(first, desk.home / "again")

    assert (out / "a").read_bytes() == b"22"
    assert (out / "same").read_bytes() == b"1"
    assert (report.written, report.removed, report.unchanged) == (1, 1, 4)
    assert tree_at(desk.home / "again") == TREE


def test_a_write_through_a_hard_link_is_noticed(desk: Desk) -> None:
    """Whoever writes through a link against the mode damages the view, not the store: it is made anew."""
    content = desk.commit(TREE)
    desk.checkout(content, desk.home / "out", link=Link.HARDLINK)
    os.chmod(desk.home / "out" / "a", 0o644)
    (desk.home / "out" / "a").write_bytes(b"2")

    with pytest.raises(ConflictError, match="'a'"):
        desk.checkout(content, desk.home / "out", link=Link.HARDLINK)
    desk.checkout(content, desk.home / "other", link=Link.HARDLINK)
    desk.checkout(content, desk.home / "out", link=Link.HARDLINK, force=True)

    assert tree_at(desk.home / "other") == TREE
    assert tree_at(desk.home / "out") == TREE


@pytest.mark.parametrize("link", [Link.HARDLINK, Link.SYMLINK])
def test_views_may_be_cleared(desk: Desk, link: Link) -> None:
    """`views/` is a cache: without it hard links stay whole, and symlinks are mended by the next checkout."""
    content = desk.commit(TREE)
    out = desk.home / "out"
    desk.checkout(content, out, link=link)
    for path in desk.layout.views.rglob("*"):
        if path.is_file():
            path.unlink()

    desk.checkout(content, out, link=link)

    for path, data in ((out / "a", b"1"), (out / "run", b"#!/bin/sh\n")):
        assert path.read_bytes() == data


def test_a_view_that_was_cut_short(desk: Desk) -> None:
    """A view that lost its end in a power cut, with its time as it should be, is not linked to."""
    content = desk.commit({b"x": File(b"12345")})
    desk.checkout(content, desk.home / "one", link=Link.HARDLINK)
    view = view_of(desk, b"12345")
    os.truncate(view, 2)
    os.utime(view, ns=(views.MTIME_NS, views.MTIME_NS))

    desk.checkout(content, desk.home / "two", link=Link.HARDLINK)

    assert (desk.home / "two" / "x").read_bytes() == b"12345"


def test_more_links_than_the_file_system_has(desk: Desk) -> None:
    """When a view has as many links as there may be, a second copy takes its place."""
    content = desk.commit({b"x": File(b"12345")})
    desk.checkout(content, desk.home / "first", link=Link.HARDLINK)
    links = desk.home / "links"
    links.mkdir()
    fill_up(desk.home / "first" / "x", links)

    desk.checkout(content, desk.home / "last", link=Link.HARDLINK)

    assert (desk.home / "last" / "x").read_bytes() == b"12345"
    assert stat.S_IMODE((desk.home / "last" / "x").stat().st_mode) == 0o444


def fill_up(file: Path, folder: Path) -> None:
    """Link to a file until the file system refuses, or has shown that it hardly ever will."""
    fd = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):
        for number in range(66_000):  # ext4 allows 65,000
            os.link(file, b"%d" % number, dst_dir_fd=fd)
    os.close(fd)


def test_links_to_another_file_system(desk: Desk) -> None:
    """Where hard links cannot reach, checkout says so before anything is written; symlinks reach anywhere."""
    content = desk.commit(TREE)
    for disk in other_file_systems(desk.home):
        with tempfile.TemporaryDirectory(dir=disk) as folder:
            for link, code in ((Link.HARDLINK, "no-hardlink"), (Link.REFLINK, "no-reflink")):
                with pytest.raises(StorageError) as caught:
                    desk.checkout(content, Path(folder, "out"), link=link)
                assert (caught.value.code, caught.value.hint) == (code, "repeat with `--link copy`")
                assert os.listdir(folder) == []
            desk.checkout(content, Path(folder, "out"), link=Link.SYMLINK)
            desk.checkout(content, Path(folder, "copy"))

            assert Path(folder, "out", "a").read_bytes() == b"1"
            assert tree_at(Path(folder, "copy")) == TREE


def other_file_systems(path: Path) -> list[Path]:
    """List writable directories on other disks, as far as this machine has any."""
    here = os.stat(path).st_dev
    places = [Path(place) for place in ("/dev/shm", "/run", "/var/tmp", "/tmp")]  # noqa: S108 - any will do
    return [place for place in places if os.access(place, os.W_OK) and place.stat().st_dev != here]


def test_one_file_by_a_link(desk: Desk) -> None:
    """A version that is one file, whose size nobody has on record, is linked like any other."""
    content = desk.commit(File(b"12345", is_executable=True))
    for link in (Link.HARDLINK, Link.SYMLINK):
        out = desk.home / link.value
        desk.checkout(content, out, link=link)

        assert out.read_bytes() == b"12345"
        assert out.samefile(view_of(desk, b"12345", Kind.EXECUTABLE))
        assert desk.checkout(content, out, link=link).unchanged == 1


def test_clones_or_a_clear_refusal(desk: Desk) -> None:
    """Where the file system can clone, files are writable clones; where not, nothing is written."""
    out = desk.home / "out"
    try:
        desk.checkout(desk.commit(TREE), out, link=Link.REFLINK)
    except StorageError as error:
        assert error.code == "no-reflink"
        assert "--link copy" in (error.hint or "")
        assert not out.exists()
    else:
        assert tree_at(out) == TREE
        assert out.joinpath("a").stat().st_mode & 0o200
    assert desk.litter() == []


def test_damage_reaches_no_view(desk: Desk) -> None:
    """A blob is verified before its view exists under its name."""
    lie = desk.put_blob(b"12345")
    entry = type(lie).of(b"x", Kind.FILE, 4, lie.id)

    with pytest.raises(CorruptError):
        desk.checkout(desk.put_tree([entry]), desk.home / "out", link=Link.HARDLINK)

    assert not (desk.home / "out").exists()
    assert desk.litter() == []


def test_links_of_others_are_not_views(desk: Desk) -> None:
    """A symlink that only looks as if it led to a view is what it is: a link."""
    root = os.fsdecode(views.Views(desk.layout).root)
    for target in (f"{root}/ab/nothing", f"{root}/../x", f"{root}/{'ab' * 32}", "/etc"):
        assert views.Views(desk.layout).parse(os.fsencode(target)) is None
    tree: Tree = {b"x": Symlink(os.fsencode(view_of(desk, b"1")))}

    desk.checkout(desk.commit(tree), desk.home / "out")

    assert read_tree(desk.home / "out") == tree
    assert desk.checkout(desk.commit(tree), desk.home / "out").unchanged == 1
