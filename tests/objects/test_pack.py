"""Pack files: their bytes are pinned, what is in them is found, and damage to their tables is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import CorruptError, InvalidError
from cas.objects.codec import decode_frame
from cas.objects.pack import (
    HEADER_SIZE,
    Footer,
    Frame,
    PackedObject,
    encode_footer,
    encode_header,
    encode_objects,
    index_rows,
    is_metadata,
    read_footer,
)
from cas.objects.recipe import CONTEXT as RECIPE_CONTEXT
from cas.objects.recipe import Part, Recipe, encode_recipe
from cas.objects.rows import Stored
from cas.objects.store import RECORD_CONTEXT
from cas.objects.tree import CONTEXT as TREE_CONTEXT
from cas.objects.tree import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAILER_SIZE = 80
GOLDEN = bytes.fromhex((Path(__file__).parent / "data" / "golden.pack.hex").read_text())
"""Written once, never again: repositories are full of such files."""
GOLDEN_ID = "a908dd54f460b02891e00d6d3526dcc068b6fe441b57c5be862632759c358b99"
SALT = bytes(range(16))

FIRST, SECOND, TEXT = b"first\n", b"second\n", b"The same line again.\n" * 20
RECIPE = encode_recipe(Recipe(0, 13, [Part(blake3(FIRST).digest(), 6), Part(blake3(SECOND).digest(), 7)]))
RECORD = b"a record, for all that a pack knows"
OBJECTS = {
    blake3(FIRST).digest(): (Stored.DATA, 0, FIRST),
    blake3(SECOND).digest(): (Stored.DATA, 0, SECOND),
    blake3(TEXT).digest(): (Stored.DATA, 1, TEXT),
    blake3(FIRST + SECOND).digest(): (Stored.RECIPE, 2, RECIPE),
    blake3(RECIPE, derive_key_context=RECIPE_CONTEXT).digest(): (Stored.SUBRECIPE, 2, RECIPE),
    blake3(EMPTY, derive_key_context=TREE_CONTEXT).digest(): (Stored.TREE, 2, EMPTY),
    blake3(RECORD, derive_key_context=RECORD_CONTEXT).digest(): (Stored.RECORD, 2, RECORD),
}
"""What is in the golden pack: id → kind, frame, bytes. In the order of their places in the frames."""

FRAMES = [
    FIRST + SECOND,
    bytes.fromhex("28b52ffd60a400e50000a85468652073616d65206c696e6520616761696e2e0a010019519d4c"),
    RECIPE + RECIPE + EMPTY + RECORD,
]
"""The frames as they are stored; the second by the zstd of the day, which another one need not repeat."""


def golden_footer() -> Footer:
    """Build the tables of the golden pack from what is in it."""
    frames, at = [], HEADER_SIZE
    for stored, raw_size in zip(FRAMES, (13, len(TEXT), len(FRAMES[2])), strict=True):
        frames.append(Frame(at, len(stored), raw_size))
        at += len(stored)
    used = [0, 0, 0]
    rows = []
    for object_id, (kind, frame, data) in OBJECTS.items():
        rows.append((object_id, kind.value, frame, used[frame], len(data)))
        used[frame] += len(data)
    body = encode_header(SALT) + b"".join(FRAMES)
    return Footer(frames, encode_objects(sorted(rows)), blake3(body).digest())


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """The golden pack as a file."""
    path = tmp_path / f"{GOLDEN_ID}.pack"
    path.write_bytes(GOLDEN)
    return path


def contents(data: bytes, footer: Footer) -> Iterator[tuple[bytes, int, bytes]]:
    """Iterate over id, kind and bytes of what is in a pack."""
    for found in footer.objects():
        frame = footer.frames[found.frame]
        raw = decode_frame(data[frame.offset : frame.offset + frame.size], frame.raw_size)
        yield found.id, found.kind, raw[found.offset : found.offset + found.size]


def test_the_golden_pack_is_read(golden: Path) -> None:
    """A pack written by the first release gives its objects to every later one."""
    found = {object_id: (kind, data) for object_id, kind, data in contents(GOLDEN, read_footer(golden))}

    assert {object_id: (kind, data) for object_id, (kind, _, data) in OBJECTS.items()} == found
    assert GOLDEN_ID == blake3(GOLDEN).hexdigest()


def test_the_golden_pack_is_written_again() -> None:
    """Byte for byte: another layout would need another format number."""
    footer = golden_footer()

    assert GOLDEN.hex() == (encode_header(SALT) + b"".join(FRAMES) + encode_footer(footer)).hex()


def test_tables_come_back_as_they_were(golden: Path) -> None:
    """Reading undoes writing."""
    assert golden_footer() == read_footer(golden)


def test_objects_are_sorted_and_their_place_is_their_position(golden: Path) -> None:
    """The place of an object in the sorted table is its bit in the mark of gc."""
    footer = read_footer(golden)
    ids = [found.id for found in footer.objects()]

    rows = list(index_rows(footer, 7))

    assert sorted(OBJECTS) == ids == [object_id for object_id, _ in rows]
    assert len(OBJECTS) == footer.object_count
    for position, ((object_id, row), found) in enumerate(zip(rows, footer.objects(), strict=True)):
        frame = footer.frames[found.frame]
        assert (7, position, *frame, found.offset, found.size, found.kind) == row
        assert object_id == found.id


def damaged_places() -> list[int]:
    """Every byte of tables and trailer but the hash of the body, which only reading the body can check."""
    tables = 3 * 12 + len(OBJECTS) * 45
    body_hash = range(len(GOLDEN) - TRAILER_SIZE, len(GOLDEN) - TRAILER_SIZE + 32)
    return [at for at in range(len(GOLDEN) - TRAILER_SIZE - tables, len(GOLDEN)) if at not in body_hash]


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_every_damaged_byte_of_the_tables_is_noticed(tmp_path: Path, flip: int) -> None:
    """The tables say where everything is; `recover` rebuilds the index from them and nothing else."""
    path = tmp_path / "damaged.pack"
    unnoticed = []
    for at in damaged_places():
        damaged = bytearray(GOLDEN)
        damaged[at] ^= flip
        path.write_bytes(damaged)
        try:
            read_footer(path)
        except CorruptError as error:
            assert "bad-pack" == error.code
        else:
            unnoticed.append(at)

    assert [] == unnoticed


def test_damage_to_frames_shows_in_the_hash_of_the_body(tmp_path: Path) -> None:
    """Tables are read without the frames; whoever reads those too can tell that they are other ones."""
    path = tmp_path / "damaged.pack"
    body_size = HEADER_SIZE + sum(map(len, FRAMES))
    for at in range(16, body_size):
        damaged = bytearray(GOLDEN)
        damaged[at] ^= 1
        path.write_bytes(damaged)

        assert read_footer(path).body_hash != blake3(damaged[:body_size]).digest()


def test_a_pack_that_was_cut_off_is_noticed_at_every_length(tmp_path: Path) -> None:
    """A full disk, a copy that was broken off: a pack is whole or it is damage."""
    path = tmp_path / "short.pack"
    path.write_bytes(GOLDEN)
    for size in reversed(range(len(GOLDEN))):
        with path.open("r+b") as file:
            file.truncate(size)
        with pytest.raises(CorruptError) as caught:
            read_footer(path)

        assert "bad-pack" == caught.value.code


@given(extra=st.binary(min_size=1, max_size=100))
def test_a_pack_with_something_after_it_is_noticed(
    extra: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The trailer is found from the end of the file."""
    path = tmp_path_factory.mktemp("long") / "long.pack"
    path.write_bytes(GOLDEN + extra)

    with pytest.raises(CorruptError):
        read_footer(path)


