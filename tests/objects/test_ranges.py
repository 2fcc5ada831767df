"""Reading ranges: exactly those bytes of the blob, or an error; never wrong bytes, and never all of it."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from cas.errors import CorruptError, NotFoundError
from cas.ids import BlobId
from cas.objects.pack import read_footer
from cas.objects.ranges import RangeReader
from cas.objects.recipe import Part, Recipe, RecipeBuilder, encode_recipe
from cas.objects.rows import Stored
from cas.objects.session import Session
from cas.objects.store import ObjectStore
from cas.objects.writer import ObjectWriter
from tests.objects.stores import do_nothing, forget, make_layout, noise, open_store, pack_files, put_blob

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cas.layout import Layout

CHUNKS = [noise(f"chunk {number}", 100 + number) for number in range(7)]
LARGE = b"".join(CHUNKS)
BLOB = BlobId.of(LARGE)


def put_large(store: ObjectStore, blob: bytes, chunks: Iterable[bytes], *, fan_out: int) -> None:
    """Store `blob` as these chunks, under as many levels of recipes as they need."""
    with Session.start(store.layout) as session:
        writer = ObjectWriter(store, session)
        recipe = RecipeBuilder(
            lambda part, encoded: writer.put(part, Stored.SUBRECIPE, encoded), fan_out=fan_out
        )
        for chunk in chunks:
            recipe.add(put_blob(writer, chunk), len(chunk))
        writer.put(blake3(blob).digest(), Stored.RECIPE, recipe.finish())
        writer.finish(do_nothing)


def put_recipe(store: ObjectStore, blob: bytes, recipe: Recipe) -> None:
    """Claim that `recipe` makes `blob`."""
    with Session.start(store.layout) as session:
        writer = ObjectWriter(store, session)
        writer.put(blob, Stored.RECIPE, encode_recipe(recipe))
        writer.finish(do_nothing)


def cut(blob: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut `blob` at these places."""
    return [blob[start:end] for start, end in pairwise(sorted({0, len(blob), *places}))]


@given(
    blob=st.binary(min_size=1, max_size=300),
    places=st.lists(st.integers(1, 299), max_size=20),
    fan_out=st.integers(2, 4),
    cached_bytes=st.sampled_from([1, 2000, 1 << 20]),
    ranges=st.lists(st.tuples(st.integers(0, 320), st.integers(0, 320)), min_size=1, max_size=9),
)
@settings(max_examples=60)
def test_a_range_is_a_slice(
    blob: bytes, places: list[int], fan_out: int, cached_bytes: int, ranges: list[tuple[int, int]]
) -> None:
    """However the blob was cut, however deep its recipes are and however little is remembered."""
    chunks = cut(blob, [place for place in places if place < len(blob)])
    with tempfile.TemporaryDirectory() as folder, open_store(make_layout(Path(folder) / ".cas")) as store:
        put_large(store, blob, chunks, fan_out=fan_out)
        reader = RangeReader(store, cached_bytes=cached_bytes)

        for offset, size in ranges:
            assert blob[offset : offset + size] == reader.read(BlobId.of(blob), offset, size)


def test_a_blob_that_is_stored_whole_has_ranges_too(store: ObjectStore) -> None:
    """Small files have no recipe, and the empty one has no bytes."""
    put_large(store, LARGE, CHUNKS, fan_out=3)
    with Session.start(store.layout) as session:
        writer = ObjectWriter(store, session)
        put_blob(writer, b"")
        writer.finish(do_nothing)
    reader = RangeReader(store)

    assert CHUNKS[2][10:20] == reader.read(BlobId.of(CHUNKS[2]), 10, 10)
    assert CHUNKS[2] == reader.read(BlobId.of(CHUNKS[2]), 0, 1 << 20)
    assert b"" == reader.read(BlobId.of(CHUNKS[2]), 5000, 10)
    assert b"" == reader.read(BlobId.of(b""), 0, 10)


def test_a_chunk_may_be_a_file_that_was_cut_finer(store: ObjectStore) -> None:
    """The chunking in config.yaml was changed: old recipes stay, and new files share chunks with them."""
    whole = LARGE + b"and more"
    put_large(store, LARGE, CHUNKS, fan_out=3)
    put_large(store, whole, [LARGE, b"and more"], fan_out=2)

    assert whole[90:-3] == RangeReader(store).read(BlobId.of(whole), 90, len(whole) - 93)


def test_only_what_is_asked_for_is_read(store: ObjectStore) -> None:
    """The end of a file of a terabyte costs two recipes and a chunk: the rest may even be lost."""
    put_large(store, LARGE, CHUNKS, fan_out=3)
    forget(store, [blake3(chunk).digest() for chunk in CHUNKS[:-1]])

    assert LARGE[-20:] == RangeReader(store).read(BLOB, len(LARGE) - 20, 20)


