"""What a checkout leaves when it fails, or dies, or meets another one."""

from __future__ import annotations

import errno
import functools
import os
import random
import resource
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas import fs
from cas.errors import ConflictError, StorageError
from cas.ids import Content, Kind
from cas.objects.session import Session
from cas.testing import faults
from cas.testing.trees import File, Node, Tree, write_tree
from cas.worktree import placements
from cas.worktree.ahead import read_ahead
from cas.worktree.staging import StagingDirectory, sweep
from tests import processes
from tests.worktree.desks import Desk, tree_at

if TYPE_CHECKING:
    from collections.abc import Iterator


OLD: Tree = {b"a": File(b"1"), b"b": File(b"2"), b"gone": {b"x": File(b"3")}}
NEW: Tree = {b"a": File(b"1"), b"b": File(b"two"), b"c": {b"y": File(b"4")}}


def test_a_full_disk_leaves_what_was_there(desk: Desk) -> None:
    """When writing fails half-way, no part of it is in the destination, and the room is given back."""
    out = desk.home / "out"
    old = desk.commit(OLD)
    desk.checkout(old, out)
    content = desk.commit({b"x": File(random.Random(7).randbytes(6_000_000))})
    desk.close()

    message = processes.printed(checkout_with_little_room, desk.home, content.id, out)

    assert message.split(": ")[0] == f"cannot write '{out / 'x'}'"
    again = Desk(desk.home)
    assert tree_at(out) == OLD
    assert again.litter() == []
    assert again.changes(out) == []
    again.close()


def checkout_with_little_room(home: str, tree: str, destination: str) -> None:
    """Check out while no file may be longer than 4 MB."""
    desk = Desk(Path(home))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
    content = Content.of(Kind.DIRECTORY, bytes.fromhex(tree))
    try:
        desk.checkout(content, Path(destination))
    except StorageError as error:
        print(error)  # noqa: T201 - the parent reads it
    desk.close()


def test_errors_of_the_system_are_explained(desk: Desk) -> None:
    """Whatever the system refuses at the last moment comes as one of our errors, and is cleaned up."""
    out = desk.home / "out"
    desk.checkout(desk.commit(OLD), out)

    full = OSError(errno.ENOSPC, "No space left on device")
    with faults.failing_at("checkout.staged", full), pytest.raises(StorageError) as caught:
        desk.checkout(desk.commit(NEW), out)

    assert caught.value.code == "disk-full"
    assert tree_at(out) == OLD
    assert desk.litter() == []


def steps_of_checkout(desk: Desk) -> int:
    """Count the durable steps of one that replaces another."""
    out = desk.home / "count"
    desk.checkout(desk.commit(OLD), out)
    with faults.recorded_steps() as steps:
        desk.checkout(desk.commit(NEW), out)
    return len(steps)


def die_in_checkout(home: str, step: str, tree: str, destination: str) -> None:
    """Check out, and be killed at a step."""
    desk = Desk(Path(home))
    faults.kill_at(int(step))
    desk.checkout(Content.of(Kind.DIRECTORY, bytes.fromhex(tree)), Path(destination))


@pytest.mark.parametrize("is_new", [True, False])
def test_a_crash_leaves_the_old_or_the_new(desk: Desk, *, is_new: bool) -> None:
    """Killed at any step, the destination is what it was or was to be; the next checkout tidies up."""
    old, new = desk.commit(OLD), desk.commit(NEW)
    count = steps_of_checkout(desk)
    for step in range(1, count + 1):
        out = desk.home / f"out{step}"
        if not is_new:
            desk.checkout(old, out)

        done = processes.run(die_in_checkout, desk.home, step, new.id, out)

        assert done.returncode in {-9, 0}, done.stderr
        left = without_litter(tree_at(out)) if out.exists() else None
        assert left in (None if is_new else OLD, NEW)
        desk.checkout(new, out)
        assert tree_at(out) == NEW
        assert desk.litter() == []


def without_litter(node: Node) -> Node:
    """Leave the staging directory of a dead checkout out."""
    assert isinstance(node, dict)
    return {name: child for name, child in node.items() if b".cas-" not in name}


def test_a_crash_while_applying_blocks_nothing(desk: Desk) -> None:
    """Files of both versions lie about after a crash between two renames; neither counts as an edit."""
    out = desk.home / "out"
    old, new, other = desk.commit(OLD), desk.commit(NEW), desk.commit({b"b": File(b"third")})
    desk.checkout(old, out)
    with (
        faults.failing_at("checkout.announced", RuntimeError("as if killed here")),
        pytest.raises(RuntimeError),
    ):
        desk.checkout(new, out)
    (out / "b").write_bytes(b"two")  # one of the renames had happened
    (out / "c").mkdir()
    (out / "c" / "y").write_bytes(b"4")

    desk.checkout(other, out)

    assert tree_at(out) == {b"b": File(b"third")}


