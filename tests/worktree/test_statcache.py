"""The stat cache: what has not changed is not opened, and what may have changed is never trusted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.ids import BlobId, Kind
from cas.objects.tree import Entry
from cas.testing.strategies import file_names
from cas.testing.trees import File, Symlink, Tree, write_tree
from cas.worktree import statcache
from cas.worktree.sinks import HashingSink
from cas.worktree.statcache import COARSE_TICK_NS, FINE_TICK_NS, DirectoryRow, StatCache, make_row
from tests.objects.stores import forget, noise, pack_files
from tests.worktree.reading import LATER_NS, CountingSink, let_the_clock_tick, read, read_back, store_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.worktree.desks import Desk

TREE: Tree = {
    b"a": File(b"a's bytes"),
    b"b": File(b"b's bytes"),
    b"link": Symlink(b"a"),
    b"large": File(noise("large", 300_000)),
    b"empty": {},
    b"folder": {b"c": File(b"c's bytes"), b"deeper": {b"d": File(b"d's bytes", is_executable=True)}},
}


class UntouchedSink(HashingSink):
    """Stores nothing, and wants to be given no file."""

    def small(self, data: bytes) -> bytes:
        """Complain."""
        raise AssertionError(data)

    def large(self, blocks: Iterable[bytes]) -> bytes:
        """Complain."""
        raise AssertionError(blocks)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory that is about to be read for the first time."""
    write_tree(TREE, tmp_path / "source")
    return tmp_path / "source"


def files_read(desk: Desk, source: Path, *, now_ns: int = LATER_NS) -> list[bytes]:
    """Read the directory again; the files that had to be opened for it."""
    sink = CountingSink(desk.store)
    again = read(desk.store, source, sink, now_ns=now_ns)
    assert again == store_path(desk.store, source, now_ns=now_ns)
    return sink.read


def test_an_unchanged_tree_is_not_opened(desk: Desk, source: Path) -> None:
    """One `lstat` for each entry is all that it costs."""
    first = store_path(desk.store, source)

    assert first == read(desk.store, source, UntouchedSink(desk.store))


def test_an_unchanged_tree_is_not_stored_again(desk: Desk, source: Path) -> None:
    """Nor are its directories."""
    first = store_path(desk.store, source)
    before = pack_files(desk.layout)

    assert first == store_path(desk.store, source)
    assert before == pack_files(desk.layout)


@pytest.mark.parametrize(
    ("path", "data"),
    [("a", b"other"), ("large", noise("other", 300_001)), ("folder/c", b""), ("folder/deeper/d", b"other")],
)
def test_only_the_file_that_changed_is_read(desk: Desk, source: Path, path: str, data: bytes) -> None:
    """Its neighbours keep their ids, links among them or not."""
    before = store_path(desk.store, source)
    (source / path).write_bytes(data)

    sink = CountingSink(desk.store)
    after = read(desk.store, source, sink)

    assert [data] == sink.read
    assert before.content != after.content
    assert before.file_count == after.file_count


def test_a_new_file_is_read_alone(desk: Desk, source: Path) -> None:
    """And a file that goes makes nothing be read."""
    store_path(desk.store, source)
    (source / "new").write_bytes(b"new")
    (source / "b").unlink()

    assert [b"new"] == files_read(desk, source)


def test_a_renamed_file_is_read_again(desk: Desk, source: Path) -> None:
    """A row knows entries by name; a rename is rare, and reading is never wrong."""
    store_path(desk.store, source)
    (source / "b").rename(source / "new name")

    assert [b"b's bytes"] == files_read(desk, source)


def test_a_moved_directory_is_not_read_again(desk: Desk, source: Path) -> None:
    """A row belongs to the directory, wherever it is."""
    store_path(desk.store, source)
    (source / "folder").rename(source / "moved")

    assert [] == files_read(desk, source)


def test_a_file_that_becomes_executable_is_noticed(desk: Desk, source: Path) -> None:
    """Its bytes are the same; what it is, is not."""
    before = store_path(desk.store, source)
    (source / "a").chmod(0o755)

    after = store_path(desk.store, source)

    assert before.content != after.content
    assert read_back(desk.store, after) == TREE | {b"a": File(b"a's bytes", is_executable=True)}


