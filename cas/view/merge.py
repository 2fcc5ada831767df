"""Merging sorted streams, with a look at what each of them has next."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")


class Step(NamedTuple, Generic[T]):
    """One item."""

    key: bytes
    at: int
    """Which stream it is from. Of items with one key, that of the first stream comes first."""
    item: T


class Merge(Generic[T]):
    """An iterator over the items of streams, each of which is sorted by its keys."""

    def __init__(self, streams: Sequence[Iterator[tuple[bytes, T]]]) -> None:
        self._streams = streams
        self._heads = [next(stream, None) for stream in streams]
        self._waiting = [(head[0], at) for at, head in enumerate(self._heads) if head is not None]
        heapq.heapify(self._waiting)

    def __iter__(self) -> Iterator[Step[T]]:
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
            yield Step(key, at, head[1])

    def comes(self, key: bytes, at: int) -> bool:
        """Whether the next key of the stream `at` begins with `key`."""
        head = self._heads[at]
        return head is not None and head[0].startswith(key)
