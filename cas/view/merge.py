"""Merging sorted streams, with a look at what comes next."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")


class Merge(Generic[T]):
    """An iterator over (key, which stream, item) of streams that are sorted by their keys.

    Of items with one key, that of the first stream comes first. A stream has no key twice.
    """

    def __init__(self, streams: Sequence[Iterator[tuple[bytes, T]]]) -> None:
        self._streams = streams
        self._heads = [next(stream, None) for stream in streams]
        self._waiting = [(head[0], at) for at, head in enumerate(self._heads) if head is not None]
        """What comes next of each stream: a heap."""
        heapq.heapify(self._waiting)

    def __iter__(self) -> Iterator[tuple[bytes, int, T]]:
        waiting, heads, streams = self._waiting, self._heads, self._streams
        while waiting:
            key, at = waiting[0]
            head = heads[at]
            assert head is not None, "it waits"
            following = heads[at] = next(streams[at], None)
            if following is None:
                heapq.heappop(waiting)
            else:
                heapq.heapreplace(waiting, (following[0], at))
            yield key, at, head[1]

    def goes_on(self, key: bytes) -> bool:
        """Whether a key that begins with `key`, which was the last, is still to come."""
        return bool(self._waiting) and self._waiting[0][0].startswith(key)

    def follow(self, key: bytes) -> list[int]:
        """List the streams whose next key begins with `key`."""
        return [at for next_key, at in self._waiting if next_key.startswith(key)]
