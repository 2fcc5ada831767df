"""Writing one pack: it can be read once it is sealed, and nothing is left of one that was given up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3

from cas.objects.pack import read_footer
from cas.objects.packwriter import PackWriter
from cas.objects.rows import Stored
from tests.objects.stores import files_below

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = b"a" * 10, b"b" * 20, b"c" * 30


def write(path: Path) -> PackWriter:
    """Write two frames, of which the second holds two objects."""
    writer = PackWriter(path)
    writer.append(C, 30, [(blake3(C).digest(), Stored.DATA, 30)])
    writer.append(A + B, 30, [(blake3(A).digest(), Stored.DATA, 10), (blake3(B).digest(), Stored.DATA, 20)])
    return writer


def test_a_sealed_pack_is_named_by_its_bytes(tmp_path: Path) -> None:
    """Whoever has a pack can check it without an index."""
    sealed = write(tmp_path / "new").seal()

    data = sealed.path.read_bytes()
    assert blake3(data).digest() == sealed.id.raw
    assert len(data) == sealed.file_size
    assert 60 == sealed.raw_size
    assert blake3(data[: 32 + 60]).digest() == sealed.footer.body_hash


def test_what_the_writer_says_is_what_the_file_says(tmp_path: Path) -> None:
    """The index is filled from the writer's footer and rebuilt from the file's."""
    sealed = write(tmp_path / "new").seal()

    read = read_footer(sealed.path)
    assert list(sealed.footer.objects()) == list(read.objects())
    assert list(sealed.footer.frames) == list(read.frames)
    assert sealed.footer.body_hash == read.body_hash


def test_two_packs_of_the_same_objects_have_two_names(tmp_path: Path) -> None:
    """A slow collector may still delete the first; the second must not be what it deletes."""
    assert write(tmp_path / "one").seal().id != write(tmp_path / "two").seal().id


def test_a_sealed_pack_is_read_only(tmp_path: Path) -> None:
    """Nothing writes to it again, so nothing should be able to by mistake."""
    assert 0o444 == write(tmp_path / "new").seal().path.stat().st_mode & 0o777


def test_a_pack_that_was_given_up_is_gone(tmp_path: Path) -> None:
    """Nobody knows its name, so nobody else would delete it."""
    write(tmp_path / "new").discard()

    assert [] == files_below(tmp_path)


def test_giving_up_after_sealing_closes_nobody_elses_file(tmp_path: Path) -> None:
    """A second pack that cannot be sealed makes the pipeline give up the first as well.

    The number of its descriptor may belong to another file by then; closing it once more was a bug.
    """
    writer = write(tmp_path / "new")
    writer.seal()
    other = os.open(tmp_path, os.O_RDONLY)

    writer.discard()
    writer.discard()

    os.close(other)
    assert [] == files_below(tmp_path)


def test_the_name_must_be_free(tmp_path: Path) -> None:
    """Two writers into one file would be the end of both packs."""
    (tmp_path / "new").write_bytes(b"taken")

    with pytest.raises(FileExistsError):
        PackWriter(tmp_path / "new")

    assert b"taken" == (tmp_path / "new").read_bytes()
