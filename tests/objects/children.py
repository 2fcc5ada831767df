"""What tests of objects run in a process of its own (`tests.processes`)."""

from __future__ import annotations

import os
import resource
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from cas.errors import CasError
from cas.layout import Layout
from cas.objects.index import Index
from cas.objects.session import Session
from cas.objects.writer import ObjectWriter
from tests.children import become_nobody
from tests.objects.stores import do_nothing, noise, open_store, put_blob
from tests.processes import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.objects.index import Txn


def store_with_little_room(root: str, limit: str, count: str, size: str) -> None:
    """Store `count` objects of `size` bytes where no file may grow beyond `limit` bytes; say what happened.

    Python ignores SIGXFSZ, so such a write fails as on a full disk, if with another number.
    """
    layout = Layout(Path(root))
    with open_store(layout) as store, Session.start(layout) as session:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
        writer = ObjectWriter(store, session)
        try:
            for number in range(int(count)):
                put_blob(writer, noise(f"{number}", int(size)))
            writer.finish(do_nothing)
        except CasError as error:
            say(type(error).__name__, error.code)
        else:
            say("stored")
        finally:
            writer.abort()


def print_error_of_using_index(folder: str) -> None:
    """Open the index in `folder`, look at all of it and write; say how that ended."""
    try:
        index = Index.open(Path(folder))
        try:
            with index.read() as txn:
                count = sum(1 for _ in txn.scan(txn.tables.objects))
            index.write(fill("again", 100))
        finally:
            index.close()
    except CasError as error:
        say(type(error).__name__, error.code, error.hint)
    else:
        say("fine", count)


def open_index_then_use_it_on_demand(folder: str, map_size: str, reader_count: str) -> None:
    """Open the index, wait for a line, then look at it in several threads at once, and write."""
    index = Index.open(Path(folder), map_size=int(map_size))
    say("open")
    input()
    barrier = threading.Barrier(int(reader_count))

    def look(_: int) -> int:
        barrier.wait()
        with index.read() as txn:
            return txn.count(txn.tables.objects)

    with ThreadPoolExecutor(int(reader_count)) as pool:
        say(set(pool.map(look, range(int(reader_count)))))
    index.write(fill("the child", 10))
    index.close()


def open_index_with_little_address_space(folder: str, limit: str) -> None:
    """Use the index where only so many bytes can be mapped."""
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), resource.RLIM_INFINITY))
    index = Index.open(Path(folder))
    index.write(fill("a little", 10))
    index.close()


def fill(word: str, count: int, size: int = 500) -> Callable[[Txn], None]:
    """Make a change that adds `count` rows of `size` bytes."""

    def change(txn: Txn) -> None:
        for number in range(count):
            txn.put(txn.tables.objects, f"{word} {number}".encode(), bytes(size))

    return change


def store_rows(folder: str, map_size: str, word: str, count: str) -> None:
    """Add rows to the index in `folder`."""
    index = Index.open(Path(folder), map_size=int(map_size))
    index.write(fill(word, int(count)))
    index.close()


def hold_a_session(root: str) -> None:
    """Start a session, say its id, and hold it until killed or told to go."""
    with Session.start(Layout(Path(root))) as session:
        (session.tmp / "half.pack").write_bytes(b"half of a pack")
        say(session.id.hex())
        input()


def use_an_index_on_both_sides_of_a_fork(folder: str) -> None:
    """Open the index, fork, and write in the child and then in the parent."""
    index = Index.open(Path(folder))
    index.write(fill("before", 1))
    child = os.fork()
    if child == 0:
        mine = Index.open(Path(folder))
        mine.write(fill("child", 1))
        mine.close()
        os._exit(0 if mine is not index else 1)
    _, status = os.waitpid(child, 0)
    index.write(fill("parent", 1))
    with index.read() as txn:
        say(os.waitstatus_to_exitcode(status), txn.count(txn.tables.objects))
    index.close()


def look_as_nobody(path: str) -> None:
    """Open an index without the right to write, and say at each line read whether its snapshot is of a piece.

    The snapshot begins when one line was read and ends after the next one.
    """
    become_nobody()
    index = Index.open(Path(path))
    say("writable" if index.is_writable else "read-only")
    while sys.stdin.readline():
        with index.read() as txn:
            first = txn.get(txn.tables.refs, ROWS[0])
            say("inside")
            sys.stdin.readline()
            values = {txn.get(txn.tables.refs, row) for row in ROWS}
        say("whole" if values == {first} else "torn")


def scan_as_nobody(path: str) -> None:
    """Scan an index without the right to write until told to end; say how many scans were not of a piece."""
    become_nobody()
    index = Index.open(Path(path))
    ended = threading.Event()

    def listen() -> None:
        sys.stdin.readline()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    say("begins")
    torn = 0
    while not ended.is_set():
        with index.read() as txn:
            rows = [value for _, value in txn.scan(txn.tables.refs)]
        torn += len(rows) != len(ROWS) or len(set(rows)) != 1
    say(torn, "torn")


def overlap_as_nobody(path: str) -> None:
    """Read an index without the right to write in two threads, so that one always has a snapshot."""
    become_nobody()
    index = Index.open(Path(path))
    ended = threading.Event()
    turns = [threading.Semaphore(1), threading.Semaphore(0)]

    def look(mine: int) -> None:
        while not ended.is_set():
            with index.read() as txn:
                turns[1 - mine].release()  # the other begins before this one ends
                turns[mine].acquire(timeout=0.05)
                sum(1 for _ in txn.scan(txn.tables.refs))

    threads = [threading.Thread(target=look, args=(mine,)) for mine in range(2)]
    for thread in threads:
        thread.start()
    say("begins")
    sys.stdin.readline()
    ended.set()
    for thread in threads:
        thread.join()
    say("ends")


ROWS = [b"%06d" % number for number in range(3000)]
"""Rows that are always written together, and so have one value: enough for a few hundred pages."""


def write_rows(value: str) -> Callable[[Txn], None]:
    """Give the change that writes all of them."""

    def change(txn: Txn) -> None:
        for row in ROWS:
            txn.put(txn.tables.refs, row, value.encode() * 20)

    return change


def write_as_nobody(path: str) -> None:
    """Try to write where that is not allowed; say what comes of it."""
    become_nobody()
    index = Index.open(Path(path))
    for attempt in (index.require_writable, lambda: index.write(write_rows("x"))):
        try:
            attempt()
        except CasError as error:
            say(type(error).__name__, error.code, "with a hint" if error.hint else "")
    with index.read() as txn:
        say(txn.count(txn.tables.refs), "rows")
