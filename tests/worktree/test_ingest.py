"""Reading a working tree: its id is what the document says, and everything is in it."""

from __future__ import annotations

import io
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from blake3 import blake3
from hypothesis import given, settings

from cas.errors import InvalidError, NotFoundError
from cas.ids import BlobId, Content, Kind, TreeId
from cas.progress import Silent
from cas.testing import strategies
from cas.testing.trees import File, Symlink, Tree, write_tree
from cas.worktree import ingest as ingesting
from cas.worktree.ingest import Ingest, Ingested, Settings
from cas.worktree.sinks import HashingSink
from cas.worktree.statcache import StatCache
from tests.objects.stores import noise
from tests.processes import printed
from tests.worktree import children
from tests.worktree.reading import (
    LATER_NS,
    WHOLE_BELOW,
    CountingSink,
    count_files,
    identify,
    identify_directory,
    read,
    read_back,
    store_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.worktree.desks import Desk

ONE_OF_EACH: Tree = {
    b"file": File(b"some bytes"),
    b"empty file": File(b""),
    b"program": File(b"#!/bin/sh\n", is_executable=True),
    b"link": Symlink(b"file"),
    b"dangling": Symlink(b"no/such/file"),
    b"absolute": Symlink(b"/etc/passwd"),
    b"to a directory": Symlink(b"folder"),
    b"empty": {},
    b"folder": {b"inner": {b"file": File(b"some bytes")}, b"large": File(noise("large", 700_000))},
}
ODD_NAMES: Tree = {
    b"new\nline": File(b"1"),
    b"\xff\xfe not UTF-8": File(b"2"),
    "йё漢字".encode(): {"é".encode(): File(b"3"), "e\u0301".encode(): File(b"4")},
    b"-rf *": File(b"5"),
    b"  ": File(b"6"),
    b"x" * 255: File(b"7"),
    b"\\": File(b"8"),
    b"\x01\x7f": Symlink(b"\xfe\n"),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with one of each."""
    write_tree(ONE_OF_EACH, tmp_path / "source")
    return tmp_path / "source"


@settings(max_examples=40)
@given(tree=strategies.trees())
def test_the_id_is_what_the_document_says(tree: Tree, shared_desk: Desk) -> None:
    """Computed once more by other code, from the values that were written to disk."""
    with tempfile.TemporaryDirectory() as folder:
        write_tree(tree, Path(folder, "source"))

        found = read(shared_desk.store, Path(folder, "source"), HashingSink(shared_desk.store))

    _, size, tree_id = identify(tree)
    assert Ingested(Content(Kind.DIRECTORY, TreeId(tree_id)), size, count_files(tree)) == found


@settings(max_examples=25)
@given(tree=strategies.trees())
def test_what_is_stored_is_what_was_there(tree: Tree, shared_desk: Desk) -> None:
    """Bytes, names, links, who may be executed, and empty directories."""
    with tempfile.TemporaryDirectory() as folder:
        write_tree(tree, Path(folder, "source"))

        found = store_path(shared_desk.store, Path(folder, "source"))

    assert identify(tree)[2] == found.content.id.raw
    assert tree == read_back(shared_desk.store, found)


@pytest.mark.parametrize("tree", [ONE_OF_EACH, ODD_NAMES, {}], ids=["one of each", "odd names", "empty"])
def test_special_cases_are_stored_as_they_are(desk: Desk, tmp_path: Path, tree: Tree) -> None:
    """Links that lead nowhere, files without bytes, names that no terminal can show."""
    write_tree(tree, tmp_path / "source")

    found = store_path(desk.store, tmp_path / "source")

    assert identify(tree)[1:] == (found.size, found.content.id.raw)
    assert tree == read_back(desk.store, found)
    assert count_files(tree) == found.file_count


def test_hashing_alone_gives_the_same(desk: Desk, source: Path) -> None:
    """A dry run and `status` say what a commit would."""
    sink = HashingSink(desk.store)
    hashed = read(desk.store, source, sink)

    assert store_path(desk.store, source) == hashed
    assert desk.store.tree(TreeId(hashed.content.id.raw)) == sink.entries(TreeId(hashed.content.id.raw))


def test_two_copies_have_one_id(desk: Desk, source: Path, tmp_path: Path) -> None:
    """Times, owners, inodes and the place do not matter."""
    shutil.copytree(source, tmp_path / "elsewhere" / "copy", symlinks=True)
    os.utime(tmp_path / "elsewhere" / "copy" / "file", (1, 1))

    first, second = (
        read(desk.store, path, HashingSink(desk.store)) for path in (source, tmp_path / "elsewhere" / "copy")
    )

    assert first == second


@pytest.mark.parametrize(
    "size", [0, 1, WHOLE_BELOW - 1, WHOLE_BELOW, WHOLE_BELOW + 1, 262_144, 262_145, 1_000_000, 9_000_000]
)
def test_a_file_of_any_size_comes_back(desk: Desk, tmp_path: Path, size: int) -> None:
    """Its id is the plain hash, and where it begins to be cut into chunks cannot be seen."""
    data = noise("file", size)
    (tmp_path / "file").write_bytes(data)

    found = store_path(desk.store, tmp_path / "file")

    assert Ingested(Content(Kind.FILE, BlobId(blake3(data).digest())), size, 1) == found
    assert data == desk.store.get(BlobId(found.content.id.raw))


@pytest.mark.parametrize("size", [200_000, 2_000_000])
@pytest.mark.parametrize("byte", [b"\0", b"a"])
def test_a_file_that_cannot_be_cut_well_comes_back(
    desk: Desk, tmp_path: Path, byte: bytes, size: int
) -> None:
    """Where all bytes are equal, all chunks are of the largest size and one; or the file is the one chunk."""
    (tmp_path / "file").write_bytes(byte * size)

    found = store_path(desk.store, tmp_path / "file")

    assert byte * size == desk.store.get(BlobId(found.content.id.raw))
    assert size == sum(part.size for part in desk.store.chunks(BlobId(found.content.id.raw)))


def test_a_large_file_is_handed_over_in_pieces(desk: Desk, tmp_path: Path) -> None:
    """Memory is bounded by a few blocks, however large the file: a piece is taken when it is asked for."""
    size = 10 * ingesting.BLOCK_SIZE + 1
    with (tmp_path / "file").open("wb") as file:
        file.truncate(size)
    sizes: list[int] = []

    class Lazy(HashingSink):
        def large(self, blocks: Iterable[bytes]) -> bytes:
            sizes.extend(len(block) for block in blocks)
            return bytes(32)

    read(desk.store, tmp_path / "file", Lazy(desk.store))

    assert size == sum(sizes)
    assert ingesting.BLOCK_SIZE == max(sizes)


@pytest.mark.parametrize("kind", [Kind.FILE, Kind.EXECUTABLE])
def test_a_single_file_keeps_its_executable_bit(desk: Desk, tmp_path: Path, kind: Kind) -> None:
    """It is part of what the content is, not of its id."""
    (tmp_path / "file").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "file").chmod(kind.mode)

    assert Content(kind, BlobId.of(b"#!/bin/sh\n")) == store_path(desk.store, tmp_path / "file").content


def test_the_path_that_was_named_is_followed(desk: Desk, source: Path, tmp_path: Path) -> None:
    """The user means what it points at; links below are stored as links."""
    (tmp_path / "to directory").symlink_to(source.name)
    (tmp_path / "to file").symlink_to("to directory/file")

    directory = read(desk.store, tmp_path / "to directory", HashingSink(desk.store))
    file = read(desk.store, tmp_path / "to file", HashingSink(desk.store))

    assert identify(ONE_OF_EACH)[2] == directory.content.id.raw
    assert Content(Kind.FILE, BlobId.of(b"some bytes")) == file.content


def test_a_file_from_before_1970_is_read(desk: Desk, tmp_path: Path) -> None:
    """Archives unpack to such times; the stat cache could not write them down once."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "old").write_bytes(b"old")
    os.utime(tmp_path / "source" / "old", ns=(-1, -(10**18)))

    first = store_path(desk.store, tmp_path / "source")
    again = CountingSink(desk.store)

    assert first == read(desk.store, tmp_path / "source", again)
    assert [] == again.read


def test_a_tree_may_be_deeper_than_the_stack(desk: Desk, tmp_path: Path) -> None:
    """Python nests a thousand calls; directories nest as far as a path may be long."""
    depth = 1500
    top = tmp_path / "d"
    path = os.fsencode(top)
    try:
        for _ in range(depth):
            os.mkdir(path)
            path += b"/d"
        os.symlink(b"x", path)

        found = store_path(desk.store, top)
        again = CountingSink(desk.store)

        assert found == read(desk.store, top, again)
        assert [] == again.read
    finally:
        os.unlink(path)
        for _ in range(depth):  # not for pytest to clean up: shutil.rmtree recurses
            path = path[:-2]
            os.rmdir(path)
    kind, size, expected = identify(Symlink(b"x"))
    for _ in range(depth):
        kind, size, expected = identify_directory([(b"d", kind, size, expected)])
    assert (expected, size, 1) == (found.content.id.raw, found.size, found.file_count)


@pytest.mark.parametrize("inside", [b"", b"a/b"])
def test_the_repository_itself_is_left_out_and_that_is_said(
    desk: Desk, inside: bytes, tmp_path: Path
) -> None:
    """It would store itself while it grows. Nothing else is left out."""
    home = desk.home
    (home / "file").write_bytes(b"some bytes")
    (home / ".git").mkdir()

    found = read(desk.store, tmp_path if inside else home, HashingSink(desk.store))

    tree: Tree = {b"file": File(b"some bytes"), b".git": {}}
    assert identify({b"desk": tree} if inside else tree)[2] == found.content.id.raw
    assert (f"left out the repository itself, '{home / '.cas'}'",) == found.notes


def test_the_repository_cannot_be_stored_in_itself(desk: Desk) -> None:
    """Not by its own name either, nor through a link."""
    (desk.home / "link").symlink_to(".cas")

    for path in (desk.layout.root, desk.home / "link"):
        with pytest.raises(InvalidError) as caught:
            read(desk.store, path, HashingSink(desk.store))
        assert "inside-repository" == caught.value.code


@pytest.mark.parametrize("what", ["absent", "dangling", "file/below"])
def test_a_source_that_is_not_there_is_an_error(desk: Desk, tmp_path: Path, what: str) -> None:
    """Which names the path."""
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "file").touch()

    with pytest.raises((NotFoundError, InvalidError)) as caught:
        read(desk.store, tmp_path / what, HashingSink(desk.store))

    assert str(tmp_path / what) in caught.value.what


@pytest.mark.parametrize("what", ["pipe", "socket"])
def test_what_has_no_content_is_an_error_that_names_it(desk: Desk, source: Path, what: str) -> None:
    """Leaving it out in silence would make a checkout something else than what was committed."""
    special = source / "folder" / "special"
    with socket.socket(socket.AF_UNIX) as listening:
        if what == "pipe":
            os.mkfifo(special)
        else:
            listening.bind(os.path.relpath(special))  # a socket's path is at most 107 bytes

        for path in (source, special):
            with pytest.raises(InvalidError) as caught:
                read(desk.store, path, HashingSink(desk.store))
            assert "special-file" == caught.value.code
            assert str(special) in caught.value.what


def test_a_device_is_an_error(desk: Desk) -> None:
    """Reading /dev/zero would never end."""
    with pytest.raises(InvalidError) as caught:
        read(desk.store, Path("/dev/zero"), HashingSink(desk.store))

    assert "special-file" == caught.value.code


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_may_not_be_read_is_an_error_that_names_it(public: Path, what: str) -> None:
    """Half of a directory is not the directory."""
    source = public / "source"
    write_tree({b"file": File(b"x"), b"folder": {b"file": File(b"y")}, b"other": File(b"z")}, source)
    (public / "repository").mkdir(mode=0o777)
    (public / "repository").chmod(0o777)
    (source / what).chmod(0)

    said = printed(children.read_as_nobody, public / "repository", source)

    (source / what).chmod(0o700)
    assert f"ReadOnlyError permission-denied {source / what}\n" == said


def read_stream(desk: Desk, stream: BinaryIO | io.RawIOBase, sink: HashingSink) -> Ingested:
    """Read an open stream."""
    settings = Settings(lambda: LATER_NS, WHOLE_BELOW, desk.layout.root)
    return Ingest(sink, StatCache(desk.store.index), settings, Silent()).read_stream(stream)  # type: ignore[arg-type] # a raw stream reads like any other


class Trickle(io.RawIOBase):
    """A pipe: it hands out what it has, and that is less than it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Give some of it."""
        view = memoryview(buffer)  # type: ignore[arg-type] # whatever `read` passes is a buffer
        part = self._stream.read(min(len(view), 37_001))
        view[: len(part)] = part
        return len(part)


@pytest.mark.parametrize("size", [0, 1, WHOLE_BELOW - 1, WHOLE_BELOW, WHOLE_BELOW + 1, 9_000_000])
@pytest.mark.parametrize("opener", [io.BytesIO, Trickle])
def test_a_stream_is_what_a_file_of_the_same_bytes_is(
    desk: Desk, size: int, opener: type[io.BytesIO | Trickle]
) -> None:
    """`cas commit name -` of a file is `cas commit name file`."""
    data = noise("stream", size)
    sink = CountingSink(desk.store)

    found = read_stream(desk, opener(data), sink)

    assert Ingested(Content(Kind.FILE, BlobId.of(data)), size, 1) == found
    assert [data] == sink.read
