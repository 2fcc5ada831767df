"""The index: one environment per path, transactions that are all or nothing, damage that is noticed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from cas.errors import CorruptError
from cas.objects.index import FORMAT, Index
from tests.objects import children
from tests.objects.stores import noise
from tests.processes import printed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.objects.index import Txn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the index is."""
    return tmp_path / "index"


@pytest.fixture
def index(folder: Path) -> Iterator[Index]:
    """An empty index."""
    opened = Index.open(folder, create=True)
    yield opened
    opened.close()


def put_two(txn: Txn) -> None:
    """Be a small change."""
    txn.put(txn.tables.refs, b"a\0one", b"1")
    txn.put(txn.tables.refs, b"b\0two", b"2")


def test_one_path_has_one_environment(index: Index, folder: Path, tmp_path: Path) -> None:
    """LMDB loses its locks, and then data, when one process opens a file twice; a link is no excuse."""
    (tmp_path / "link").symlink_to(folder)

    again, by_link = Index.open(folder), Index.open(tmp_path / "link")

    assert again is index
    assert by_link is index
    by_link.close()
    again.close()
    with index.read() as txn:
        assert FORMAT == txn.number(b"format")


def test_a_child_after_fork_opens_its_own(folder: Path) -> None:
    """LMDB must not be carried over; neither side may spoil what the other writes."""
    Index.open(folder, create=True).close()

    assert "0 3\n" == printed(children.use_an_index_on_both_sides_of_a_fork, folder)


def test_the_last_close_closes(folder: Path) -> None:
    """Afterwards the path is opened anew: here it has become another index."""
    Index.open(folder, create=True).close()
    shutil.rmtree(folder)
    index = Index.open(folder, create=True)
    index.write(put_two)
    index.close()

    index = Index.open(folder)

    with index.read() as txn:
        assert b"1" == txn.get(txn.tables.refs, b"a\0one")
    index.close()


def test_rows_are_scanned_by_prefix_in_order(index: Index) -> None:
    """Layers, names and tags are all prefixes of keys."""
    index.write(put_two)
    index.write(lambda txn: txn.put(txn.tables.refs, b"a\0zero", b"0"))

    with index.read() as txn:
        assert [b"a\0one", b"a\0zero"] == [key for key, _ in txn.scan(txn.tables.refs, b"a\0")]
        assert [b"1", b"0", b"2"] == [value for _, value in txn.scan(txn.tables.refs)]
        assert [] == list(txn.scan(txn.tables.refs, b"c"))
        assert [] == list(txn.scan(txn.tables.tags))
        assert 3 == txn.count(txn.tables.refs)


def test_a_row_is_dropped_once(index: Index) -> None:
    """Whether there was one is known."""
    index.write(put_two)

    assert index.write(lambda txn: txn.delete(txn.tables.refs, b"a\0one"))
    assert not index.write(lambda txn: txn.delete(txn.tables.refs, b"a\0one"))


def test_counters_start_at_zero(index: Index) -> None:
    """A new repository has no history and was never collected."""
    with index.read() as txn:
        assert (0, 0, 0) == (txn.epoch, txn.sequence, txn.number(b"anything"))

    index.write(lambda txn: txn.set_number(b"epoch", 2**63))

    with index.read() as txn:
        assert 2**63 == txn.epoch


def test_a_write_that_raises_changes_nothing(index: Index) -> None:
    """A ref moves together with everything it needs, or not at all."""

    def change(txn: Txn) -> None:
        put_two(txn)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        index.write(change)

    with index.read() as txn:
        assert [] == list(txn.scan(txn.tables.refs))
    index.write(put_two)


def test_a_snapshot_does_not_move(index: Index) -> None:
    """What a reader sees belongs together, whatever is written meanwhile."""
    with index.read() as txn:
        index.write(put_two)

        assert txn.get(txn.tables.refs, b"a\0one") is None
    with index.read() as txn:
        assert b"1" == txn.get(txn.tables.refs, b"a\0one")


def test_values_outlive_their_transaction(index: Index) -> None:
    """Invariant 3: what leaves is a copy and not a window into the map."""
    index.write(put_two)
    with index.read() as txn:
        value = txn.get(txn.tables.refs, b"a\0one")
    index.write(lambda txn: txn.put(txn.tables.refs, b"a\0one", b"x" * 5000))

    assert b"1" == value


@pytest.mark.parametrize("what", ["the directory", "data.mdb"])
def test_a_missing_index_is_never_an_empty_one(folder: Path, what: str) -> None:
    """A repository that lost its index is full of data; it is rebuilt, not begun anew."""
    Index.open(folder, create=True).close()
    if what == "data.mdb":
        (folder / what).unlink()
    else:
        shutil.rmtree(folder)

    with pytest.raises(CorruptError) as caught:
        Index.open(folder)

    assert "index-missing" == caught.value.code
    assert "cas recover" in str(caught.value.hint)
    assert not (folder / "data.mdb").exists()


def test_tables_of_another_format_are_refused(folder: Path) -> None:
    """`recover` rebuilds them; guessing would destroy them."""
    index = Index.open(folder, create=True)
    index.write(lambda txn: txn.set_number(b"format", FORMAT + 1))
    index.close()

    with pytest.raises(CorruptError) as caught:
        Index.open(folder)

    assert "index-format" == caught.value.code


@pytest.mark.parametrize("is_there", [False, True])
def test_an_index_that_was_replaced_is_not_written(index: Index, folder: Path, *, is_there: bool) -> None:
    """After `recover` in another process this one would write into a file that has no name any more."""
    (folder / "data.mdb").rename(folder / "old.mdb")
    if is_there:
        (folder / "data.mdb").write_bytes((folder / "old.mdb").read_bytes())

    with pytest.raises(CorruptError) as caught:
        index.write(put_two)

    assert "index-replaced" == caught.value.code
    with index.read() as txn:
        assert 0 == txn.count(txn.tables.refs)


DAMAGED = "CorruptError index-damaged run `cas recover` to rebuild it from the packs\n"


@pytest.fixture
def filled(folder: Path) -> Path:
    """The file of an index with a few hundred pages; nobody has it open."""
    index = Index.open(folder, create=True)
    index.write(children.fill("row", 2000))
    index.close()
    return folder / "data.mdb"


def test_an_undamaged_index_is_fine(filled: Path) -> None:
    """The damage makes the difference in the tests below, not the child."""
    assert "fine 2000\n" == printed(children.print_error_of_using_index, filled.parent)


@pytest.mark.parametrize("share", [0, 0.001, 0.005, 0.02, 0.5, 0.999999])
def test_a_truncated_index_is_noticed(filled: Path, share: float) -> None:
    """Touching a page beyond the end of a mapped file kills the process; it must be noticed before."""
    with filled.open("r+b") as file:
        file.truncate(int(filled.stat().st_size * share))

    assert printed(children.print_error_of_using_index, filled.parent) == DAMAGED


@pytest.mark.parametrize("page", [0, 1, 2, 4, 9, 100, -1])
def test_an_overwritten_index_is_noticed(filled: Path, page: int) -> None:
    """Pages have no checksums, but these are in use and cannot be what they should be."""
    pages = filled.stat().st_size // 4096
    with filled.open("r+b") as file:
        file.seek(page % pages * 4096)
        file.write(noise("damage", 4096))

    assert printed(children.print_error_of_using_index, filled.parent) == DAMAGED


def test_another_file_under_its_name_is_noticed(filled: Path) -> None:
    """A text file is no index."""
    filled.write_bytes(b"These are my notes.\n" * 5000)

    assert printed(children.print_error_of_using_index, filled.parent) == DAMAGED
