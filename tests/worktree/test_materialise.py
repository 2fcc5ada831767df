"""Stored content on disk under the name that it was asked for by."""

from __future__ import annotations

import os
import random
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from cas.errors import CorruptError, NotFoundError
from cas.ids import Kind, TreeId
from cas.testing import strategies
from cas.testing.trees import File, read_tree
from cas.worktree.link import Link
from tests import processes
from tests.worktree import view_children
from tests.worktree.desks import Desk
from tests.worktree.viewing import TREE, entry, everything, litter, materialiser

if TYPE_CHECKING:
    from cas.testing.trees import Tree
    from cas.worktree.materialise import Materialiser


@pytest.mark.parametrize(("kind", "mode"), [(Kind.FILE, 0o444), (Kind.EXECUTABLE, 0o555)])
def test_a_file_has_its_bytes_its_name_and_one_copy(desk: Desk, kind: Kind, mode: int) -> None:
    """Programs go by the ending of a name, so the path ends in what was asked for; it is no second copy."""
    wanted = entry(desk, File(b"data", is_executable=kind is Kind.EXECUTABLE))

    with materialiser(desk) as one:
        path = one.file(wanted.id, wanted.kind, wanted.size, b"roads.csv")
        other = one.file(wanted.id, wanted.kind, None, b"streets.csv")

    assert path.is_absolute()
    assert (path.name, other.name) == ("roads.csv", "streets.csv")
    assert path.read_bytes() == b"data"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.samefile(other)
    assert path.stat().st_nlink == 3  # these two, and the file that checkouts link to


@given(tree=strategies.trees())
@settings(deadline=None)
def test_a_directory_is_what_was_stored(shared_desk: Desk, tree: Tree) -> None:
    """Whatever names, links and bytes a directory has, its view has the same, and nobody can write to it."""
    content = shared_desk.commit(tree)

    with materialiser(shared_desk) as one:
        path = one.tree(content.id.raw, b"data")

        assert read_tree(path) == tree
    assert path.name == "data"
    found = [os.lstat(os.fsencode(each)) for each in everything(path)]
    assert [one for one in found if not stat.S_ISLNK(one.st_mode) and one.st_mode & 0o222] == []


@given(tree=strategies.trees())
@settings(deadline=None)
def test_a_folder_is_the_tree_that_a_commit_of_it_makes(shared_desk: Desk, tree: Tree) -> None:
    """What is put together from several versions is shared with what was stored as one."""
    content = shared_desk.commit(tree)
    entries = {one.name: one for one in shared_desk.entries(content)}
    opened = {
        name: {inner.name: inner for inner in shared_desk.store.tree(TreeId(one.id))}
        if one.kind is Kind.DIRECTORY
        else one
        for name, one in entries.items()
    }

    with materialiser(shared_desk) as one:
        paths = {
            one.tree(content.id.raw, b"data"),
            one.folder(entries, b"data"),
            one.folder(opened, b"data"),
        }

    assert [read_tree(path) for path in paths] == [tree]


def test_the_root_of_a_view_has_a_name_too(desk: Desk) -> None:
    """The path of the whole view is empty, and still there has to be a directory to hand out."""
    wanted = entry(desk, File(b"data"))

    with materialiser(desk) as one:
        path = one.folder({b"a": wanted, b"below": {b"b": wanted}}, b"")

    assert read_tree(path) == {b"a": File(b"data"), b"below": {b"b": File(b"data")}}


def test_nothing_is_made_twice(desk: Desk) -> None:
    """A second process finds what the first has made, and the store is not asked for bytes."""
    content = desk.commit(TREE)
    wanted = entry(desk, File(b"data"))
    with materialiser(desk) as one:
        paths = one.tree(content.id.raw, b"data"), one.file(wanted.id, wanted.kind, 4, b"file")
        before = [path.lstat() for top in paths for path in everything(top)]
    for pack in desk.layout.packs.rglob("*.pack"):
        pack.chmod(0)
        pack.rename(pack.with_suffix(".away"))
    desk.store.close()

    with materialiser(desk) as one:
        assert one.file(wanted.id, wanted.kind, 4, b"file") == paths[1]

    assert [path.lstat().st_ino for top in paths for path in everything(top)] == [
        status.st_ino for status in before
    ]


