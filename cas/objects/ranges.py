"""Reading any part of a blob, without the rest: what a mounted file is read through.

Theory of operation
-------------------
A large blob is a tree of recipes over chunks. A *piece* is one of its nodes, decoded: the bytes of a chunk
(or of a blob that is stored whole), or where each part of a recipe starts. `read` goes down from the root,
by bisection at each level, to the few chunks that it needs. Pieces are kept in one cache, the least recently
used go first, so a blob that is read often costs one look-up in a dictionary for each level.

1. A chunk is verified when it becomes a piece; bytes that were not are never handed out.
2. A recipe is advice: that its chunks together are the blob can only be known by hashing all of them, which
   `ObjectStore.stream` and `cas verify` do and a reader of ranges cannot. What a recipe promises and can be
   known at once is checked: the sizes of all its parts, and that recipes get smaller on the way down.
3. Nothing is remembered of a piece but what its id says for ever. A pack that gc rewrote is found again by
   the store; a blob that gc took is gone, but for what is in the cache.

Nothing is read ahead. A second thread that decodes what comes next was measured to double the processor time
and halve the speed: chunks are so small that the two hand the interpreter's lock to and fro all the time.
Packs are files that are read in order, which the kernel reads ahead in.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from cas.errors import NotFoundError
from cas.ids import DIGEST_SIZE
from cas.objects.recipe import decode_recipe
from cas.objects.rows import Stored
from cas.objects.store import mismatch

if TYPE_CHECKING:
    from cas.ids import BlobId
    from cas.objects.recipe import Recipe
    from cas.objects.store import ObjectStore

CACHED_BYTES: Final = 64 * 1024 * 1024
"""Decoded pieces that are kept. [bytes]"""

_OVERHEAD: Final = 256
"""What Python takes for a piece besides its bytes, about: many small files are many pieces. [bytes]"""


@dataclass(frozen=True, slots=True)
class _Node:
    """A recipe, decoded into 40 bytes a part."""

    kind: Stored
    level: int
    size: int
    starts: array[int]
    """Where each part starts, in bytes of this node."""
    ids: bytes

    @classmethod
    def of(cls, kind: Stored, recipe: Recipe) -> Self:
        starts = array("Q", accumulate((part.size for part in recipe.parts), initial=0))
        starts.pop()  # where the next one would start
        return cls(kind, recipe.level, recipe.size, starts, b"".join(part.id for part in recipe.parts))

    def __len__(self) -> int:
        return len(self.ids) + self.starts.itemsize * len(self.starts)

    def part(self, number: int) -> tuple[bytes, int, int]:
        """Give a part's id, and where it starts and ends."""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else self.size
        return self.ids[number * DIGEST_SIZE : (number + 1) * DIGEST_SIZE], self.starts[number], end


_Piece: TypeAlias = bytes | _Node


class RangeReader:
    """Any part of any blob of one store. Safe to share between threads."""

    def __init__(self, store: ObjectStore, *, cached_bytes: int = CACHED_BYTES) -> None:
        """Keep up to `cached_bytes` of what was decoded, or one piece if that is larger."""
        self._store = store
        self._limit = cached_bytes
        self._lock = threading.Lock()
        self._pieces: OrderedDict[bytes, _Piece] = OrderedDict()
        self._cached = 0

    def read(self, blob: BlobId, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on; fewer come back only at the end of the blob.

        Raises:
            NotFoundError: The store has no such blob.
            CorruptError: What is stored is not that blob; invariants 1 and 2.

        Cost: decoding the chunks that the range touches, unless they are cached.
        """
        found: list[bytes | memoryview] = []
        try:
            self._gather(self._piece(blob.raw), offset, offset + size, found)
        except NotFoundError as error:
            self._store.find(blob.raw)  # gc took the blob while it was read: that is no damage
            raise mismatch(blob.raw, f"its recipe names what is not there: {error.what}") from error
        return b"".join(found)

    def _gather(self, piece: _Piece, start: int, stop: int, found: list[bytes | memoryview]) -> None:
        """Append the bytes from `start` to `stop` of a piece to `found`."""
        if not isinstance(piece, _Node):
            found.append(memoryview(piece)[start:stop])
            return
        number = bisect_right(piece.starts, start) - 1
        stop = min(stop, piece.size)
        while start < stop:
            part, begin, end = piece.part(number)
            below = self._below(piece, part, end - begin)
            self._gather(below, start - begin, min(stop, end) - begin, found)
            start = end
            number += 1

    def _below(self, parent: _Node, part: bytes, size: int) -> _Piece:
        """Return a part of a recipe; invariant 2."""
        piece = self._piece(part)
        if isinstance(piece, _Node):
            found = piece.size
            if parent.level:
                fits = (piece.kind, piece.level) == (Stored.SUBRECIPE, parent.level - 1)
            else:  # this chunk was committed as a file, and cut finer, before
                fits = piece.kind is Stored.RECIPE and size < parent.size
        else:
            found = len(piece)
            fits = parent.level == 0
        if not fits:
            raise mismatch(part, "a recipe has it as a part, and it is none of that level")
        if found != size:
            raise mismatch(part, f"it has {found} bytes where a recipe counts on {size}")
        return piece

    def _piece(self, object_id: bytes) -> _Piece:
        with self._lock:
            piece = self._pieces.get(object_id)
            if piece is not None:
                self._pieces.move_to_end(object_id)
                return piece
        piece = self._decode(object_id)
        with self._lock:
            if object_id not in self._pieces:
                self._pieces[object_id] = piece
                self._cached += len(piece) + _OVERHEAD
            while self._cached > self._limit and len(self._pieces) > 1:
                self._cached -= len(self._pieces.popitem(last=False)[1]) + _OVERHEAD
        return piece

    def _decode(self, object_id: bytes) -> _Piece:
        row, data = self._store.load(object_id)
        if row.kind is Stored.DATA:
            return data
        if row.kind in {Stored.RECIPE, Stored.SUBRECIPE}:
            return _Node.of(row.kind, decode_recipe(data))
        raise mismatch(object_id, f"it is a {row.kind.name.lower()}, where a part of a file should be")
