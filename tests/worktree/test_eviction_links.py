"""Eviction and gc where `.cas` has links, to have the cache on another disk: that disk is theirs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from cas.maintenance import leftovers, view_files
from cas.testing.trees import File, read_tree, write_tree
from tests.worktree.viewing import Shelf

if TYPE_CHECKING:
    from cas.testing.trees import Tree
    from tests.worktree.desks import Desk

ID = "ab" * 32
THEIRS: Tree = {
    b"p.jpg": File(b"1"),
    b"ab": {b"p.jpg": File(b"2"), b"abc": {b"p.jpg": File(b"3")}, b"lease": File(b"4")},
    b"photos": {b"p.jpg": File(b"5"), b"ab": File(b"6")},
    b"00112233": {b"p.jpg": File(b"7")},
}


@pytest.mark.parametrize(
    "place",
    [
        "views/files",
        "views/named",
        "views/trees",
        "views/files/ab",
        "views/named/ab",
        f"views/trees/ab/{ID}",
        "views/leases",
        "tmp",
        "sessions",
    ],
)
def test_nothing_of_theirs_goes(desk: Desk, place: str) -> None:
    """Not for want of room, not by gc, and not from what `cas` itself puts beside it."""
    theirs = desk.home / "theirs"
    write_tree(THEIRS, theirs)
    shelf = Shelf(desk, 2)
    shelf.ask(0)
    link = desk.layout.root / place
    if link.exists():
        shutil.move(link, desk.home / "before")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(theirs)

    shelf.ask(1)
    shelf.shrink(0)
    leftovers.clear(desk.layout, desk.store.index)
    view_files.drop_gone(desk.store)
    view_files.check(desk.store, quick=False, repair=True)

    there = read_tree(theirs)
    assert isinstance(there, dict)
    assert all(there[name] == THEIRS[name] for name in (b"p.jpg", b"photos", b"00112233"))
    folder, wanted = there[b"ab"], THEIRS[b"ab"]
    assert isinstance(folder, dict)
    assert isinstance(wanted, dict)
    assert all(folder[name] == wanted[name] for name in wanted)
