"""Rows of the tables `objects` and `packs`: the only module that knows their bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

PACK_NUMBER: Final = struct.Struct(">I")
"""Key of `packs`."""

_OBJECT = struct.Struct(">7IB")
_PACK = struct.Struct(">32s16sQQII")


class Stored(IntEnum):
    """What a stored object is, which tells how its id was made. The values are the wire form."""

    DATA = 0
    """A whole blob, or a chunk: id = BLAKE3(bytes)."""
    RECIPE = 1
    """The list of chunks of a blob; filed under the blob's id = BLAKE3(all its chunks)."""
    SUBRECIPE = 2
    """A part of a long recipe: id = BLAKE3 derive-key `cas recipe v1`."""
    TREE = 3
    """A directory: id = BLAKE3 derive-key `cas tree v1`."""
    RECORD = 4
    """A version's record: id = BLAKE3 derive-key `cas record v1`."""


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """Where one object is. All sizes and offsets are bytes."""

    pack: int
    """Number of its pack in the table `packs`."""
    position: int
    """Its place in the pack's sorted table: its bit in gc's mark of that pack."""
    frame_offset: int
    """Where its frame starts in the pack file."""
    frame_size: int
    """Stored (compressed) size of the frame."""
    frame_raw_size: int
    """Size of the frame once decompressed; equal to `frame_size` when it is stored raw."""
    offset: int
    """Where the object starts in the decompressed frame."""
    size: int
    """The object's own size."""
    kind: Stored

    def encode(self) -> bytes:
        """Give the 29 bytes of the row."""
        return _OBJECT.pack(
            self.pack,
            self.position,
            self.frame_offset,
            self.frame_size,
            self.frame_raw_size,
            self.offset,
            self.size,
            self.kind,
        )

    @classmethod
    def decode(cls, row: bytes) -> Self:
        """Read a row back."""
        pack, position, frame_offset, frame_size, frame_raw_size, offset, size, kind = _OBJECT.unpack(row)
        return cls(pack, position, frame_offset, frame_size, frame_raw_size, offset, size, Stored(kind))


encode_object = _OBJECT.pack
"""The hot-loop form of `ObjectRow.encode`: its eight numbers in the order of the fields."""

decode_object = _OBJECT.unpack
"""The hot-loop form of `ObjectRow.decode`: the same eight numbers."""

NO_SESSION: Final = bytes(16)
"""`PackRow.session` of a pack that belongs to nobody in particular any more."""


@dataclass(frozen=True, slots=True)
class PackRow:
    """One sealed pack that the index knows."""

    id: bytes
    """BLAKE3 of the file: its name."""
    session: bytes
    """The running session whose unreferenced objects gc must leave alone, or NO_SESSION."""
    file_size: int
    """Bytes on disk."""
    raw_size: int
    """Bytes of its objects before compression."""
    object_count: int
    """Rows in its table."""
    live_count: int
    """Rows of `objects` that point here: `object_count` less those collected or stored elsewhere first."""

    def encode(self) -> bytes:
        """Give the bytes of the row."""
        return _PACK.pack(
            self.id, self.session, self.file_size, self.raw_size, self.object_count, self.live_count
        )

    @classmethod
    def decode(cls, row: bytes) -> Self:
        """Read a row back."""
        return cls(*_PACK.unpack(row))
