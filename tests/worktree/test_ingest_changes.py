"""A tree that changes while it is read: what is recorded is what one read returned (invariant 1).

The sinks here do what another program would: they change the file while it is being handed over.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError, NotFoundError, StorageError
from cas.ids import BlobId, Kind, TreeId
from cas.testing.trees import File, write_tree
from cas.worktree.ingest import ATTEMPTS, BLOCK_SIZE
from cas.worktree.sinks import HashingSink
from tests.objects.stores import noise, object_count
from tests.worktree.reading import WHOLE_BELOW, let_the_clock_tick, read, store_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from cas.objects.store import ObjectStore
    from tests.worktree.desks import Desk

SMALL, LARGE = b"some bytes", noise("large", 300_000)


class Meddler(HashingSink):
    """Does something each time that a file is handed over, before it is done with it."""

    def __init__(self, store: ObjectStore, path: Path, *deeds: Callable[[], object]) -> None:
        """`deeds` are done to `path` one by one; afterwards nothing is."""
        super().__init__(store)
        self._path = path
        self._deeds = list(deeds)
        self.count = 0

    def small(self, data: bytes) -> bytes:
        """Take a file, and meddle."""
        blob = super().small(data)
        self._meddle()
        return blob

    def large(self, blocks: Iterable[bytes]) -> bytes:
        """Take a file, and meddle after its first block."""
        return super().large(self._meddle_after_first(blocks))

    def _meddle_after_first(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for number, block in enumerate(blocks):
            yield block
            if number == 0:
                self._meddle()

    def _meddle(self) -> None:
        self.count += 1
        if self._deeds:
            let_the_clock_tick(self._path)
            self._deeds.pop(0)()


@pytest.fixture(params=[SMALL, LARGE], ids=["small", "large"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file, alone in its directory."""
    path = tmp_path / "source" / "file"
    write_tree({b"file": File(request.param)}, path.parent)
    return path


def overwrite(path: Path, *, with_size_of: bytes | None = None) -> None:
    """Write other bytes into a file; as many as there are, or as `with_size_of` has."""
    size = path.stat().st_size if with_size_of is None else len(with_size_of)
    path.write_bytes(noise("other", size))


def test_a_file_that_changed_once_is_read_again(desk: Desk, file: Path) -> None:
    """What is recorded is what it holds afterwards; it has become the file's content."""
    sink = Meddler(desk.store, file, lambda: overwrite(file))

    found = read(desk.store, file, sink)

    assert BlobId.of(file.read_bytes()) == found.content.id
    assert 2 == sink.count


@pytest.mark.parametrize("size", [0, 1, WHOLE_BELOW, 500_000])
def test_a_file_that_changes_its_size_is_read_again(desk: Desk, file: Path, size: int) -> None:
    """Shorter or longer, and across the line at which it is read in another way."""
    sink = Meddler(desk.store, file, lambda: overwrite(file, with_size_of=bytes(size)))

    found = read(desk.store, file.parent, sink)

    (entry,) = sink.entries(TreeId(found.content.id.raw))
    assert BlobId.of(file.read_bytes()).raw == entry.id
    assert (size, size) == (entry.size, found.size)


def test_a_file_that_keeps_changing_is_an_error(desk: Desk, file: Path) -> None:
    """Half of one version and half of another is never stored."""
    sink = Meddler(desk.store, file, *[lambda: overwrite(file)] * (ATTEMPTS + 1))

    with pytest.raises(StorageError) as caught:
        read(desk.store, file.parent, sink)

    assert "file-changing" == caught.value.code
    assert ATTEMPTS == sink.count
    assert str(file) in caught.value.what
    assert "commit a copy" in str(caught.value.hint)


def test_a_file_that_is_made_executable_meanwhile_is_executable(desk: Desk, file: Path) -> None:
    """Alone and in its directory; what was seen first would be a version that never was."""
    alone = read(desk.store, file, Meddler(desk.store, file, lambda: file.chmod(0o755)))
    file.chmod(0o644)
    sink = Meddler(desk.store, file, lambda: file.chmod(0o755))
    (entry,) = sink.entries(TreeId(read(desk.store, file.parent, sink).content.id.raw))

    assert Kind.EXECUTABLE is alone.content.kind
    assert Kind.EXECUTABLE is entry.kind


