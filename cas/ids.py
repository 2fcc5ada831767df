"""Ids as value types: 32 bytes of BLAKE3, told apart by what they name.

A `BlobId` is the plain BLAKE3-256 of a file's bytes, what `b3sum` prints. Trees, records and
recipes hash in derive-key mode, each under its own context, so that no file can be crafted whose
bytes are mistaken for one of them. Contexts are part of the format and never change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from blake3 import blake3

from cas.errors import InvalidError

DIGEST_SIZE = 32
"""Bytes in every id."""

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Digest:
    """An id: 32 raw bytes. Subclasses say of what; two ids of different classes are never equal."""

    raw: bytes
    """The 32 bytes."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 64 lower-case hex digits.

        Raises:
            InvalidError: `text` is anything else.
        """
        if not _HEX.fullmatch(text):
            raise InvalidError(
                f"cannot read '{text}' as an id", code="bad-id", why="an id is 64 lower-case hex digits"
            )
        return cls(bytes.fromhex(text))

    def __str__(self) -> str:
        return self.raw.hex()

    def __repr__(self) -> str:
        return f"{type(self).__name__}.parse('{self}')"

    @property
    def short(self) -> str:
        """The first 12 hex digits, for people."""
        return self.raw[:6].hex()


class BlobId(Digest):
    """BLAKE3-256 of a file's bytes."""

    __slots__ = ()

    @classmethod
    def of(cls, data: bytes | memoryview) -> Self:
        """Hash `data`.

        >>> BlobId.of(b"").short
        'af1349b9f5f9'
        """
        return cls(blake3(data).digest())


class TreeId(Digest):
    """BLAKE3 (derive-key `cas tree v1`) of a directory's canonical encoding."""

    __slots__ = ()


class RecordId(Digest):
    """BLAKE3 (derive-key `cas record v1`) of a record's canonical encoding."""

    __slots__ = ()


class VersionId(Digest):
    """BLAKE3 (derive-key `cas version v1`) of properties and inputs: what was asked for, not the bytes."""

    __slots__ = ()


class PackId(Digest):
    """BLAKE3-256 of a pack file's bytes; its name on disk."""

    __slots__ = ()


class Kind(IntEnum):
    """What an entry of a tree, or the content of a version, is. The values are the wire form."""

    FILE = 0
    EXECUTABLE = 1
    SYMLINK = 2
    DIRECTORY = 3

    @property
    def mode(self) -> int:
        """The permission bits of this kind, before the umask."""
        return _MODES[self]


_MODES = {Kind.FILE: 0o644, Kind.EXECUTABLE: 0o755, Kind.SYMLINK: 0o777, Kind.DIRECTORY: 0o755}


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes behind a version: a file or a directory."""

    kind: Kind
    """FILE, EXECUTABLE or DIRECTORY; never SYMLINK, because commit follows the path it is given."""

    id: BlobId | TreeId
    """A TreeId if and only if `kind` is DIRECTORY."""

    @classmethod
    def of(cls, kind: Kind, raw: bytes) -> Self:
        """Build from a kind and the 32 bytes of its id."""
        return cls(kind, TreeId(raw) if kind is Kind.DIRECTORY else BlobId(raw))

    @property
    def is_directory(self) -> bool:
        """Whether `id` names a tree."""
        return self.kind is Kind.DIRECTORY

    def __str__(self) -> str:
        return str(self.id)