def test_views_that_vanish_are_made_again(desk: Desk) -> None:
    """`views/` is a cache: whoever deletes all of it loses nothing, not even in the middle of a process."""
    content = desk.commit(TREE)
    wanted = entry(desk, File(b"data"))
    with materialiser(desk) as one:
        paths = one.tree(content.id.raw, b"data"), one.file(wanted.id, wanted.kind, 4, b"file")
        desk.layout.views.rename(desk.home / "away")

        again = one.tree(content.id.raw, b"data"), one.file(wanted.id, wanted.kind, 4, b"file")

        assert again == paths
        assert (read_tree(paths[0]), read_tree(paths[1])) == (TREE, File(b"data"))


def test_find_says_what_is_there_and_makes_nothing(desk: Desk) -> None:
    """`cas which` is cheap: it tells where a thing is, if it is anywhere."""
    content = desk.commit(TREE)
    wanted = entry(desk, File(b"data"))
    with materialiser(desk) as one:
        before = one.find(content.id.raw, Kind.DIRECTORY, b"data"), one.find(wanted.id, wanted.kind, b"file")
        made = one.tree(content.id.raw, b"data"), one.file(wanted.id, wanted.kind, 4, b"file")
        after = one.find(content.id.raw, Kind.DIRECTORY, b"data"), one.find(wanted.id, wanted.kind, b"file")

    assert before == (None, None)
    assert after == made


def test_what_is_not_stored_is_not_made(desk: Desk) -> None:
    """An unknown id is an error, and leaves no directory that looks like something."""
    with materialiser(desk) as one:
        with pytest.raises(NotFoundError):
            one.file(bytes(32), Kind.FILE, None, b"file")
        with pytest.raises(NotFoundError):
            one.tree(bytes(32), b"data")

        assert one.find(bytes(32), Kind.FILE, b"file") is None
    assert litter(desk) == []


def test_damaged_bytes_are_not_handed_out(desk: Desk) -> None:
    """What does not hash to its id stays in the store; the next attempt fails just so."""
    content = desk.commit({b"file": File(random.Random(1).randbytes(5000))})
    (wanted,) = desk.entries(content)
    (pack,) = desk.layout.packs.rglob("*.pack")
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[1000:1040] = bytes(40)
    pack.write_bytes(data)
    desk.store.close()

    with materialiser(desk) as one:
        for _ in range(2):
            with pytest.raises(CorruptError):
                one.file(wanted.id, wanted.kind, wanted.size, b"file")
            with pytest.raises(CorruptError):
                one.tree(content.id.raw, b"data")
    assert litter(desk) == []


def test_a_size_that_is_not_true_is_told(desk: Desk) -> None:
    """A tree that lies about a file's size is damage, not an endless attempt to make the file right."""
    wanted = entry(desk, File(b"data"))

    with materialiser(desk) as one, pytest.raises(CorruptError) as caught:
        one.file(wanted.id, wanted.kind, 5, b"file")

    assert caught.value.code == "bad-tree"


