"""What tests of working trees run in a process of its own (`tests.processes`)."""

from __future__ import annotations

import os
import random
from pathlib import Path

from cas.errors import CasError
from cas.testing.trees import File, read_tree
from cas.worktree.link import Link
from cas.worktree.sinks import HashingSink
from tests.children import become_nobody
from tests.objects.stores import make_layout, open_store
from tests.processes import say
from tests.worktree.desks import Desk
from tests.worktree.reading import read


def read_as_nobody(repository: str, source: str) -> None:
    """Read `source` as a user who may not read all of it; say what came of it, and about which path."""
    become_nobody()
    with open_store(make_layout(Path(repository) / ".cas")) as store:
        try:
            read(store, Path(source), HashingSink(store))
        except CasError as error:
            say(type(error).__name__, error.code, error.what.split("'")[1])


def clone_a_large_file(home: str, size: str) -> None:
    """Commit a file and check it out by cloning; say how that ended and what it cost."""
    desk = Desk.make(Path(home))
    content = desk.commit(File(random.Random(1).randbytes(int(size))))
    desk.checkout(content, Path(home, "linked"), link=Link.HARDLINK)  # a view, to clone from
    os.sync()
    before = os.statvfs(home)
    try:
        desk.checkout(content, Path(home, "out"), link=Link.REFLINK)
    except CasError as error:
        say(error.code)
        return
    os.sync()
    after = os.statvfs(home)
    assert read_tree(Path(home, "out")) == read_tree(Path(home, "linked"))
    with open(Path(home, "out"), "ab") as file:
        file.write(b"mine")
    assert desk.repository.verify().problems == ()
    assert Path(home, "linked").stat().st_size == int(size)
    say("cloned", (before.f_bavail - after.f_bavail) * before.f_frsize)
