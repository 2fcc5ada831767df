"""Recipes: which chunks a large blob is stored as. Advice, never identity.

A recipe is a msgpack array `[level, size, parts]`. At level 0 the parts are chunks, at level n they are
recipes of level n - 1; a part is `[id, size]`, size in bytes of blob that it covers. At most `FAN_OUT`
parts, so that no object grows with the blob: 1 TiB needs two levels. The root is filed under the blob's
own id (`Stored.RECIPE`), the others under the hash of their bytes (`Stored.SUBRECIPE`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from blake3 import blake3

from cas.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTEXT: Final = "cas recipe v1"
FAN_OUT: Final = 4096
MAX_LEVEL: Final = 7
"""4096^8 chunks are more than any disk holds; a higher level is damage."""


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A chunk, or a recipe one level down."""

    id: bytes
    size: int


class Recipe(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How to put a blob, or a part of one, together."""

    level: int
    size: int
    parts: list[Part]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Recipe)


def encode_recipe(recipe: Recipe) -> bytes:
    """Give the bytes that are stored."""
    return _encoder.encode(recipe)


def decode_recipe(encoded: bytes) -> Recipe:
    """Read a recipe back.

    Raises:
        CorruptError: The bytes are not a recipe, or its sizes do not add up.
    """
    try:
        recipe = _decoder.decode(encoded)
    except msgspec.DecodeError as error:
        raise _bad(str(error)) from error
    if not 0 <= recipe.level <= MAX_LEVEL:
        raise _bad(f"its level is {recipe.level}")
    if any(part.size <= 0 for part in recipe.parts) or recipe.size != sum(part.size for part in recipe.parts):
        raise _bad(f"its parts do not add up to {recipe.size} bytes")
    return recipe


def subrecipe_id(encoded: bytes) -> bytes:
    """Hash the bytes of a recipe that is a part of another."""
    return blake3(encoded, derive_key_context=CONTEXT).digest()


class RecipeBuilder:
    """Collects the chunks of one blob in order, and hands full sub-recipes to `store` as they fill.

    Memory stays at one node per level, however large the blob.
    """

    def __init__(self, store: Callable[[bytes, bytes], None], *, fan_out: int = FAN_OUT) -> None:
        """`store(id, encoded)` keeps a sub-recipe."""
        self._store = store
        self._fan_out = fan_out
        self._levels: list[list[Part]] = [[]]

    def add(self, chunk_id: bytes, size: int) -> None:
        """Append a chunk."""
        self._append(0, Part(chunk_id, size))

    def _append(self, level: int, part: Part) -> None:
        if level == len(self._levels):
            self._levels.append([])
        if len(self._levels[level]) == self._fan_out:
            self._append(level + 1, self._close(level))
        self._levels[level].append(part)

    def _close(self, level: int) -> Part:
        encoded, size = self._encode(level)
        part = Part(subrecipe_id(encoded), size)
        self._store(part.id, encoded)
        self._levels[level] = []
        return part

    def _encode(self, level: int) -> tuple[bytes, int]:
        parts = self._levels[level]
        size = sum(part.size for part in parts)
        return encode_recipe(Recipe(level, size, parts)), size

    def finish(self) -> bytes:
        """Close every level and return the root's bytes."""
        level = 0
        while level < len(self._levels) - 1:
            self._append(level + 1, self._close(level))
            level += 1
        return self._encode(level)[0]


def walk_chunks(root: Recipe, load: Callable[[bytes], Recipe]) -> Iterator[Part]:
    """Iterate over the chunks below `root` in order; `load` fetches a sub-recipe by id.

    Raises:
        CorruptError: A part is not a recipe of the level below, or not of the size that it should have.
    """
    if root.level == 0:
        yield from root.parts
        return
    for part in root.parts:
        below = load(part.id)
        if (below.level, below.size) != (root.level - 1, part.size):
            raise _bad(f"its part {part.id.hex()} is of level {below.level} and {below.size} bytes")
        yield from walk_chunks(below, load)


def _bad(why: str) -> CorruptError:
    return CorruptError("cannot read a recipe", code="bad-recipe", why=why)