def test_what_was_read_is_remembered(store: ObjectStore) -> None:
    """To open a file again, or to read its next page, costs no second look at the packs."""
    put_large(store, LARGE, CHUNKS, fan_out=3)
    reader = RangeReader(store)
    reader.read(BLOB, 0, len(LARGE))
    for path in pack_files(store.layout):
        path.unlink()
    store.close()

    assert LARGE[50:400] == reader.read(BLOB, 50, 350)


def test_every_damaged_byte_is_an_error_and_never_wrong_bytes(store: ObjectStore) -> None:
    """Recipes have no hash that a range could be checked against, and still cannot lie by accident."""
    put_large(store, LARGE, CHUNKS, fan_out=3)
    (path,) = pack_files(store.layout)
    path.chmod(0o644)
    good = path.read_bytes()
    body_end = max(frame.offset + frame.size for frame in read_footer(path).frames)
    noticed = 0
    for at in range(32, body_end):
        with path.open("r+b") as file:
            file.seek(at)
            file.write(bytes([good[at] ^ 1 << at % 8]))
        fresh = ObjectStore(store.layout, store.index)
        try:
            assert LARGE == RangeReader(fresh).read(BLOB, 0, len(LARGE))
        except CorruptError:
            noticed += 1
        finally:
            fresh.close()
            path.write_bytes(good)

    assert noticed > 0.9 * len(LARGE)


@pytest.mark.parametrize("level", [0, 1])
def test_a_recipe_that_leads_back_to_itself_is_damage(store: ObjectStore, level: int) -> None:
    """Not written by us, and still no reason to run for ever."""
    put_recipe(store, BLOB.raw, Recipe(level, len(LARGE), [Part(BLOB.raw, len(LARGE))]))

    with pytest.raises(CorruptError) as caught:
        RangeReader(store).read(BLOB, 0, 10)

    assert "object-damaged" == caught.value.code


def test_a_recipe_that_is_wrong_about_a_chunk_is_damage(store: ObjectStore) -> None:
    """Otherwise everything after the chunk would be read from the wrong place."""
    put_large(store, LARGE, CHUNKS, fan_out=9)
    parts = [Part(blake3(chunk).digest(), len(chunk)) for chunk in CHUNKS[:2]]
    shifted = [Part(parts[0].id, parts[0].size - 1), Part(parts[1].id, parts[1].size + 1)]
    liar = BlobId.of(b"".join(CHUNKS[:2]))
    put_recipe(store, liar.raw, Recipe(0, sum(part.size for part in shifted), shifted))

    with pytest.raises(CorruptError, match="where a recipe counts on"):
        RangeReader(store).read(liar, 150, 10)


def test_a_chunk_in_the_place_of_a_recipe_is_damage(store: ObjectStore) -> None:
    """The levels of a recipe are what ends the way down."""
    put_large(store, LARGE, CHUNKS, fan_out=9)
    chunk = Part(blake3(CHUNKS[0]).digest(), len(CHUNKS[0]))
    liar = BlobId.of(b"another")
    put_recipe(store, liar.raw, Recipe(1, chunk.size, [chunk]))

    with pytest.raises(CorruptError, match="none of that level"):
        RangeReader(store).read(liar, 0, 10)


def test_a_directory_in_the_place_of_a_file_is_damage(store: ObjectStore, layout: Layout) -> None:
    """Its bytes are intact, and no file's."""
    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        tree = writer.put_tree([])
        writer.finish(do_nothing)

    with pytest.raises(CorruptError, match="a part of a file should be"):
        RangeReader(store).read(BlobId(tree.raw), 0, 10)


def test_what_gc_took_is_not_found_and_not_called_damaged(store: ObjectStore) -> None:
    """Somebody removed the version and collected while it was being read."""
    put_large(store, LARGE, CHUNKS, fan_out=9)
    reader = RangeReader(store)
    reader.read(BLOB, 0, 10)

    forget(store, [BLOB.raw, *(blake3(chunk).digest() for chunk in CHUNKS)])

    assert LARGE[:10] == reader.read(BLOB, 0, 10), "what it has it may give"
    with pytest.raises(NotFoundError):
        reader.read(BLOB, 400, 10)


def test_a_lost_chunk_is_damage(store: ObjectStore) -> None:
    """The file is there, so nobody collected it."""
    put_large(store, LARGE, CHUNKS, fan_out=9)
    forget(store, [blake3(CHUNKS[3]).digest()])

    with pytest.raises(CorruptError, match="its recipe names what is not there"):
        RangeReader(store).read(BLOB, 0, len(LARGE))


def test_threads_share_a_reader(store: ObjectStore) -> None:
    """With a cache so small that they take pieces from each other all the time."""
    put_large(store, LARGE, CHUNKS, fan_out=3)
    reader = RangeReader(store, cached_bytes=600)

    def read(step: int) -> bool:
        return all(
            LARGE[offset : offset + 150] == reader.read(BLOB, offset, 150)
            for offset in range(0, len(LARGE), step)
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, (3, 5, 7, 11)))