def test_a_file_that_vanishes_is_an_error_that_names_it(desk: Desk, file: Path) -> None:
    """It was there when the directory was listed."""
    with pytest.raises(NotFoundError) as caught:
        read(desk.store, file.parent, Meddler(desk.store, file, file.unlink))

    assert "no-such-path" == caught.value.code
    assert str(file) in caught.value.what


@pytest.mark.parametrize("what", ["pipe", "directory", "symlink", "dangling"])
def test_a_file_that_something_else_replaces_is_an_error(desk: Desk, file: Path, what: str) -> None:
    """A pipe in its place reads like an empty file, and must not be stored as one."""

    def replace() -> None:
        file.unlink()
        match what:
            case "pipe":
                os.mkfifo(file)
            case "directory":
                file.mkdir()
            case "symlink":
                file.symlink_to("../other")
            case _:
                file.symlink_to("nowhere")

    (file.parent.parent / "other").write_bytes(SMALL)

    with pytest.raises(StorageError) as caught:
        read(desk.store, file.parent, Meddler(desk.store, file, replace))

    assert "file-changing" == caught.value.code
    assert "something else took its place" in str(caught.value.why)


def test_a_file_that_is_replaced_by_another_is_read(desk: Desk, file: Path) -> None:
    """Editors save by renaming a new file into place."""

    def save() -> None:
        (file.parent.parent / "new").write_bytes(b"saved")
        (file.parent.parent / "new").rename(file)

    found = read(desk.store, file, Meddler(desk.store, file, save))

    assert BlobId.of(b"saved") == found.content.id


@pytest.mark.parametrize("what", ["symlink", "directory", "pipe"])
def test_what_replaces_the_next_file_is_an_error(desk: Desk, tmp_path: Path, what: str) -> None:
    """It was a file when the directory was listed, and is none when its turn comes."""
    source = tmp_path / "source"
    write_tree({b"a": File(SMALL), b"b": File(SMALL)}, source)

    def replace() -> None:
        (source / "b").unlink()
        match what:
            case "symlink":
                (source / "b").symlink_to("a")
            case "directory":
                (source / "b").mkdir()
            case _:
                os.mkfifo(source / "b")

    with pytest.raises(StorageError) as caught:
        read(desk.store, source, Meddler(desk.store, source / "b", replace))

    assert "file-changing" == caught.value.code
    assert str(source / "b") in caught.value.what


def test_a_directory_that_vanishes_is_an_error_that_names_it(desk: Desk, tmp_path: Path) -> None:
    """Between the listing of its parent and its own."""
    source = tmp_path / "source"
    write_tree({b"a": {b"file": File(SMALL)}, b"b": {}}, source)

    with pytest.raises(NotFoundError) as caught:
        read(desk.store, source, Meddler(desk.store, source / "b", (source / "b").rmdir))

    assert "no-such-path" == caught.value.code
    assert str(source / "b") in caught.value.what


def test_what_is_added_meanwhile_is_found_next_time(desk: Desk, tmp_path: Path) -> None:
    """A listing is of one moment; the row of the directory must not claim to know of what came later."""
    source = tmp_path / "source"
    write_tree({b"a": File(SMALL)}, source)
    first = read(
        desk.store, source, Meddler(desk.store, source, lambda: (source / "b").write_bytes(b"later"))
    )

    second = read(desk.store, source, HashingSink(desk.store))

    assert (1, 2) == (first.file_count, second.file_count)


def test_a_file_of_many_blocks_is_watched_to_its_end(desk: Desk, tmp_path: Path) -> None:
    """It grows while its first block is stored; the size that was expected is not the size that was read."""
    path = tmp_path / "file"
    path.write_bytes(noise("long", BLOCK_SIZE + 1000))

    def grow() -> None:
        with path.open("ab") as opened:
            opened.write(b"one more line\n")

    found = read(desk.store, path, Meddler(desk.store, path, grow))

    assert BlobId.of(path.read_bytes()) == found.content.id
    assert BLOCK_SIZE + 1014 == found.size


def test_an_error_leaves_nothing_in_the_store(desk: Desk, tmp_path: Path) -> None:
    """A thousand good files do not make up for the one that could not be read."""
    source = tmp_path / "source"
    write_tree({b"%d" % number: File(b"%d" % number) for number in range(50)}, source)
    os.mkfifo(source / "zzz")

    with pytest.raises(CasError):
        store_path(desk.store, source)

    assert 0 == object_count(desk.store)
