"""The map grows without anybody seeing it: in one process, among threads, and between processes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cas.objects.index import Index
from tests.objects import children
from tests.objects.children import fill
from tests.processes import printed, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.objects.index import Txn

TINY = 1 << 20


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index whose map has room for little more than its tables."""
    opened = Index.open(tmp_path / "index", create=True, map_size=TINY)
    yield opened
    opened.close()


def size_of(index: Index) -> int:
    """Bytes in the file."""
    return (index.path / "data.mdb").stat().st_size


def test_one_large_transaction_grows_the_map(index: Index) -> None:
    """It runs until it fits, and its result is that of the last run."""
    runs = []

    def change(txn: Txn) -> int:
        runs.append(0)
        fill("row", 8000)(txn)
        return len(runs)

    assert len(runs) != index.write(change)
    assert len(runs) > 1
    with index.read() as txn:
        assert 8000 == txn.count(txn.tables.objects)
    assert size_of(index) > 4 * TINY


def test_many_small_transactions_grow_the_map(index: Index) -> None:
    """Each writes once more what it had written, and nothing twice."""
    for number in range(40):
        index.write(fill(f"{number}", 100))

    with index.read() as txn:
        assert 4000 == txn.count(txn.tables.objects)
    assert size_of(index) > 2 * TINY


def test_growing_waits_for_an_open_snapshot(index: Index) -> None:
    """The map may move only while nobody looks: the pages under a reader's feet would be gone."""
    index.write(fill("before", 10))
    with ThreadPoolExecutor(1) as pool:
        with index.read() as txn:
            growing = pool.submit(index.write, fill("row", 8000))
            for _ in range(50):
                assert 10 == txn.count(txn.tables.objects) == len(list(txn.scan(txn.tables.objects)))
        growing.result()

    with index.read() as txn:
        assert 8010 == txn.count(txn.tables.objects)


def test_readers_in_other_threads_do_not_see_it_grow(index: Index) -> None:
    """Who looks before, while or after the map moves finds whole transactions and nothing else."""
    start_together = threading.Barrier(4)

    def look() -> set[int]:
        start_together.wait()
        seen = set()
        for _ in range(300):
            with index.read() as txn:
                seen.add(len(list(txn.scan(txn.tables.objects))))
        return seen

    with ThreadPoolExecutor(3) as pool:
        looking = [pool.submit(look) for _ in range(3)]
        start_together.wait()
        for number in range(25):
            index.write(fill(f"{number}", 4, 30_000))
        seen = set().union(*(one.result() for one in looking))

    assert seen <= set(range(0, 104, 4))
    assert size_of(index) > 2 * TINY


def test_threads_that_write_at_once_grow_the_map_together(index: Index) -> None:
    """A pack is registered in one thread while another saves the stat cache: LMDB refuses to resize then."""

    def write(word: str) -> None:
        for number in range(10):
            index.write(fill(f"{word} {number}", 100))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))

    with index.read() as txn:
        assert 4000 == txn.count(txn.tables.objects)


@pytest.mark.parametrize("reader_count", [1, 4])
def test_another_process_adopts_the_larger_map(index: Index, reader_count: int) -> None:
    """It finds out at its next look: all its threads do, at once, and none waits for the others for ever."""
    with start(children.open_index_then_use_it_on_demand, index.path, TINY, reader_count) as child:
        assert child.stdout is not None
        assert "open\n" == child.stdout.readline()
        index.write(fill("row", 8000))

        out, _ = child.communicate("go\n", timeout=60)

    assert ("{8000}\n", 0) == (out, child.returncode)
    with index.read() as txn:
        assert 8010 == txn.count(txn.tables.objects)


@pytest.mark.parametrize("is_writing", [False, True])
def test_this_process_adopts_a_larger_map(index: Index, *, is_writing: bool) -> None:
    """The other one may have grown it between any two of our transactions."""
    printed(children.store_rows, index.path, TINY, "the child", 8000)

    if is_writing:
        index.write(fill("row", 8000))

    with index.read() as txn:
        assert 8000 * (1 + is_writing) == txn.count(txn.tables.objects)


def test_little_address_space_is_enough(index: Index) -> None:
    """The map is asked for far larger than the file; where `ulimit -v` forbids that, less will do."""
    printed(children.open_index_with_little_address_space, index.path, 1 << 30)

    with index.read() as txn:
        assert 10 == txn.count(txn.tables.objects)
