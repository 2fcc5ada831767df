"""Writing one pack: append frames, seal. It gets its final name elsewhere, under the index's writer lock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas import fs
from cas.ids import PackId
from cas.objects.pack import (
    MAX_OBJECTS,
    SALT_SIZE,
    TARGET_SIZE,
    Footer,
    Frame,
    encode_footer,
    encode_header,
    encode_objects,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_BUFFER_SIZE: Final = 1024 * 1024
_LARGE_PIECE: Final = 48 * 1024


@dataclass(frozen=True, slots=True)
class SealedPack:
    """A whole pack on stable storage, still under its temporary name."""

    id: PackId
    path: Path
    file_size: int
    raw_size: int
    """Bytes of all objects before compression."""
    footer: Footer


class PackWriter:
    """An unsealed pack. One thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.raw_size = 0
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        self._hash = blake3()
        self._frames: list[Frame] = []
        self._objects: list[tuple[bytes, int, int, int, int]] = []
        self.size = 0
        self._buffer: list[bytes | memoryview] = []
        self._buffered_size = 0
        self._write(encode_header(os.urandom(SALT_SIZE)))

    @property
    def is_full(self) -> bool:
        """Whether it should be sealed: many tiny objects make large tables, which are held in memory."""
        return self.size >= TARGET_SIZE or len(self._objects) >= MAX_OBJECTS

    def append(
        self, stored: bytes | memoryview, raw_size: int, objects: Iterable[tuple[bytes, int, int]]
    ) -> None:
        """Add one frame. `objects` are (id, kind, size) of what is inside, in order."""
        number = len(self._frames)
        self._frames.append(Frame(self.size, len(stored), raw_size))
        self.raw_size += raw_size
        offset = 0
        for object_id, kind, size in objects:
            self._objects.append((object_id, kind, number, offset, size))
            offset += size
        self._write(stored)

    def _write(self, data: bytes | memoryview) -> None:
        self._buffer.append(data)
        self._buffered_size += len(data)
        self.size += len(data)
        if self._buffered_size >= _BUFFER_SIZE:
            self._flush()

    def _flush(self) -> None:
        """Hash and write in large pieces: each call gives the interpreter lock away and must win it back."""
        pieces, size = self._buffer, self._buffered_size
        self._buffer = []
        self._buffered_size = 0
        if len(pieces) > size // _LARGE_PIECE:  # small ones on average: putting them together is cheaper
            pieces = [b"".join(pieces)]
        for piece in pieces:
            self._hash.update(piece)
            fs.write_all(self._fd, piece)

    def seal(self) -> SealedPack:
        """Write the tables and make the file durable."""
        self._objects.sort()
        self._flush()
        footer = Footer(self._frames, encode_objects(self._objects), self._hash.digest())
        self._write(encode_footer(footer))
        self._flush()
        os.fsync(self._fd)
        self._close()
        fs.reached("pack.sealed")
        return SealedPack(PackId(self._hash.digest()), self.path, self.size, self.raw_size, footer)

    def discard(self) -> None:
        """Give up: close and delete the file. Safe at any time, also after `seal` while it has its name."""
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:  # closed twice, the number could be somebody else's file by now
            os.close(fd)
