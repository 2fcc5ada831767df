"""Open files of a mount, and whether the kernel may keep what it has of them.

The kernel keeps pages by path. What is at a path may be another file a moment later, and then the pages are
the old one's. So at each `open`:

1. If somebody has another content open at this path, this handle goes past the kernel's pages altogether
   (`is_direct`), and both read what they opened.
2. Otherwise the pages there are those of whoever opened the path last. They are kept if that was the same
   content, and thrown away if not.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from cas.ids import BlobId
    from cas.mount.item import Item
    from cas.objects.ranges import RangeReader

_REMEMBERED: Final = 100_000
"""Paths whose last content is remembered, to keep their pages."""

ContentKey: TypeAlias = bytes | tuple[int, ...]


class Reader(Protocol):
    """The bytes of an open file: those that it had when it was opened, if it is one of the store."""

    key: ContentKey
    """Two readers with equal keys give equal bytes."""

    def read(self, size: int, offset: int) -> bytes:
        """Return `size` bytes from `offset` on; fewer at the end."""

    def close(self) -> None:
        """Give up what it holds."""


class BlobReader:
    """An open file of the store."""

    def __init__(self, blob: BlobId, ranges: RangeReader) -> None:
        self.key: ContentKey = blob.raw
        self._blob = blob
        self._ranges = ranges

    def read(self, size: int, offset: int) -> bytes:
        """Return verified bytes; raises as `RangeReader.read` does."""
        return self._ranges.read(self._blob, offset, size)

    def close(self) -> None:
        """Do nothing: what is decoded is everybody's."""


class HostReader:
    """An open file of a directory or package layer."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open it; raises OSError."""
        # Without waiting: a pipe that took the file's place would hold the whole mount up.
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise OSError(errno.EIO, "it is no file any more", os.fspath(path))
        self.key: ContentKey = (
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )

    def read(self, size: int, offset: int) -> bytes:
        """Return what the file has there now."""
        return os.pread(self._fd, size, offset)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


@dataclass(frozen=True, slots=True)
class Handle:
    """One `open` of a path."""

    path: str
    item: Item
    """What it was when it was opened."""
    reader: Reader
    is_direct: bool
    """Reads go past the kernel's pages."""
    is_kept: bool
    """The pages that the kernel has of the path are of this content."""


class Handles:
    """All that is open. For one thread."""

    def __init__(self) -> None:
        self._open: dict[int, Handle] = {}
        self._readers: dict[str, Counter[ContentKey]] = {}
        self._paged: OrderedDict[str, ContentKey] = OrderedDict()
        self._last = 0

    def add(self, path: str, item: Item, reader: Reader) -> tuple[int, Handle]:
        """Open `path`; its number, which is not 0, and how the kernel is to treat it (rules 1 and 2)."""
        readers = self._readers.setdefault(path, Counter())
        is_direct = bool(readers.keys() - {reader.key})
        handle = Handle(path, item, reader, is_direct, self._paged.get(path) == reader.key)
        if not is_direct:
            self._paged[path] = reader.key
            self._paged.move_to_end(path)
            if len(self._paged) > _REMEMBERED:
                self._paged.popitem(last=False)
        readers[reader.key] += 1
        self._last += 1
        self._open[self._last] = handle
        return self._last, handle

    def __getitem__(self, number: int) -> Handle:
        return self._open[number]

    def find(self, number: int | None) -> Handle | None:
        """Return an open file; None if there is none of this number."""
        return None if number is None else self._open.get(number)

    def close(self, number: int) -> None:
        """Close one file."""
        handle = self._open.pop(number)
        readers = self._readers[handle.path]
        readers[handle.reader.key] -= 1
        if not readers[handle.reader.key]:
            del readers[handle.reader.key]
        if not readers:
            del self._readers[handle.path]
        handle.reader.close()

    def close_all(self) -> None:
        """Close whatever its readers did not get to close."""
        for number in list(self._open):
            self.close(number)