def test_gc_removes_what_a_crash_left(desk: Desk) -> None:
    """The staging directory of a dead session is on record; gc deletes it, and the record."""
    out = desk.home / "out"
    processes.run(die_in_checkout, desk.home, 3, desk.commit(NEW).id, out)
    assert desk.litter() != []

    desk.repository.gc()

    assert desk.litter() == []
    assert not out.exists()


def test_a_running_checkout_is_left_alone(desk: Desk) -> None:
    """As long as the session that made it lives, nobody deletes a staging directory."""
    with Session.start(desk.layout) as session:
        raw = os.fsencode(desk.home)
        staging = StagingDirectory.create(desk.store.index, raw, b"out", session=session.id)

        assert sweep(desk.layout, desk.store.index) == 0
        desk.checkout(desk.commit(OLD), desk.home / "out")
        assert os.path.isdir(staging.path)
        staging.remove()

    assert sweep(desk.layout, desk.store.index) == 1
    assert desk.litter() == []


def test_litter_on_a_disk_that_is_away(desk: Desk) -> None:
    """Litter that cannot be deleted stays on record; litter whose place is gone is forgotten."""
    away = os.fsencode(desk.home / "file" / "below")
    (desk.home / "file").touch()
    lost = os.fsencode(desk.home / "nowhere" / "at all")
    for path in (away, lost):
        staging = placements.Staging(path, bytes(16))
        desk.store.index.write(functools.partial(placements.record_staging, staging=staging))

    assert sweep(desk.layout, desk.store.index) == 1

    with desk.store.index.read() as txn:
        assert [row.path for row in placements.stagings(txn)] == [away]


def test_staging_that_cannot_be_made_is_forgotten(desk: Desk) -> None:
    """A row without a directory is litter too: it goes with the error."""
    (desk.home / "file").touch()

    with pytest.raises(NotADirectoryError):
        StagingDirectory.create(desk.store.index, os.fsencode(desk.home / "file"), b"x", session=bytes(16))

    assert desk.litter() == []


def test_staging_is_private_until_it_is_published(desk: Desk) -> None:
    """Nobody else can look into a tree that is not verified yet."""
    with Session.start(desk.layout) as session:
        staging = StagingDirectory.create(
            desk.store.index, os.fsencode(desk.home), b"x" * 300, session=session.id
        )
        mode = os.stat(staging.path).st_mode & 0o777
        staging.wait_for_clock()
        staging.remove()

    assert mode == 0o700
    assert not os.path.exists(staging.path)


def test_a_destination_that_appears_meanwhile(desk: Desk) -> None:
    """Somebody else's directory that came into being during the checkout is not overwritten."""
    out = desk.home / "out"
    content = desk.commit(NEW)

    with Appearing(out), pytest.raises(ConflictError) as caught:
        desk.checkout(content, out)

    assert caught.value.code == "destination-changed"
    assert tree_at(out) == {b"mine": File(b"!")}
    assert desk.litter() == []


class Appearing:
    """Makes a directory when everything is staged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        fs.observer = self._appear

    def _appear(self, step: str) -> None:
        if step == "checkout.staged":
            write_tree({b"mine": File(b"!")}, self._path)

    def __exit__(self, *_: object) -> None:
        fs.observer = None


def test_reading_ahead_changes_nothing() -> None:
    """What one thread reads and another writes is the same bytes in the same order, however much it is."""
    blocks = [b"%d" % number for number in range(1000)]

    assert list(read_ahead(blocks)) == blocks


def test_an_error_while_reading_ahead_comes_out() -> None:
    """Damage that the reading thread finds stops the writing one, after what came before it."""
    seen: list[bytes] = []

    with pytest.raises(StorageError, match="worn out"):
        seen.extend(read_ahead(failing_after(3)))

    assert seen == [b"block"] * 3


def failing_after(count: int) -> Iterator[bytes]:
    """Give some blocks, then fail."""
    for _ in range(count):
        yield b"block"
    raise StorageError("the disk is worn out", code="io-error")


def test_reading_ahead_ends_with_its_reader() -> None:
    """Whoever stops half-way leaves no thread behind, even one that waits for room."""
    before = threading.active_count()
    chunks = read_ahead(iter(lambda: b"endless", b""))
    assert next(chunks) == b"endless"

    chunks.close()

    assert threading.active_count() == before