def test_threads_share_what_one_of_them_makes(desk: Desk) -> None:
    """Many threads that ask for the same thing at once get the same path, whole, and it is made once."""
    content = desk.commit(TREE)
    paths: list[Path] = []
    start = threading.Barrier(8)

    def ask(one: Materialiser) -> None:
        start.wait()
        path = one.tree(content.id.raw, b"data")
        assert read_tree(path) == TREE
        paths.append(path)

    with materialiser(desk) as one:
        threads = [threading.Thread(target=ask, args=(one,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(paths) == 8
    assert len(set(paths)) == 1
    assert litter(desk) == []


def test_processes_make_the_same_thing_at_once(desk: Desk) -> None:
    """Each of two processes gets it, whole; one copy stays, and nothing of the other is left."""
    tree: Tree = {b"%d" % number: File(b"%d" % number * 100) for number in range(500)}
    content = desk.commit(tree)
    asking = [processes.start(view_children.materialise_on_demand, desk.home, content.id) for _ in range(3)]
    for child in asking:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"

    for child in asking:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    said = [child.communicate()[0].split() for child in asking]

    assert {word for words in said for word in words[1:]} == {"500"}
    (path,) = {Path(words[0]) for words in said}
    assert read_tree(path) == tree
    assert litter(desk) == []


def test_a_linked_checkout_and_a_view_share_their_bytes(desk: Desk) -> None:
    """One file for a blob, however many checkouts and views have it."""
    content = desk.commit({b"a": File(b"data")})
    desk.checkout(content, desk.home / "out", link=Link.HARDLINK)

    with materialiser(desk) as one:
        assert (one.tree(content.id.raw, b"data") / "a").samefile(desk.home / "out" / "a")


@pytest.mark.parametrize("change", ["nothing", "a file", "a name"])
def test_who_cannot_write_is_handed_what_is_there(public: Path, change: str) -> None:
    """Whole, or not at all: what has to be made, or made anew, is refused, and nothing is written."""
    desk = Desk.make(public / "desk")
    content = desk.commit(TREE)
    (wanted,) = (one for one in desk.entries(content) if one.name == b"a")
    with materialiser(desk) as one:
        paths = [one.tree(content.id.raw, b"data"), one.file(wanted.id, wanted.kind, wanted.size, b"data")]
    views = desk.layout.views
    desk.close()
    if change == "a file":  # all that link to it
        paths[1].chmod(0o644)
        paths[1].write_bytes(b"HELLO")
    elif change == "a name":
        paths[0].chmod(0o755)
        (paths[0] / "more").touch()
    before = everything(views)

    said = processes.printed(
        view_children.materialise_as_nobody, desk.home, content.id, wanted.id.hex()
    ).splitlines()

    refused = "ReadOnlyError permission-denied"
    tree, file = (os.path.relpath(path, views) for path in paths)
    if change != "nothing":
        tree = refused
    if change == "a file":
        file = refused
    assert [tree, file, tree, file, refused, refused] == said
    assert before == everything(views)


def test_a_user_without_privileges_can_do_all_of_it(public: Path) -> None:
    """Directories that nobody may write to are repaired, evicted and collected by whoever owns them."""
    public.chmod(0o777)

    said = processes.printed(view_children.live_as_nobody, public / "desk").splitlines()

    assert said == ["read-only", "repaired", "clean", "evicted", "collected"]


def test_who_dies_leaves_nothing_half_made(tmp_path: Path) -> None:
    """Killed at any step, a process leaves either nothing or all of it; gc clears up."""
    for step in range(1, 100):
        desk = Desk.make(tmp_path / f"desk{step}")
        content = desk.commit(TREE)

        died = processes.run(view_children.materialise_and_die, desk.home, content.id, step)

        with materialiser(desk) as one:
            path = one.tree(content.id.raw, b"data")
            assert read_tree(path) == TREE
            assert stat.S_IMODE(path.stat().st_mode) == 0o555
        desk.repository.gc()
        assert litter(desk) == []
        assert read_tree(path) == TREE
        desk.close()
        if died.returncode == 0:
            break
    assert step > 4  # looked, two files added, made, published


def test_gc_clears_up_after_a_user_without_privileges_who_died(public: Path) -> None:
    """What is left of a half-made view is read-only; its owner's gc deletes it all the same."""
    public.chmod(0o777)
    assert processes.run(view_children.die_as_nobody, public / "desk").returncode != 0
    left = list((public / "desk" / ".cas" / "tmp").iterdir())

    processes.printed(view_children.collect_as_nobody, public / "desk")

    assert len(left) == 1
    assert list((public / "desk" / ".cas" / "tmp").iterdir()) == []


def test_users_who_share_a_repository_share_its_views(public: Path) -> None:
    """A file that somebody else made may not be linked to (Linux forbids it), so a copy takes its place."""
    public.chmod(0o777)
    desk = Desk.make(public / "desk")
    content = desk.commit(TREE)
    (wanted,) = (one for one in desk.entries(content) if one.name == b"a")
    with materialiser(desk) as one:
        path = one.file(wanted.id, wanted.kind, wanted.size, b"theirs")
    for each in [desk.home, *desk.home.rglob("*")]:
        if not path.samefile(each):
            each.chmod(each.stat().st_mode | 0o666 | (0o111 if each.is_dir() else 0))

    said = processes.printed(view_children.ask_as_nobody, desk.home, content.id)

    assert said == "whole\n"
    assert path.read_bytes() == b"hello"