@pytest.mark.parametrize(("at", "what"), [(11, "format 3"), (15, "flags 2")])
def test_a_newer_pack_is_refused_and_not_called_damaged(tmp_path: Path, at: int, what: str) -> None:
    """Whoever reads a newer repository needs an upgrade, not a repair."""
    newer = bytearray(GOLDEN)
    newer[at] ^= 2
    path = tmp_path / "newer.pack"
    path.write_bytes(newer)

    with pytest.raises(InvalidError) as caught:
        read_footer(path)

    assert "newer-format" == caught.value.code
    assert what in str(caught.value)


def test_a_file_that_is_no_pack_is_refused(tmp_path: Path) -> None:
    """Somebody else's file under our name is damage."""
    path = tmp_path / "notes.pack"
    path.write_bytes(b"These are my notes.\n" * 50)

    with pytest.raises(CorruptError, match="not a pack's header"):
        read_footer(path)


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.sampled_from(Stored)), max_size=9))
def test_any_table_comes_back(rows: list[tuple[bytes, Stored]]) -> None:
    """Table and rows are two forms of one thing."""
    objects = sorted(
        (object_id, kind.value, number, number, number) for number, (object_id, kind) in enumerate(rows)
    )

    footer = Footer([], encode_objects(objects), bytes(32))

    assert [PackedObject(*row) for row in objects] == list(footer.objects())
    assert len(rows) == footer.object_count


def test_only_data_refers_to_nothing() -> None:
    """Rows of everything else may enter the index only together with a ref (index, invariant 5)."""
    assert [Stored.DATA] == [kind for kind in Stored if not is_metadata(kind)]
