"""What somebody changed under `views/` is never handed out as what was stored."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from cas.testing.trees import File, Symlink, read_tree
from cas.worktree.views import MTIME_NS
from tests.worktree.viewing import TREE, entry, everything, litter, materialiser

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.testing.trees import Tree
    from tests.worktree.desks import Desk


def write_into(path: Path) -> None:
    """Change bytes, against the mode; the size stays."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"HELLO")


def delete(path: Path) -> None:
    """Delete a file, against the mode of its directory."""
    path.parent.chmod(0o755)
    path.unlink()


def add(path: Path) -> None:
    """Put a file beside another."""
    path.parent.chmod(0o755)
    path.with_name("added").write_bytes(b"mine")


def replace(path: Path) -> None:
    """Put another file in the place of one."""
    delete(path)
    path.write_bytes(b"other")


def replace_secretly(path: Path) -> None:
    """Put another file in the place of one, of equal size, time and mode."""
    mode, size = path.stat().st_mode, path.stat().st_size
    delete(path)
    path.write_bytes(b"?" * size)
    path.chmod(mode)
    os.utime(path, ns=(MTIME_NS, MTIME_NS))


def shorten(path: Path) -> None:
    """Cut a file short, as a power cut may; the time is as it was."""
    path.chmod(0o644)
    os.truncate(path, 1)
    os.utime(path, ns=(MTIME_NS, MTIME_NS))


def put_a_directory_there(path: Path) -> None:
    """Make a directory where a file was."""
    delete(path)
    path.mkdir()


def swap_links(path: Path) -> None:
    """Make a link lead elsewhere."""
    link = path.with_name("link")
    delete(link)
    link.symlink_to("empty")


def open_up(path: Path) -> None:
    """Make everything writable, and write nothing."""
    path.chmod(0o666)
    path.parent.chmod(0o777)


DAMAGE = [
    write_into,
    delete,
    add,
    replace,
    replace_secretly,
    shorten,
    put_a_directory_there,
    swap_links,
    open_up,
]


@pytest.mark.parametrize("where", ["a", "d/same"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_what_somebody_changed_is_repaired_by_the_next_process(
    desk: Desk, damage: Callable[[Path], None], where: str
) -> None:
    """The first use in a process looks at everything: whoever comes after a vandal gets what was stored."""
    tree: Tree = {**TREE, b"d": {b"same": File(b"hello"), b"link": Symlink(b"same")}}
    content = desk.commit(tree)
    with materialiser(desk) as one:
        path = one.tree(content.id.raw, b"data")
    damage(path / where)

    with materialiser(desk) as one:
        again = one.tree(content.id.raw, b"data")

        assert again == path
        assert read_tree(path) == tree
        modes = [os.lstat(each).st_mode for each in everything(path)]
        assert [mode for mode in modes if not stat.S_ISLNK(mode) and mode & 0o222] == []
    assert litter(desk) == []


@pytest.mark.parametrize("damage", [write_into, delete, replace, shorten, put_a_directory_there])
def test_a_changed_file_is_noticed_at_every_use(desk: Desk, damage: Callable[[Path], None]) -> None:
    """A file is looked at each time, so that not even the process that it was handed to gets other bytes."""
    wanted = entry(desk, File(b"hello"))
    with materialiser(desk) as one:
        path = one.file(wanted.id, wanted.kind, wanted.size, b"file")
        damage(path)

        again = one.file(wanted.id, wanted.kind, wanted.size, b"file")

        assert again == path
        assert path.read_bytes() == b"hello"
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


@pytest.mark.parametrize("damage", [delete, add, replace])
def test_what_is_seen_at_the_top_is_noticed_at_every_use(desk: Desk, damage: Callable[[Path], None]) -> None:
    """A name that was added or deleted at the top of a directory moves its time, which each use looks at."""
    content = desk.commit(TREE)
    with materialiser(desk) as one:
        path = one.tree(content.id.raw, b"data")
        damage(path / "a")

        one.tree(content.id.raw, b"data")

        assert read_tree(path) == TREE
