"""What directories looked like when they were last read, so that they need not be read again.

Theory of operation
-------------------
One row for each directory, under its device and inode. Each entry has a *part*: kind, size, mtime, ctime,
inode, name; of a sub-directory, name and tree id. A row holds the tree that the directory gave, the hash of
all parts in the order of the names (its *signature*), and for each file a *mark*, the hash of its part alone.
If the signature of today equals the one in the row, the tree is the same, and nothing was opened. If it
differs, the files whose marks are known keep their blob ids, which the tree in the store says. Hashes instead
of the parts themselves make the table a seventh of the size: it is part of what every repository weighs.

Invariants
1. *Racy-clean rule*, as in git: a file may be written again within the same tick of the file system's
   clock and show the same size and times. So an entry is trusted only if its times are older, by more
   than a tick, than the moment its bytes became known; others are stored with a time that never matches.
2. Rows are advice. A wrong tree id could only come from a clock that went back by years, from someone who
   sets ctime, or from two states of one file with equal marks (once in 2^64 changes); a missing row costs a
   read. Whether the tree is still in the store is asked each time.
3. A row has the blob ids itself if its tree may not be in the store: a dry run, or what was found where no
   version is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from blake3 import blake3

from cas import fs
from cas.errors import CorruptError, NotFoundError
from cas.ids import DIGEST_SIZE, Kind, TreeId

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from cas.objects.index import Index, Txn
    from cas.objects.tree import Entry
    from cas.worktree.compare import TreeReader

FINE_TICK_NS: Final = 20_000_000
"""Two ticks of a 100 Hz kernel: the clock behind mtime on ext4, XFS, btrfs, APFS. [ns]"""
COARSE_TICK_NS: Final = 3_000_000_000
"""FAT counts in steps of 2 s, HFS+ of 1 s; on a network the clock is somebody else's. [ns]"""

_COARSE_FILE_SYSTEMS: Final = frozenset({"vfat", "msdos", "exfat", "hfs", "hfsplus"})
NO_ID: Final = bytes(DIGEST_SIZE)
"""Stands for a symlink among the ids of a row, whose target is cheaper to read than to keep, and for a tree
that is not known."""

_KEY = struct.Struct(">QQ")
_ENTRY = struct.Struct("<BQqqQH")  # times are signed: a file may be older than 1970
_HEAD = struct.Struct("<32sQQ16sII")
_SIGNATURE_SIZE: Final = 16
_MARK_SIZE: Final = 8
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
    """Give the part of a file or a symlink."""
    return (
        _ENTRY.pack(kind, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, len(name))
        + name
    )


def sign_racy_file(name: bytes, kind: int) -> bytes:
    """Give a part that no file will ever match (invariant 1)."""
    return _ENTRY.pack(kind, 0, _NEVER, _NEVER, 0, len(name)) + name


def sign_directory(name: bytes, tree: bytes) -> bytes:
    """Give the part of a sub-directory."""
    return _ENTRY.pack(Kind.DIRECTORY, 0, 0, 0, 0, len(name)) + name + tree


def is_racy(status: os.stat_result, trusted_before_ns: int) -> bool:
    """Whether the times are too young to show a later write (invariant 1)."""
    return status.st_mtime_ns >= trusted_before_ns or status.st_ctime_ns >= trusted_before_ns


def sign(parts: Sequence[bytes]) -> bytes:
    """Give the signature of a directory from the parts of its entries, sorted by name."""
    return blake3(b"".join(parts)).digest(_SIGNATURE_SIZE)


