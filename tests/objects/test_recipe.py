"""Recipes: the chunks of a large file come back, in order, however many they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import CorruptError
from cas.objects.recipe import (
    FAN_OUT,
    MAX_LEVEL,
    Part,
    Recipe,
    RecipeBuilder,
    decode_recipe,
    encode_recipe,
    subrecipe_id,
    walk_chunks,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

CHUNK = bytes(range(32))


class Shelf(dict[bytes, bytes]):
    """Keeps sub-recipes by id, as the store does."""

    def build(self, chunks: Sequence[Part], *, fan_out: int = FAN_OUT) -> Recipe:
        """Make the recipe of a blob of these chunks; its parts are kept."""
        builder = RecipeBuilder(self.__setitem__, fan_out=fan_out)
        for chunk in chunks:
            builder.add(chunk.id, chunk.size)
        return decode_recipe(builder.finish())

    def load(self, object_id: bytes) -> Recipe:
        """Fetch a part."""
        return decode_recipe(self[object_id])

    def add(self, recipe: Recipe) -> Part:
        """Keep a recipe made by hand."""
        encoded = encode_recipe(recipe)
        self[subrecipe_id(encoded)] = encoded
        return Part(subrecipe_id(encoded), recipe.size)


def numbered(count: int) -> list[Part]:
    """Make chunks that are all different."""
    return [Part(number.to_bytes(32, "big"), number % 1000 + 1) for number in range(count)]


@given(st.integers(0, 300), st.integers(3, 6))
def test_chunks_come_back_in_order(count: int, fan_out: int) -> None:
    """With few parts to a node, a few hundred chunks go through every way in which levels can fill."""
    shelf = Shelf()
    chunks = numbered(count)

    root = shelf.build(chunks, fan_out=fan_out)

    assert chunks == list(walk_chunks(root, shelf.load))
    assert sum(chunk.size for chunk in chunks) == root.size
    assert all(len(decode_recipe(encoded).parts) <= fan_out for encoded in shelf.values())
    assert len(root.parts) <= fan_out


@pytest.mark.parametrize(
    ("count", "level", "parts"),
    [
        (0, 0, 0),
        (1, 0, 0),
        (FAN_OUT - 1, 0, 0),
        (FAN_OUT, 0, 0),
        (FAN_OUT + 1, 1, 2),
        (2 * FAN_OUT, 1, 2),
        (2 * FAN_OUT + 1, 1, 3),
    ],
)
def test_a_level_begins_where_one_node_is_full(count: int, level: int, parts: int) -> None:
    """A recipe is read as a whole: a node that may hold any number would grow with the file."""
    shelf = Shelf()
    chunks = numbered(count)

    root = shelf.build(chunks)

    assert level == root.level
    assert parts == len(shelf)
    assert chunks == list(walk_chunks(root, shelf.load))
    assert max(len(root.parts), *(len(shelf.load(key).parts) for key in shelf), 0) <= FAN_OUT


def test_the_bytes_of_a_blob_do_not_change_with_its_parts() -> None:
    """Two builders given the same chunks make the same sub-recipes, so that they are stored once."""
    first, second = Shelf(), Shelf()

    assert first.build(numbered(500), fan_out=7) == second.build(numbered(500), fan_out=7)
    assert first == second


def test_a_deep_recipe_is_walked_level_by_level() -> None:
    """A terabyte has two levels below its root; here they are, with few chunks at the end of each."""
    shelf = Shelf()
    chunks = numbered(8)
    leaves = [shelf.add(Recipe(0, x.size + y.size, [x, y])) for x, y in zip(*[iter(chunks)] * 2, strict=True)]
    middle = [shelf.add(Recipe(1, x.size + y.size, [x, y])) for x, y in zip(*[iter(leaves)] * 2, strict=True)]

    root = Recipe(2, sum(part.size for part in middle), middle)

    assert chunks == list(walk_chunks(root, shelf.load))


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(-1, 5, [Part(CHUNK, 5)]),
        Recipe(MAX_LEVEL + 1, 5, [Part(CHUNK, 5)]),
        Recipe(0, 6, [Part(CHUNK, 5)]),
        Recipe(0, 5, []),
        Recipe(0, 0, [Part(CHUNK, 0)]),
        Recipe(0, 5, [Part(CHUNK, -1), Part(CHUNK, 6)]),
    ],
)
def test_a_recipe_that_does_not_add_up_is_refused(recipe: Recipe) -> None:
    """A recipe has no hash of its own, so what can be checked is checked."""
    with pytest.raises(CorruptError) as caught:
        decode_recipe(encode_recipe(recipe))

    assert "bad-recipe" == caught.value.code


@pytest.mark.parametrize(
    "below",
    [Recipe(1, 5, [Part(CHUNK, 5)]), Recipe(0, 4, [Part(CHUNK, 4)])],
    ids=["of the same level", "of another size"],
)
def test_a_part_that_does_not_fit_is_refused(below: Recipe) -> None:
    """Levels count down to the chunks: nothing can send a reader round in circles."""
    shelf = Shelf()
    part = shelf.add(below)
    root = Recipe(1, 5, [Part(part.id, 5)])

    with pytest.raises(CorruptError) as caught:
        list(walk_chunks(root, shelf.load))

    assert "bad-recipe" == caught.value.code


@given(st.binary(max_size=40))
def test_bytes_that_are_no_recipe_are_refused(encoded: bytes) -> None:
    """A recipe or damage, never another error."""
    try:
        decode_recipe(encoded)
    except CorruptError as error:
        assert "bad-recipe" == error.code


def test_the_encoding_is_pinned() -> None:
    """Recipes of older commits must be readable for ever."""
    recipe = Recipe(0, 100_000, [Part(CHUNK, 65_536), Part(CHUNK[::-1], 34_464)])
    encoded = (
        "9300ce000186a092"
        "92c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fce00010000"
        "92c4201f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100cd86a0"
    )

    assert encoded == encode_recipe(recipe).hex()
    assert recipe == decode_recipe(bytes.fromhex(encoded))
    assert [0, 100_000, [[CHUNK, 65_536], [CHUNK[::-1], 34_464]]] == msgspec.msgpack.decode(
        bytes.fromhex(encoded)
    )
    assert (
        "11c2d3bd05a1b9f585f0f16163bf046575f73e7af79cd09d70ff09e2624ca748"
        == subrecipe_id(bytes.fromhex(encoded)).hex()
    )
