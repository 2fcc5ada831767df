"""What tests of upkeep run in a process of its own (`tests.processes`): where there is no room."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from cas.errors import StorageError
from tests.maintenance.boxes import Box, noise, write
from tests.processes import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cas.objects.index import Txn

KEPT = {"big": noise(1, 200_000)} | {f"{number}": noise(number, 20) for number in range(2000)}
DOOMED = {f"{number}": noise(-number, 20) for number in range(1, 2000)}


def work_on_a_full_disk(home: str, room: str, command: str) -> None:
    """Let a command fail for want of room; what was there must be there, and then everything must go on."""
    box = Box.make(Path(home))
    kept = box.commit("kept", KEPT)
    doomed = box.commit("doomed", DOOMED)
    write(box.home / "new", {"f": noise(7, 3_000_000)})
    remove(box, doomed)
    use_up_free_pages(box)
    if command != "gc with its reserve":
        (box.root / "reserve").unlink()

    with _ROOMS[room](box):
        try:
            _COMMANDS[command](box)
        except StorageError as error:
            say(error.code)
        else:
            say("done")
        require(box, kept)

    if command == "gc":
        with box.open() as repository:
            repository.restore(doomed)
        require(box, kept, doomed)
        remove(box, doomed)
    _COMMANDS[command](box)
    _collect(box)
    require(box, kept)
    assert box.litter() == []


def require(box: Box, *specs: str) -> None:
    """Check that these are the live versions, and whole to the last byte."""
    with box.open() as repository:
        found = [one for listing in repository.names() for one in repository.versions(listing.name)]
        assert sorted(f"{one.name}@{one.version}" for one in found) == sorted(specs)
        assert repository.read("kept", "big") == KEPT["big"]
    assert box.problems() == []


def remove(box: Box, spec: str) -> None:
    """Remove a version."""
    with box.open() as repository:
        repository.remove([spec])


def use_up_free_pages(box: Box) -> None:
    """Let the index be a file without holes, so that whatever is written next makes it grow.

    Ids are as good as random, so to free every second row, gc has to write every page of the table anew.
    """

    def fill(txn: Txn) -> None:
        for number in range(2000):
            txn.put(txn.tables.meta, b"filler %d" % number, bytes(2000))

    with box.open() as repository:
        repository._index.write(fill)


def _collect(box: Box) -> None:
    with box.open() as repository:
        repository.gc()


def _commit(box: Box) -> None:
    with box.open() as repository:
        repository.commit("new", box.home / "new")
        repository.remove(["new"])


_COMMANDS: dict[str, Callable[[Box], None]] = {
    "gc": _collect,
    "gc with its reserve": _collect,
    "commit": _commit,
}


@contextlib.contextmanager
def _limited(box: Box) -> Iterator[None]:
    """No file grows beyond what the index has: Python ignores SIGXFSZ, so a write fails as on a full disk."""
    size = (box.root / "index" / "data.mdb").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def _filled(box: Box) -> Iterator[None]:
    """Not a byte is left on the disk."""
    ballast = box.home / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        size = 1024 * 1024
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    try:
        yield
    finally:
        os.unlink(ballast)


_ROOMS = {"limit": _limited, "disk": _filled}