def test_a_link_that_points_elsewhere_is_noticed(desk: Desk, source: Path) -> None:
    """Even if the new target is as long as the old one."""
    store_path(desk.store, source)
    let_the_clock_tick(source / "link")
    (source / "link").unlink()
    (source / "link").symlink_to("b")

    after = store_path(desk.store, source)

    assert read_back(desk.store, after) == TREE | {b"link": Symlink(b"b")}


def test_an_old_time_does_not_hide_a_change(desk: Desk, source: Path) -> None:
    """Whoever sets mtime back cannot set ctime back."""
    before = (source / "a").stat()
    store_path(desk.store, source)
    let_the_clock_tick(source / "a")
    (source / "a").write_bytes(b"A'S BYTES")
    os.utime(source / "a", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert [b"A'S BYTES"] == files_read(desk, source)


def test_a_swapped_directory_is_noticed(desk: Desk, source: Path) -> None:
    """Another directory under the same name has rows of its own."""
    store_path(desk.store, source)
    (source / "folder").rename(source.parent / "aside")
    write_tree({b"c": File(b"C'S BYTES"), b"deeper": {}}, source / "folder")

    assert [b"C'S BYTES"] == files_read(desk, source)


def written_at(path: Path) -> int:
    """When the file's times say that it was last written."""
    return max(path.stat().st_mtime_ns, path.stat().st_ctime_ns)


@pytest.mark.parametrize(
    ("age_ns", "is_trusted"),
    [
        (-(10**9), False),
        (0, False),
        (FINE_TICK_NS, False),
        (FINE_TICK_NS + 1, True),
        (10**9, True),
    ],
)
def test_a_file_is_trusted_when_it_is_older_than_a_tick(
    desk: Desk, tmp_path: Path, age_ns: int, *, is_trusted: bool
) -> None:
    """Within one tick of the file system's clock it could change and look the same (invariant 1)."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(b"bytes")
    store_path(desk.store, source, now_ns=written_at(source / "file") + age_ns)

    assert ([] if is_trusted else [b"bytes"]) == files_read(desk, source)


def test_a_racy_file_does_not_make_its_neighbours_be_read(desk: Desk, tmp_path: Path) -> None:
    """A log that is written all the time costs itself and nothing else; so does a file from the future."""
    source = tmp_path / "source"
    write_tree({b"old": File(b"old"), b"young": File(b"young")}, source)
    os.utime(source / "young", ns=(LATER_NS, LATER_NS))

    store_path(desk.store, source)

    assert [b"young"] == files_read(desk, source)


def test_a_write_within_the_tick_is_not_missed(desk: Desk, tmp_path: Path) -> None:
    """The trap itself: same size, same times, same inode, other bytes."""
    source = tmp_path / "source"
    source.mkdir()
    file = source / "file"
    file.write_bytes(b"before")
    store_path(desk.store, source, now_ns=written_at(file))
    with file.open("r+b") as opened:
        opened.write(b"after!")

    assert [b"after!"] == files_read(desk, source)


def test_what_gc_took_is_read_again(desk: Desk, source: Path) -> None:
    """A row is advice: whether the tree is still in the store is asked each time (invariant 2)."""
    first = store_path(desk.store, source)
    forget(desk.store, [first.content.id.raw, BlobId.of(b"a's bytes").raw])

    again = store_path(desk.store, source)

    assert first == again
    assert TREE == read_back(desk.store, again)


def test_a_dry_run_needs_no_stored_bytes(desk: Desk, source: Path) -> None:
    """What an earlier dry run learned is enough for the next, though nothing was ever stored."""
    first = read(desk.store, source, HashingSink(desk.store))
    (source / "new").write_bytes(b"new")

    sink = CountingSink(desk.store)
    read(desk.store, source, sink)

    assert [b"new"] == sink.read
    assert first != read(desk.store, source, HashingSink(desk.store))


def test_a_commit_does_not_trust_what_a_dry_run_learned(desk: Desk, source: Path) -> None:
    """The ids are known, but the bytes were never stored."""
    read(desk.store, source, HashingSink(desk.store))

    assert TREE == read_back(desk.store, store_path(desk.store, source))


def test_rows_are_written_early_when_there_are_many(desk: Desk, tmp_path: Path) -> None:
    """Memory stays flat however many directories are read; nothing is lost on the way."""
    status = tmp_path.stat()
    cache = StatCache(desk.store.index)
    row = DirectoryRow(bytes(32), 0, 0, bytes(16), b"x" * 3_000_000, b"", b"")

    for _ in range(7):
        cache.remember(status, row)

    assert row == StatCache(desk.store.index).find(status)


def test_the_tick_of_a_usual_disk_is_fine(tmp_path: Path) -> None:
    """Coarse clocks are those of FAT and of other machines; taken for one, it would be read twice."""
    assert FINE_TICK_NS == statcache.tick_of(tmp_path)
    assert FINE_TICK_NS < COARSE_TICK_NS


@st.composite
def listings(draw: st.DrawFn) -> list[tuple[Entry, os.stat_result]]:
    """Draw the entries of a directory with what `lstat` says of each."""
    items = []
    for name in sorted(draw(st.sets(file_names(), max_size=5))):
        kind = draw(st.sampled_from(Kind))
        size, inode = draw(st.integers(0, 2**50)), draw(st.integers(0, 2**64 - 1))
        mtime, ctime = (draw(st.integers(-(2**62), 2**62)) for _ in range(2))
        entry = Entry.of(name, kind, size, draw(st.binary(min_size=32, max_size=32)))
        items.append((entry, status_of(kind, size, inode, mtime, ctime)))
    return items


def status_of(kind: Kind, size: int, inode: int, mtime_ns: int, ctime_ns: int) -> os.stat_result:
    """Make up what `lstat` says."""
    types = {Kind.FILE: 0o100000, Kind.EXECUTABLE: 0o100000, Kind.SYMLINK: 0o120000, Kind.DIRECTORY: 0o040000}
    head = (types[kind] | kind.mode, inode, 1, 1, 0, 0, size, 0, 0, 0)
    return os.stat_result(head, {"st_mtime_ns": mtime_ns, "st_ctime_ns": ctime_ns})


@given(listings(), st.binary(min_size=32, max_size=32), st.integers(0, 2**32 - 1), st.booleans())
def test_a_row_comes_back_as_it_was(
    items: list[tuple[Entry, os.stat_result]],
    tree: bytes,
    file_count: int,
    with_ids: bool,
) -> None:
    """Any time that a file system can have, before 1970 too, and any name."""
    row = make_row(tree, file_count, items, 2**63, with_ids=with_ids)

    assert row == DirectoryRow.decode(row.encode())


@given(listings(), st.booleans())
def test_a_row_knows_each_file_by_what_lstat_says(
    items: list[tuple[Entry, os.stat_result]],
    is_stored: bool,
) -> None:
    """An unchanged file finds its id, in the row or in the stored tree; directories and links have none."""
    row = make_row(b"t" * 32, 0, items, 2**63, with_ids=not is_stored)

    known = row.file_ids(lambda _: [entry for entry, _ in items] if is_stored else [])

    assert {
        statcache.mark(statcache.sign_file(entry.name, entry.kind, status)): entry.id
        for entry, status in items
        if entry.kind in {Kind.FILE, Kind.EXECUTABLE} and entry.id != bytes(32)
    } == known


def test_a_row_whose_tree_is_gone_knows_nothing(desk: Desk) -> None:
    """After a gc that took it, the files are read again."""
    items = [(Entry.of(b"a", Kind.FILE, 1, b"i" * 32), status_of(Kind.FILE, 1, 1, 0, 0))]

    assert make_row(b"t" * 32, 0, items, 2**63, with_ids=False).file_ids(desk.store.tree) == {}


@given(listings())
def test_a_racy_file_is_never_found(items: list[tuple[Entry, os.stat_result]]) -> None:
    """Its mark equals no file's, whatever times that has."""
    known = make_row(bytes(32), 0, items, -(2**63), with_ids=True).file_ids(lambda _: [])

    assert not known.keys() & {
        statcache.mark(statcache.sign_file(entry.name, entry.kind, status)) for entry, status in items
    }


def test_kinds_are_told_from_modes() -> None:
    """A file is executable if its owner may execute it; what has no content has no kind."""
    modes = (0o100644, 0o100744, 0o100611, 0o120777, 0o040700, 0o010644, 0o020666, 0o060660, 0o140755)

    kinds = [statcache.kind_of(os.stat_result((mode, *range(9)))) for mode in modes]

    assert [Kind.FILE, Kind.EXECUTABLE, Kind.FILE, Kind.SYMLINK, Kind.DIRECTORY, *[None] * 4] == kinds
