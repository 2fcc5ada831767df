"""Content-defined chunking: FastCDC 2020, through the native `pyfastcdc`.

Cut points depend only on the bytes of the chunk itself, so a block of a file can be cut as soon as it is
read: all cuts but the last are final, and the last piece is carried over in front of the next block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyfastcdc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.config import Chunking


class Chunker:
    """Cuts one file at a time into chunks. Not to be shared between threads."""

    def __init__(self, parameters: Chunking) -> None:
        self._fastcdc = pyfastcdc.FastCDC(
            parameters.average_size, min_size=parameters.min_size, max_size=parameters.max_size
        )
        self._max_size = parameters.max_size

    def cut(self, blocks: Iterable[bytes]) -> Iterator[tuple[memoryview, list[memoryview]]]:
        """Cut a file that arrives as `blocks`; for each block, its bytes and the chunks that it completes.

        How the file is split into blocks does not matter: the chunks are the same. They are views into
        the blocks, except where one begins in an earlier block: that one is put together.
        """
        carry = memoryview(b"")
        for block in blocks:
            view = memoryview(block)
            chunks: list[memoryview] = []
            start = 0
            if carry:
                start = self._cut_joint(carry, view, chunks) - len(carry)
                if start == len(view):  # the last chunk may go on in the next block
                    carry = chunks.pop()
                    yield view, chunks
                    continue
            chunks += [chunk.data for chunk in self._fastcdc.cut_buf(view[start:])]
            carry = chunks.pop() if chunks else view[:0]
            yield view, chunks
        if carry:
            yield carry[:0], [carry]

    def _cut_joint(self, carry: memoryview, view: memoryview, chunks: list[memoryview]) -> int:
        """Cut what begins in the carry; returns where that ends, counted from the start of the carry.

        Mostly that is one chunk. But FastCDC looks at two bytes at a time, so that a cut which could not be
        seen at the end of a block may appear, inside of the carry, once there is more.
        """
        end = 0
        for chunk in self._fastcdc.cut_buf(memoryview(b"".join((carry, view[: self._max_size])))):
            chunks.append(chunk.data)
            end += chunk.length
            if end >= len(carry):
                break
        return end
