"""Recursion without the stack: trees may be deeper than Python allows calls to nest."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")


def flatten(walk: Generator[object, None, None], leaf: type[T]) -> Iterator[T]:
    """Iterate over the `leaf` items of a generator that may also yield generators of its own kind.

    A generator that is yielded is run to its end, in place, before its parent goes on.
    """
    stack = [walk]
    while stack:
        for item in stack[-1]:
            if isinstance(item, leaf):
                yield item
            else:
                assert isinstance(item, Generator)
                stack.append(item)
                break
        else:
            stack.pop()
