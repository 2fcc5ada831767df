"""Trees: the canonical bytes of a directory, and its id. The format is `docs/format/identity.md`.

A tree is a msgpack array of entries sorted by raw name bytes, each an array
`[name, mode, kind, size, id]`: name as bin; mode and kind as integers (mode follows from kind); size in
bytes (for a directory: of everything below); id as bin of 32 bytes, or for a symlink its target. Two
directories have one id if and only if their names, kinds and bytes are equal; times, owners and inodes
are not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from blake3 import blake3

from cas.errors import CorruptError
from cas.ids import DIGEST_SIZE, Kind, TreeId

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTEXT: Final = "cas tree v1"


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One name in a directory. Use `Entry.of` to build one: mode follows from kind."""

    name: bytes
    """Raw bytes as the file system gives them; no `/`, no NUL, not `.` or `..`."""
    mode: int
    """0o644, 0o755 or 0o777: the permission bits of `kind`."""
    kind: Kind
    size: int
    """Bytes; of everything below for a directory, of the target for a symlink."""
    id: bytes
    """32 raw bytes of a blob or tree id; the target for a symlink."""

    @classmethod
    def of(cls, name: bytes, kind: Kind, size: int, id: bytes) -> Entry:  # noqa: A002 - it is the field's name
        """Build an entry."""
        return cls(name, kind.mode, kind, size, id)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Entry])

EMPTY: Final = _encoder.encode([])
"""The encoding of a directory without entries."""


def encode_tree(entries: Sequence[Entry]) -> bytes:
    """Give the canonical bytes of a directory; `entries` are already sorted by name."""
    return _encoder.encode(entries)


def tree_id(encoded: bytes) -> TreeId:
    """Hash the canonical bytes.

    >>> tree_id(EMPTY).short
    'eaa62ecc0908'
    """
    return TreeId(blake3(encoded, derive_key_context=CONTEXT).digest())


def decode_tree(encoded: bytes) -> list[Entry]:
    """Read a directory back, trusting nothing that is not checked here.

    Raises:
        CorruptError: Not a tree, or one that no checkout may touch: a name with `/` or NUL, `.` or `..`,
            names out of order or twice, an id of another length, a link to nothing; or not the one
            canonical encoding.
    """
    try:
        entries = _decoder.decode(encoded)
    except msgspec.DecodeError as error:
        raise _bad(str(error)) from error
    previous = b""
    for entry in entries:
        name = entry.name
        if name <= previous or b"/" in name or b"\0" in name or name in (b".", b".."):
            raise _bad(f"the name {name!r} is not allowed or out of order")
        if entry.kind is Kind.SYMLINK:
            if entry.size != len(entry.id) or not entry.id or b"\0" in entry.id:
                raise _bad(f"the link {name!r} points nowhere, or its size is not that of its target")
        elif len(entry.id) != DIGEST_SIZE:
            raise _bad(f"the id of {name!r} has {len(entry.id)} bytes")
        if entry.mode != entry.kind.mode:
            raise _bad(f"the mode of {name!r} is {entry.mode:o}")
        if entry.size < 0:
            raise _bad(f"the size of {name!r} is {entry.size}")
        previous = name
    if _encoder.encode(entries) != encoded:  # an integer too long, a sixth field: two ids for one directory
        raise _bad("it is not the canonical encoding")
    return entries


def _bad(why: str) -> CorruptError:
    return CorruptError("cannot read a tree", code="bad-tree", why=why)
