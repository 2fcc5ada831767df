"""What tests of materialised views run in a process of its own (`tests.processes`)."""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cas.errors import CasError
from cas.ids import BlobId, Content, Kind
from cas.objects.session import Session
from cas.testing import faults
from cas.testing.trees import File, read_tree
from cas.worktree import leases
from cas.worktree.materialise import Materialiser
from cas.worktree.views import Views
from tests.children import become_nobody
from tests.processes import say
from tests.worktree.desks import Desk
from tests.worktree.viewing import TREE

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.testing.trees import Tree


def materialiser(desk: Desk, max_size: int | None = None) -> Materialiser:
    """Begin to hand out."""
    return Materialiser(desk.store, max_size=max_size, clock_ns=time.time_ns)


def materialise_on_demand(home: str, tree: str) -> None:
    """Wait for a line, then ask for a directory; say where it is and how much is in it."""
    desk = Desk(Path(home))
    one = materialiser(desk)
    say("ready")
    sys.stdin.readline()
    path = one.tree(bytes.fromhex(tree), b"data")
    say(path, len(os.listdir(path)))
    one.close()
    desk.close()


def hold_until_told(home: str, tree: str) -> None:
    """Ask for a directory, say where it is, and use it until told to go; say whether it is still whole."""
    desk = Desk(Path(home))
    one = materialiser(desk)
    path = one.tree(bytes.fromhex(tree), b"data")
    before = read_tree(path)
    say(path)
    sys.stdin.readline()
    say("whole" if read_tree(path) == before else "torn")
    one.close()
    desk.close()


def materialise_as_nobody(home: str, tree: str, blob: str) -> None:
    """Ask without the right to write, for what is there, again, and for what is not; say what comes."""
    become_nobody()
    desk = Desk(Path(home))
    one = materialiser(desk, max_size=0)
    asks: list[Callable[[bytes], Path]] = [
        lambda name: one.tree(bytes.fromhex(tree), name),
        lambda name: one.file(bytes.fromhex(blob), Kind.FILE, None, name),
    ]
    for name in (b"data", b"data", b"other"):
        for ask in asks:
            try:
                say(ask(name).relative_to(desk.layout.views))
            except CasError as error:
                say(type(error).__name__, error.code)
    one.close()
    desk.close()


def ask_as_nobody(home: str, tree: str) -> None:
    """Ask for a directory of which another user has made a part; say whether it is whole."""
    _become_nobody()
    desk = Desk(Path(home))
    one = materialiser(desk)
    say("whole" if read_tree(one.tree(bytes.fromhex(tree), b"data")) == TREE else "torn")
    one.close()
    desk.close()


def live_as_nobody(home: str) -> None:
    """Make, damage, repair, evict and collect views as a user whom permission bits bind."""
    _become_nobody()
    _live(Path(home))


def _become_nobody() -> None:
    """Give up root's rights once everything is imported: nobody may not read the interpreter."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        _live(Path(folder, "desk"))
    become_nobody()


def _live(home: Path) -> None:
    desk = Desk.make(home)
    content = desk.commit(TREE)
    one = materialiser(desk)
    path = one.tree(content.id.raw, b"data")
    one.close()
    try:
        path.joinpath("new").write_bytes(b"")
    except PermissionError:
        say("read-only")

    path.chmod(0o755)
    path.joinpath("d").chmod(0)
    path.joinpath("a").unlink()
    one = materialiser(desk)
    say("repaired" if read_tree(one.tree(content.id.raw, b"data")) == TREE else "torn")
    one.close()
    say("clean" if not list(desk.layout.tmp.iterdir()) else "left something")

    bounded = materialiser(desk, max_size=0)
    other = desk.commit({b"b": File(b"world"), b"d": {b"e": {}}})
    bounded.tree(other.id.raw, b"data")
    say("kept" if path.exists() else "evicted")
    bounded.close()

    desk.collect(other)
    say(*sorted(one.name for one in desk.layout.views.joinpath("trees").rglob("data")), "collected")
    desk.close()


def materialise_and_die(home: str, tree: str, step: str) -> None:
    """Ask for a directory, and die at the durable step of this number; the first is 1."""
    desk = Desk(Path(home))
    faults.kill_at(int(step))
    materialiser(desk).tree(bytes.fromhex(tree), b"data")


def die_as_nobody(home: str) -> None:
    """Die with a read-only directory in the session's folder, as a user whom permission bits bind."""
    _become_nobody()
    desk = Desk.make(Path(home))
    content = desk.commit(TREE)
    faults.kill_at(4)  # looked, two files added, made
    materialiser(desk).tree(content.id.raw, b"data")


def collect_as_nobody(home: str) -> None:
    """Run gc as the user whom permission bits bind."""
    _become_nobody()
    desk = Desk(Path(home))
    desk.repository.gc()
    desk.close()


def keep_asking(home: str, trees: str, rounds: str, max_size: str, seed: str) -> None:
    """Ask for directories again and again, with a bound for one or two; say how many were read.

    Each round is a life of its own: what the round before was given may be evicted by then.
    """
    desk = Desk(Path(home))
    dice = random.Random(int(seed))
    ids = [bytes.fromhex(one) for one in trees.split(",")]
    wanted = {one: _read(desk, one) for one in ids}
    count = 0
    for _ in range(int(rounds)):
        one = materialiser(desk, int(max_size))
        for tree in dice.sample(ids, 2):
            assert read_tree(one.tree(tree, b"data")) == wanted[tree]
            count += 1
        one.close()
    say(count)
    desk.close()


def _read(desk: Desk, tree: bytes) -> Tree:
    """Read a flat directory from the store."""
    entries = desk.entries(Content.of(Kind.DIRECTORY, tree))
    return {
        entry.name: File(b"".join(desk.store.stream(BlobId(entry.id))), entry.kind is Kind.EXECUTABLE)
        for entry in entries
    }


def die_while_linking(home: str) -> None:
    """Make a file that something is to link to, and die before anything does, or anybody knows its size."""
    desk = Desk(Path(home))
    with Session.start(desk.layout) as session, leases.building(desk.layout):
        Views(desk.layout, session.tmp).add(BlobId.of(b"data").raw, Kind.FILE, [b"data"])
        os.kill(os.getpid(), signal.SIGKILL)