def mark(part: bytes) -> bytes:
    """Give the mark of a file."""
    return blake3(part).digest(_MARK_SIZE)


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """What is known of one directory."""

    tree: bytes
    size: int
    """Bytes of all files below."""
    file_count: int
    """Files and symlinks below."""
    signature: bytes
    marks: bytes
    """8 bytes for each file and symlink, by name."""
    trees: bytes
    """32 bytes for each sub-directory, by name."""
    ids: bytes
    """32 bytes for each mark, zeros for symlinks; empty where the tree is in the store (invariant 3)."""

    def encode(self) -> bytes:
        """Give the row's bytes."""
        head = _HEAD.pack(
            self.tree, self.size, self.file_count, self.signature, len(self.marks), len(self.trees)
        )
        return b"".join((head, self.marks, self.trees, self.ids))

    @classmethod
    def decode(cls, row: bytes) -> Self:
        """Read a row back."""
        tree, size, file_count, signature, marks, trees = _HEAD.unpack_from(row)
        first = _HEAD.size + marks
        second = first + trees
        return cls(
            tree, size, file_count, signature, row[_HEAD.size : first], row[first:second], row[second:]
        )

    def file_ids(self, read: TreeReader) -> dict[bytes, bytes]:
        """Map the mark of each file, but not of symlinks, to the blob id that it had.

        Nothing is known any more when gc took the tree.
        """
        ids = _split(self.ids, DIGEST_SIZE) if self.ids else self._ids_from(read)
        if not ids:
            return {}
        pairs = zip(_split(self.marks, _MARK_SIZE), ids, strict=True)
        return {one: blob for one, blob in pairs if blob != NO_ID}

    def _ids_from(self, read: TreeReader) -> list[bytes]:
        if self.tree == NO_ID:
            return []
        try:
            entries = read(TreeId(self.tree))
        except (NotFoundError, CorruptError):
            return []
        return [
            NO_ID if entry.kind is Kind.SYMLINK else entry.id
            for entry in entries
            if entry.kind is not Kind.DIRECTORY
        ]

    def sub_trees(self) -> list[bytes]:
        """Give the tree ids of the sub-directories, by name."""
        return _split(self.trees, DIGEST_SIZE)


def _split(joined: bytes, size: int) -> list[bytes]:
    return [joined[at : at + size] for at in range(0, len(joined), size)]


def make_row(
    tree: bytes,
    file_count: int,
    items: Sequence[tuple[Entry, os.stat_result]],
    trusted_before_ns: int,
    *,
    with_ids: bool,
) -> DirectoryRow:
    """Build the row of a directory from its entries, sorted by name, and what `lstat` says of each.

    `trusted_before_ns` is when the bytes became known, less a tick; `with_ids` where the tree is not stored.
    """
    parts, marks, trees, ids = [], [], [], []
    for entry, status in items:
        if entry.kind is Kind.DIRECTORY:
            parts.append(sign_directory(entry.name, entry.id))
            trees.append(entry.id)
            continue
        racy = is_racy(status, trusted_before_ns)
        part = sign_racy_file(entry.name, entry.kind) if racy else sign_file(entry.name, entry.kind, status)
        parts.append(part)
        marks.append(mark(part))
        if with_ids:
            ids.append(NO_ID if entry.kind is Kind.SYMLINK else entry.id)
    return DirectoryRow(
        tree=tree,
        size=sum(entry.size for entry, _ in items),
        file_count=file_count,
        signature=sign(parts),
        marks=b"".join(marks),
        trees=b"".join(trees),
        ids=b"".join(ids),
    )


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
        """Keep the row of a directory; `save` writes it. Many rows are written early: memory stays flat.

        Where nothing can be written, nothing is kept: rows are advice (invariant 2).
        """
        if not self._index.is_writable:
            return
        encoded = row.encode()
        self._rows.append((_KEY.pack(status.st_dev, status.st_ino), encoded))
        self._size += len(encoded)
        if self._size > _SAVE_AT:
            self.flush()

    def flush(self) -> None:
        """Write what was remembered, if anything was, in a transaction of its own."""
        if not self._rows:
            return
        self._index.write(self.save)
        self._rows = []
        self._size = 0

    def save(self, txn: Txn) -> None:
        """Write what was remembered."""
        self._rows.sort()
        with txn.raw.cursor(db=txn.tables.stat) as cursor:
            cursor.putmulti(self._rows)
