"""What tests of materialised content have in common."""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cas.testing.trees import File, Symlink, read_tree
from cas.worktree import evict, room
from cas.worktree.materialise import Materialiser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.objects.tree import Entry
    from cas.testing.trees import Tree
    from tests.worktree.desks import Desk

TREE: Tree = {
    b"a": File(b"hello"),
    b"run": File(b"#!/bin/sh\n", is_executable=True),
    b"empty": File(b""),
    b"link": Symlink(b"a"),
    b"d": {b"same": File(b"hello"), b"nothing": {}, b"e": {b"deep": File(b"deep")}},
}


@contextmanager
def materialiser(desk: Desk) -> Iterator[Materialiser]:
    """One process's hand on the views, without a bound."""
    one = Materialiser(desk.store, max_size=None, clock_ns=time.time_ns)
    try:
        yield one
    finally:
        one.close()


def entry(desk: Desk, file: File) -> Entry:
    """Store a file and give its entry."""
    content = desk.commit({b"file": file})
    return desk.entries(content)[0]


def everything(path: Path) -> list[Path]:
    """List `path` and all that is below it, no link followed."""
    return [path, *path.rglob("*")]


def litter(desk: Desk) -> list[Path]:
    """List what sessions, builders and leases left."""
    folders = (desk.layout.tmp, desk.layout.sessions, desk.layout.views / "leases")
    return [path for folder in folders if folder.is_dir() for path in folder.iterdir()]


SIZE = 8192
"""What a directory of `make_tree` takes: two blocks."""


def make_tree(number: int) -> Tree:
    """Make up a directory of two files, both its own."""
    return {b"x": File(b"x%d" % number), b"y": File(b"y%d" % number, is_executable=True)}


class Shelf:
    """Directories to ask for, each by a process of its own as far as leases go."""

    def __init__(self, desk: Desk, count: int) -> None:
        self.desk = desk
        self.contents = [desk.commit(make_tree(number)) for number in range(count)]
        self.clock = itertools.count(10**18)

    def hand(self, max_size: int | None) -> Materialiser:
        """Begin to hand out."""
        return Materialiser(self.desk.store, max_size=max_size, clock_ns=lambda: next(self.clock))

    def ask(self, number: int, max_size: int | None = None) -> Path:
        """Ask for a directory and give it back at once."""
        hand = self.hand(max_size)
        path = hand.tree(self.contents[number].id.raw, b"data")
        hand.close()
        return path

    def shrink(self, max_size: int) -> None:
        """Evict."""
        evict.shrink(self.desk.store, max_size)

    def there(self) -> set[int]:
        """Say which directories are on disk, all of those whole."""
        found = {
            number
            for number, content in enumerate(self.contents)
            for path in [self.desk.layout.views / "trees" / str(content)[:2] / str(content) / "data"]
            if path.exists() and read_tree(path) == make_tree(number)
        }
        assert len(list((self.desk.layout.views / "trees").glob("*/*"))) == len(found)
        return found

    def files(self) -> int:
        """Count the files that everything links to."""
        return sum(1 for _ in room.files(self.desk.layout))
