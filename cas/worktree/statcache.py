"""What directories looked like when they were last read, so that they need not be read again.

Theory of operation
-------------------
One row for each directory, under its device and inode. A row holds the tree the directory gave, and a
*signature*: for each entry, sorted by name, kind, size, mtime, ctime, inode, name; for a sub-directory its
tree id instead. If the signature of today equals the one in the row, byte for byte, the tree is the same,
and nothing was opened. If it differs, entries whose part of it is equal keep their blob ids.

Invariants
1. *Racy-clean rule*, as in git: a file may be written again within the same tick of the file system's
   clock and show the same size and times. So an entry is trusted only if its times are older, by more
   than a tick, than the moment its bytes became known; others are stored with a time that never matches.
2. Rows are advice. A wrong tree id could only come from a clock that went back by years or from someone
   who sets ctime; a missing row costs a read. Whether the tree is still in the store is asked each time.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from cas import fs
from cas.ids import DIGEST_SIZE, Kind

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cas.objects.index import Index, Txn
    from cas.objects.tree import Entry

FINE_TICK_NS: Final = 20_000_000
"""Two ticks of a 100 Hz kernel: the clock behind mtime on ext4, XFS, btrfs, APFS. [ns]"""
COARSE_TICK_NS: Final = 3_000_000_000
"""FAT counts in steps of 2 s, HFS+ of 1 s; on a network the clock is somebody else's. [ns]"""

_COARSE_FILE_SYSTEMS: Final = frozenset({"vfat", "msdos", "exfat", "hfs", "hfsplus"})
NO_ID: Final = bytes(DIGEST_SIZE)
"""Stands for a symlink among the ids of a row: its target is cheaper to read than to keep."""

_KEY = struct.Struct(">QQ")
_ENTRY = struct.Struct("<BQqqQH")  # times are signed: a file may be older than 1970
_HEAD = struct.Struct("<32sQQI")
_NEVER: Final = -(1 << 63)
_SAVE_AT: Final = 16 * 1024 * 1024


def tick_of(path: Path) -> int:
    """How long a file at `path` may be written without its times showing it. [ns]."""
    kind = fs.file_system_type(path)
    if kind in _COARSE_FILE_SYSTEMS or kind in fs.NETWORK_FILE_SYSTEMS:
        return COARSE_TICK_NS
    return FINE_TICK_NS


_KIND_OF_TYPE: Final = {0o100000: Kind.FILE, 0o040000: Kind.DIRECTORY, 0o120000: Kind.SYMLINK}


def kind_of(status: os.stat_result) -> Kind | None:
    """Say what an entry is, or None for what cannot be stored (socket, device, pipe)."""
    mode = status.st_mode
    kind = _KIND_OF_TYPE.get(mode & 0o170000)
    return Kind.EXECUTABLE if kind is Kind.FILE and mode & 0o100 else kind


def sign_file(name: bytes, kind: int, status: os.stat_result) -> bytes:
    """Give the part of a signature that stands for a file or a symlink."""
    return (
        _ENTRY.pack(kind, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, len(name))
        + name
    )


def sign_racy_file(name: bytes, kind: int) -> bytes:
    """Give a part that no file will ever match (invariant 1)."""
    return _ENTRY.pack(kind, 0, _NEVER, _NEVER, 0, len(name)) + name


def sign_directory(name: bytes, tree: bytes) -> bytes:
    """Give the part of a signature that stands for a sub-directory."""
    return _ENTRY.pack(Kind.DIRECTORY, 0, 0, 0, 0, len(name)) + name + tree


def is_racy(status: os.stat_result, trusted_before_ns: int) -> bool:
    """Whether the times are too young to show a later write (invariant 1)."""
    return status.st_mtime_ns >= trusted_before_ns or status.st_ctime_ns >= trusted_before_ns


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """What is known of one directory."""

    tree: bytes
    size: int
    """Bytes of all files below."""
    file_count: int
    """Files and symlinks below."""
    signature: bytes
    ids: bytes
    """32 bytes for each file, in the order of the signature; zeros for symlinks."""

    def encode(self) -> bytes:
        """Give the row's bytes."""
        head = _HEAD.pack(self.tree, self.size, self.file_count, len(self.signature))
        return head + self.signature + self.ids

    @classmethod
    def decode(cls, row: bytes) -> Self:
        """Read a row back."""
        tree, size, file_count, length = _HEAD.unpack_from(row)
        split = _HEAD.size + length
        return cls(tree, size, file_count, row[_HEAD.size : split], row[split:])

    def file_ids(self) -> dict[bytes, bytes]:
        """Map the part of the signature of each file, but not of symlinks, to the blob id that it had."""
        pairs = zip(self._file_parts(), _split(self.ids), strict=True)
        return {part: blob for part, blob in pairs if blob != NO_ID}

    def _file_parts(self) -> Iterator[bytes]:
        at, signature = 0, self.signature
        while at < len(signature):
            kind, *_, length = _ENTRY.unpack_from(signature, at)
            end = at + _ENTRY.size + length
            if kind == Kind.DIRECTORY:
                end += DIGEST_SIZE
            else:
                yield signature[at:end]
            at = end


def _split(ids: bytes) -> Iterator[bytes]:
    return (ids[at : at + DIGEST_SIZE] for at in range(0, len(ids), DIGEST_SIZE))


def make_row(
    tree: bytes, file_count: int, items: Sequence[tuple[Entry, os.stat_result]], trusted_before_ns: int
) -> DirectoryRow:
    """Build the row of a directory from its entries, sorted by name, and what `lstat` says of each.

    `trusted_before_ns` is when the bytes became known, less a tick.
    """
    parts, ids = [], []
    for entry, status in items:
        if entry.kind is Kind.DIRECTORY:
            parts.append(sign_directory(entry.name, entry.id))
            continue
        racy = is_racy(status, trusted_before_ns)
        parts.append(
            sign_racy_file(entry.name, entry.kind) if racy else sign_file(entry.name, entry.kind, status)
        )
        ids.append(NO_ID if entry.kind is Kind.SYMLINK else entry.id)
    size = sum(entry.size for entry, _ in items)
    return DirectoryRow(tree, size, file_count, b"".join(parts), b"".join(ids))


class StatCache:
    """The `stat` table: rows are read one by one and written together."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._rows: list[tuple[bytes, bytes]] = []
        self._size = 0

    def find(self, status: os.stat_result) -> DirectoryRow | None:
        """Return the row of the directory with this `lstat`, if there is one."""
        with self._index.read() as txn:
            row = txn.get(txn.tables.stat, _KEY.pack(status.st_dev, status.st_ino))
        return None if row is None else DirectoryRow.decode(row)

    def remember(self, status: os.stat_result, row: DirectoryRow) -> None:
        """Keep the row of a directory; `save` writes it. Many rows are written early: memory stays flat."""
        encoded = row.encode()
        self._rows.append((_KEY.pack(status.st_dev, status.st_ino), encoded))
        self._size += len(encoded)
        if self._size > _SAVE_AT:
            self.flush()

    def flush(self) -> None:
        """Write what was remembered in a transaction of its own."""
        self._index.write(self.save)
        self._rows = []
        self._size = 0

    def save(self, txn: Txn) -> None:
        """Write what was remembered."""
        self._rows.sort()
        with txn.raw.cursor(db=txn.tables.stat) as cursor:
            cursor.putmulti(self._rows)
