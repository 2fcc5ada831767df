"""Evictions at any moment take nothing from anybody who is at work."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cas import fs
from cas.ids import Kind
from cas.testing.trees import read_tree
from cas.worktree import evict, leases
from cas.worktree.link import Link
from tests import processes
from tests.worktree import view_children
from tests.worktree.viewing import SIZE, Shelf, make_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from cas.testing.trees import Tree
    from tests.worktree.desks import Desk


def test_processes_evict_and_hand_out_at_once(desk: Desk) -> None:
    """Four processes with room for about one thing ask for six in turn; each gets what it asked for."""
    shelf = Shelf(desk, 6)
    ids = ",".join(str(content) for content in shelf.contents)
    asking = [
        processes.start(view_children.keep_asking, desk.home, ids, 60, SIZE, number) for number in range(4)
    ]

    said = [child.communicate()[0] for child in asking]

    assert said == ["120\n"] * 4
    shelf.shrink(0)
    assert (shelf.there(), shelf.files()) == (set(), 0)
    assert list(desk.layout.tmp.iterdir()) == []


def evicting_at(step: str, desk: Desk) -> AbstractContextManager[None]:
    """Have everything evicted that may be, each time when `step` is reached."""

    def evict_all(reached: str) -> None:
        if reached == step:
            evict.shrink(desk.store, 0)

    return watching(evict_all)


@contextmanager
def watching(observer: Callable[[str], None]) -> Iterator[None]:
    """Call `observer` at each durable step of the block."""
    fs.observer = observer
    try:
        yield
    finally:
        fs.observer = None


@pytest.mark.parametrize("link", [Link.HARDLINK, Link.SYMLINK])
@pytest.mark.parametrize(
    "step", ["view.added", "checkout.staged", "checkout.announced", "checkout.applied", "index.written"]
)
def test_an_eviction_in_the_middle_of_a_checkout_takes_nothing_from_it(
    desk: Desk, step: str, link: Link
) -> None:
    """Whenever it happens: a file that was just made, or is found to be there, is about to be linked to."""
    shelf = Shelf(desk, 1)
    with evicting_at(step, desk):
        desk.checkout(shelf.contents[0], desk.home / "out", link=link)

    assert (desk.home / "out" / "x").read_bytes() == b"x0"
    assert (desk.home / "out" / "y").read_bytes() == b"y0"


@pytest.mark.parametrize("step", ["view.added", "view.made", "view.published"])
def test_an_eviction_while_something_is_made_takes_nothing_from_it(desk: Desk, step: str) -> None:
    """It is leased before it is there, and so are the files that it is made of."""
    shelf = Shelf(desk, 1)
    hand = shelf.hand(None)
    entry = desk.put_blob(b"a file")
    with evicting_at(step, desk):
        path = hand.tree(shelf.contents[0].id.raw, b"data")
        file = hand.file(entry.id, entry.kind, entry.size, b"file")

    assert read_tree(path) == make_tree(0)
    assert file.read_bytes() == b"a file"
    hand.close()


def test_who_begins_to_make_links_during_an_eviction_keeps_the_files(desk: Desk) -> None:
    """A mark that is set in the middle counts from then on."""
    shelf = Shelf(desk, 1)
    shelf.ask(0)
    with ExitStack() as marks:

        def mark(reached: str) -> None:
            if reached == "view.deleted":
                marks.enter_context(leases.building(desk.layout))

        with watching(mark):
            shelf.shrink(0)

        assert (shelf.there(), shelf.files()) == (set(), 2)


def test_handing_out_and_deleting_exclude_each_other(desk: Desk) -> None:
    """Invariants 1 and 2: the lease is written, and the look taken, while nobody deletes; and the reverse."""
    shelf = Shelf(desk, 1)
    seen = []

    def look(reached: str) -> None:
        how = {"view.looked": fcntl.LOCK_EX, "view.taken": fcntl.LOCK_SH}.get(reached)
        if how is None:
            return
        fd = os.open(desk.layout.views, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        os.close(fd)
        listed = b"".join(path.read_bytes() for path in (desk.layout.views / "leases").iterdir())
        seen.append((reached, str(shelf.contents[0]).encode() in listed))

    with watching(look):
        shelf.ask(0)
        shelf.shrink(0)

    assert seen == [("view.looked", True), ("view.taken", False)]


class Views(RuleBasedStateMachine):
    """Several owners that ask, give back, damage and evict, against what each of them was given."""

    desk: Desk
    """Set by the test."""
    numbers = st.integers(0, 3)
    owners = st.integers(0, 2)

    @initialize()
    def begin(self) -> None:
        """Nobody holds anything; what earlier examples left on disk is fair game."""
        self.shelf = Shelf(self.desk, 4)
        self.hands = [self.shelf.hand(SIZE * bound) for bound in (0, 2, 100)]
        self.given: list[dict[Path, Tree]] = [{} for _ in self.hands]

    @rule(owner=owners, number=numbers)
    def ask(self, owner: int, number: int) -> None:
        """Be handed a directory."""
        path = self.hands[owner].tree(self.shelf.contents[number].id.raw, b"data")
        self.given[owner][path] = make_tree(number)

    @rule(owner=owners, number=numbers)
    def ask_for_a_file(self, owner: int, number: int) -> None:
        """Be handed one file of a directory."""
        entry = self.desk.entries(self.shelf.contents[number])[0]
        path = self.hands[owner].file(entry.id, entry.kind, entry.size, b"file")
        self.hands[owner].file(entry.id, Kind.EXECUTABLE, entry.size, b"file")
        assert path.read_bytes() == b"x%d" % number

    @rule(owner=owners)
    def give_back(self, owner: int) -> None:
        """Hold nothing any more."""
        self.hands[owner].close()
        self.given[owner] = {}

    @rule(bound=st.integers(0, 4))
    def shrink(self, bound: int) -> None:
        """Evict."""
        evict.shrink(self.desk.store, bound * SIZE)

    @rule(owner=owners, number=numbers)
    def damage(self, owner: int, number: int) -> None:
        """Delete a file of a view that nobody holds; the next who asks gets it whole."""
        text = str(self.shelf.contents[number])
        path = self.desk.layout.views / "trees" / text[:2] / text / "data"
        if path.exists() and not any(path in given for given in self.given):
            (path / "x").unlink()
            self.ask(owner, number)

    @invariant()
    def everything_given_is_whole(self) -> None:
        """What somebody holds is there, to the last byte."""
        for given in self.given:
            for path, tree in given.items():
                assert read_tree(path) == tree

    def teardown(self) -> None:
        """Give everything back."""
        for hand in self.hands:
            hand.close()


def test_whatever_happens_what_was_given_is_whole(shared_desk: Desk) -> None:
    """No order of asking, giving back, damaging and evicting takes from anybody what he was given."""
    Views.desk = shared_desk
    case = Views.TestCase
    case.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)

    case("runTest").runTest()


@pytest.mark.parametrize("link", [Link.HARDLINK, Link.SYMLINK])
def test_checkouts_go_on_while_others_evict(desk: Desk, link: Link) -> None:
    """A linked checkout that runs beside evictions ends with every file readable."""
    shelf = Shelf(desk, 6)
    ids = ",".join(str(content) for content in shelf.contents)
    asking = processes.start(view_children.keep_asking, desk.home, ids, 40, 0, 1)

    for number in range(40):
        out = desk.home / f"out{number}"
        desk.checkout(shelf.contents[number % 6], out, link=link)
        assert (out / "x").read_bytes() == b"x%d" % (number % 6)

    assert asking.communicate()[0] == "80\n"
    for number in range(40):
        assert (desk.home / f"out{number}" / "x").read_bytes() == b"x%d" % (number % 6)
