r"""The bytes of a pack file. `docs/format/pack.md` says the same for people; golden files tie the two.

    header   32  magic "CASPACK\n", format u32, flags u32 (0), random salt 16
    frames       back to back; each is one zstd frame or raw bytes
    frame table  per frame 12: offset, stored size, raw size (u32 each); raw when the two sizes are equal
    object table per object 45: id 32, kind u8, frame number u32, offset in the raw frame u32, size u32;
                 sorted by id
    trailer  80  BLAKE3 of header and frames, BLAKE3 of the two tables, frame count u32, object count u32,
                 magic "CASPEND\n"

All integers are big-endian. The file is named by the BLAKE3 of all its bytes; the salt makes a pack that
is written again differ from one that a slow collector may still delete. A pack is written once, in
`tmp/`, and renamed into place when it is whole, so a pack under its final name without a valid trailer is
damage, never a crash.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING, Final, NamedTuple

from blake3 import blake3

from cas import fs
from cas.errors import CorruptError, InvalidError
from cas.objects.rows import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

FORMAT: Final = 1
TARGET_SIZE: Final = 64 * 1024 * 1024
"""A pack is sealed when it reaches this many bytes."""
MAX_OBJECTS: Final = 128 * 1024
"""… or when it holds this many objects."""
SALT_SIZE: Final = 16

_MAGIC: Final = b"CASPACK\n"
_END_MAGIC: Final = b"CASPEND\n"
_HEADER = struct.Struct(">8sII16s")
_FRAME = struct.Struct(">III")
_OBJECT = struct.Struct(">32sBIII")
_TRAILER = struct.Struct(">32s32sII8s")
HEADER_SIZE: Final = _HEADER.size


class Frame(NamedTuple):
    """Where a frame is in the file, and how large. Bytes."""

    offset: int
    size: int
    raw_size: int


class PackedObject(NamedTuple):
    """Where an object is in a pack: in which frame, and where once that is decompressed."""

    id: bytes
    kind: int
    frame: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What a pack says about itself."""

    frames: Sequence[Frame]
    object_table: bytes
    """As it stands in the file, 45 bytes an object: a pack of small files holds tens of thousands."""
    body_hash: bytes
    """BLAKE3 of header and frames."""

    @property
    def object_count(self) -> int:
        """How many objects are inside."""
        return len(self.object_table) // _OBJECT.size

    def objects(self) -> Iterator[PackedObject]:
        """Iterate over the objects by id; the place of one here is its `position` in the index."""
        return map(PackedObject._make, _OBJECT.iter_unpack(self.object_table))


def encode_header(salt: bytes) -> bytes:
    """Give the first bytes of a pack."""
    return _HEADER.pack(_MAGIC, FORMAT, 0, salt)


def encode_objects(objects: Iterable[tuple[bytes, int, int, int, int]]) -> bytes:
    """Give the object table; `objects` have the fields of `PackedObject` and are sorted by id."""
    return b"".join(starmap(_OBJECT.pack, objects))


def encode_footer(footer: Footer) -> bytes:
    """Give tables and trailer."""
    tables = b"".join(starmap(_FRAME.pack, footer.frames)) + footer.object_table
    trailer = _TRAILER.pack(
        footer.body_hash, blake3(tables).digest(), len(footer.frames), footer.object_count, _END_MAGIC
    )
    return tables + trailer


def read_footer(path: Path) -> Footer:
    """Read and check the tables of the pack at `path`, without reading its frames.

    Raises:
        CorruptError: Not a pack, cut off, or the tables do not match their hash.
        InvalidError: A pack of a newer format.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read_footer(fd, path)
    finally:
        os.close(fd)


def _read_footer(fd: int, path: Path) -> Footer:
    file_size = os.fstat(fd).st_size
    if file_size < _HEADER.size + _TRAILER.size:
        raise _bad(path, f"it has only {file_size} bytes")
    _check_header(fs.read_exactly(fd, _HEADER.size, 0), path)
    trailer = fs.read_exactly(fd, _TRAILER.size, file_size - _TRAILER.size)
    body_hash, tables_hash, frame_count, object_count, magic = _TRAILER.unpack(trailer)
    size = frame_count * _FRAME.size + object_count * _OBJECT.size
    start = file_size - _TRAILER.size - size
    if magic != _END_MAGIC or start < _HEADER.size:
        raise _bad(path, "its last bytes are not a pack's trailer")
    tables = fs.read_exactly(fd, size, start)
    if blake3(tables).digest() != tables_hash:
        raise _bad(path, "its tables do not match their hash")
    split = frame_count * _FRAME.size
    return Footer(
        frames=[Frame._make(row) for row in _FRAME.iter_unpack(tables[:split])],
        object_table=tables[split:],
        body_hash=body_hash,
    )


def index_rows(footer: Footer, pack_number: int) -> Iterator[tuple[bytes, tuple[int, ...]]]:
    """Iterate, sorted by id, over (id, the eight numbers of its `ObjectRow`)."""
    frames = footer.frames
    for position, (object_id, kind, frame, offset, size) in enumerate(
        _OBJECT.iter_unpack(footer.object_table)
    ):
        yield object_id, (pack_number, position, *frames[frame], offset, size, kind)


def _check_header(header: bytes, path: Path) -> None:
    magic, found, flags, _ = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise _bad(path, "its first bytes are not a pack's header")
    if found != FORMAT or flags:
        raise InvalidError(
            f"cannot read the pack '{path.name}'",
            code="newer-format",
            why=f"it has format {found}, flags {flags}; this version of cas knows format {FORMAT}",
            hint="upgrade with `pip install --upgrade cas-store`",
        )


def _bad(path: Path, why: str) -> CorruptError:
    return CorruptError(
        f"cannot read the pack '{path.name}'", code="bad-pack", why=why, hint="run `cas verify`"
    )


def is_metadata(kind: int) -> bool:
    """Whether an object refers to others, so that its row may enter the index only together with a ref."""
    return kind != Stored.DATA
