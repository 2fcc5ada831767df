"""What the tests of the facade commit, and how they look at what is left."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from cas.testing.trees import File, Symlink

if TYPE_CHECKING:
    from pathlib import Path

    from cas.repo import Repository
    from cas.testing.trees import Tree

START_NS: Final = 1_704_067_200 * 10**9
"""2024-01-01 00:00 UTC."""

PHOTOS: Tree = {
    b"readme.txt": File(b"Pictures.\n"),
    b"sort.sh": File(b"#!/bin/sh\n", is_executable=True),
    b"latest": Symlink(b"summer/beach.jpg"),
    b"empty": {},
    b"summer": {b"beach.jpg": File(bytes(range(256)) * 8), b"\xff.raw": File(b"raw")},
}


class Clock:
    """Stands at the beginning of 2024, and moves a second each time that it is looked at."""

    def __init__(self) -> None:
        self._now_ns = START_NS

    def __call__(self) -> int:
        """Say what time it is. [ns]."""
        self._now_ns += 10**9
        return self._now_ns


class Pipe(io.RawIOBase):
    """A stream of these bytes that cannot go back."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Give what there is."""
        return self._stream.read(size)


def state(repository: Repository) -> tuple[object, ...]:
    """Everything that a command which fails, or only looks, must leave as it is."""
    with repository._index.read() as txn:
        counts = [txn.count(table) for table in (txn.tables.objects, txn.tables.packs, txn.tables.log)]
    names = [(one.name, one.current.version, one.version_count) for one in repository.names()]
    return counts, names, files(repository.layout.packs), files(repository.layout.tmp)


def files(folder: Path) -> list[Path]:
    """List every file in `folder`, however deep."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir())
