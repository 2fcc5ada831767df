"""Views keep to their bound: the longest unused goes first, what is in use never."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cas.testing.trees import read_tree
from cas.worktree import leases, room
from cas.worktree.link import Link
from tests import processes
from tests.worktree import view_children
from tests.worktree.viewing import SIZE, Shelf, make_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worktree.desks import Desk


def test_what_was_asked_for_longest_ago_goes(desk: Desk) -> None:
    """An old one that is in use again and again stays, a newer one that nobody wants goes; its bytes too."""
    shelf = Shelf(desk, 4)
    for number in (0, 1, 2):
        shelf.ask(number, 4 * SIZE)
    shelf.ask(0, 4 * SIZE)

    shelf.ask(3, 4 * SIZE - 1)  # room for three, as nine tenths of the bound

    assert shelf.there() == {0, 2, 3}
    assert shelf.files() == 6


def test_what_is_in_use_stays(desk: Desk) -> None:
    """A path stays good as long as the process lives that was given it, whatever others ask for."""
    shelf = Shelf(desk, 3)
    holder = processes.start(view_children.hold_until_told, desk.home, shelf.contents[0].id)
    assert holder.stdout is not None
    path = Path(holder.stdout.readline().strip())
    for number in (1, 2, 1, 2):
        shelf.ask(number, 1)
    shelf.shrink(0)
    held = shelf.there()

    said = holder.communicate("go\n")[0]
    shelf.shrink(0)

    assert path.name == "data"
    assert (held, said) == ({0}, "whole\n")
    assert shelf.there() == set()


def test_what_a_killed_process_used_is_free(desk: Desk) -> None:
    """There are no stale leases: the kernel drops the lock, however the process ended."""
    shelf = Shelf(desk, 1)
    holder = processes.start(view_children.hold_until_told, desk.home, shelf.contents[0].id)
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.kill()
    holder.communicate()

    shelf.shrink(0)

    assert shelf.there() == set()
    assert list((desk.layout.views / "leases").iterdir()) == []


def fork(action: Callable[[], object]) -> int:
    """Do something in a child that was forked; its process id."""
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    return child


def test_a_fork_keeps_what_its_parent_was_given(desk: Desk) -> None:
    """A worker that was forked uses its parent's paths; neither's end takes them from the other."""
    shelf = Shelf(desk, 1)
    reading, writing = os.pipe()
    hand = shelf.hand(None)
    hand.tree(shelf.contents[0].id.raw, b"data")
    brief, lasting = fork(hand.close), fork(lambda: os.read(reading, 3))
    os.waitpid(brief, 0)

    shelf.shrink(0)
    after_one = shelf.there()
    hand.close()
    shelf.shrink(0)
    after_two = shelf.there()
    os.write(writing, b"end")
    os.waitpid(lasting, 0)
    shelf.shrink(0)

    assert (after_one, after_two) == ({0}, {0})
    assert shelf.there() == set()
    assert list((desk.layout.views / "leases").iterdir()) == []


def test_a_bound_too_small_for_one_thing_is_no_reason_to_fail(desk: Desk) -> None:
    """What was asked for is there for as long as it is used, even if it alone is too much."""
    shelf = Shelf(desk, 2)
    hand = shelf.hand(0)

    paths = [hand.tree(content.id.raw, b"data") for content in shelf.contents]

    assert [read_tree(path) for path in paths] == [make_tree(0), make_tree(1)]
    hand.close()


def test_without_a_bound_nothing_goes(desk: Desk) -> None:
    """`max_size: none` means what it says."""
    shelf = Shelf(desk, 5)

    for number in range(5):
        shelf.ask(number)

    assert shelf.there() == set(range(5))


def test_one_file_is_evicted_like_a_directory(desk: Desk) -> None:
    """Files that were asked for one by one are bounded, too."""
    shelf = Shelf(desk, 1)
    for entry in desk.entries(shelf.contents[0]):
        hand = shelf.hand(0)
        hand.file(entry.id, entry.kind, entry.size, b"file")
        hand.close()

    shelf.shrink(0)

    assert list((desk.layout.views / "named").glob("*/*")) == []


def test_files_of_checkouts_that_are_gone_go_first(desk: Desk) -> None:
    """A hard-linked checkout that was deleted leaves files that nothing links to; views are worth more."""
    shelf = Shelf(desk, 3)
    desk.checkout(shelf.contents[0], desk.home / "out", link=Link.HARDLINK)
    shutil.rmtree(desk.home / "out")
    shelf.ask(1, 3 * SIZE)

    shelf.ask(2, 3 * SIZE - 1)

    assert shelf.there() == {1, 2}
    assert shelf.files() == 4


def test_what_symlinks_of_a_checkout_lead_to_stays(desk: Desk) -> None:
    """A symlink checkout has its bytes nowhere else (ADR 0008)."""
    shelf = Shelf(desk, 1)
    out = desk.home / "out"
    desk.checkout(shelf.contents[0], out, link=Link.SYMLINK)

    shelf.shrink(0)

    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"x": b"x0", "y": b"y0"}
    assert shelf.files() == 2
    shutil.rmtree(out)
    shelf.shrink(0)
    assert shelf.files() == 0


def test_symlinks_on_a_disk_that_is_away_count(desk: Desk) -> None:
    """What cannot be looked at may come back, and must not dangle then."""
    shelf = Shelf(desk, 1)
    disk = desk.home / "disk"
    disk.mkdir()
    desk.checkout(shelf.contents[0], disk / "out", link=Link.SYMLINK)
    disk.rename(desk.home / "away")

    shelf.shrink(0)

    (desk.home / "away").rename(disk)
    assert {path.name: path.read_bytes() for path in (disk / "out").iterdir()} == {"x": b"x0", "y": b"y0"}


def test_nothing_is_taken_from_who_is_making_links(desk: Desk) -> None:
    """Between making a file and linking to it, a checkout counts on it although nothing shows that yet."""
    shelf = Shelf(desk, 2)
    shelf.ask(0)
    with leases.building(desk.layout):
        shutil.rmtree(desk.layout.views / "trees")
        shelf.shrink(0)
        meanwhile = shelf.files()

    shelf.shrink(0)

    assert (meanwhile, shelf.files()) == (2, 0)


def test_room_in_use_does_not_make_everybody_evict(desk: Desk) -> None:
    """Files that a checkout links to cannot be freed, so they must not cost views their place each time."""
    shelf = Shelf(desk, 12)
    for number in range(10):
        desk.checkout(shelf.contents[number], desk.home / f"out{number}", link=Link.HARDLINK)
    shelf.ask(10, 4 * SIZE)  # evicts all it can

    shelf.ask(11, 40 * SIZE)

    assert shelf.there() >= {11}
    assert room.total(desk.layout) <= 5 * SIZE


def test_the_room_is_known_without_counting(desk: Desk) -> None:
    """Views and checkouts add up what they write, so that nobody has to look at every file each time."""
    shelf = Shelf(desk, 3)
    shelf.ask(0, 100 * SIZE)
    entry = desk.put_blob(b"1" * 5000)
    hand = shelf.hand(100 * SIZE)
    hand.file(entry.id, entry.kind, entry.size, b"file")
    hand.close()
    desk.checkout(shelf.contents[1], desk.home / "out", link=Link.HARDLINK)
    noted = room.total(desk.layout)

    room.forget(desk.layout)

    assert noted == room.total(desk.layout) == 2 * SIZE + 8192


def test_who_dies_while_adding_has_the_room_counted_again(desk: Desk) -> None:
    """What a killed process added is not forgotten: the next one counts."""
    shelf = Shelf(desk, 1)
    shelf.ask(0, 100 * SIZE)
    died = processes.run(view_children.die_while_linking, desk.home)

    shelf.shrink(100 * SIZE)

    assert died.returncode != 0
    assert room.total(desk.layout) == SIZE + 4096
