r"""Keys and values of the tables that hold versions: the only module that knows their bytes.

    refs        layer \0 name                      → version (32), live versions (u64)
    versions    layer \0 name \0 version (32)      → `VersionRow`
                layer \0 name \1 sequence (u64)    → version (32), for live versions only: their order
    tags        layer \0 name \0 tag               → version (32)
    properties  fingerprint (16) + versions key     → nothing
    dependents  input's version (32) + versions key → nothing
    log         sequence (u64)                      → `events.Entry`
    whiteouts   layer \0 path                      → sequence, at_ns (u64), whether it is opaque (u8)

Names hold no control characters, so `\0` and `\1` cannot be mistaken. The longest key is one of
`dependents`: 32 + 40 + 1 + 400 + 1 + 32 = 506 bytes, of the 511 that LMDB allows.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from cas.ids import DIGEST_SIZE, VersionId
from cas.versions.version import State  # noqa: TC001 - msgspec reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.objects.index import Txn

SEQUENCE: Final = struct.Struct(">Q")
"""Key of `log`."""

MAX_WHITEOUT_SIZE: Final = 470
"""Bytes of a path that can be hidden: with the longest layer it makes a key of 511."""

_REF: Final = struct.Struct(">32sQ")
_WHITEOUT: Final = struct.Struct(">QQ?")


class VersionRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The value of a row of `versions`."""

    sequence: int
    """Position among the versions of its name: the event that made it the newest."""
    state: State
    removed_at_ns: int
    """0 while it is live."""
    tags: list[str]
    """The tags it has; once removed, those it gets back if they are still free."""
    record: bytes
    """The encoded record."""


class RefRow(NamedTuple):
    """The value of a row of `refs`; there is one if and only if the name has a live version."""

    current: bytes
    """Version id of the newest live version."""
    version_count: int
    """Live versions."""


class WhiteoutRow(NamedTuple):
    """The value of a row of `whiteouts`."""

    sequence: int
    """The event that hid the path."""
    at_ns: int
    """When that was."""
    is_opaque: bool


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(VersionRow)


def ref_key(layer: str, name: str) -> bytes:
    """Key of `refs`; every other key starts with it. A path that is no UTF-8 has one, too: nobody has it."""
    return f"{layer}\0{name}".encode("utf-8", "surrogateescape")


def split_ref_key(key: bytes) -> tuple[str, str]:
    """Undo `ref_key`."""
    layer, _, name = key.decode().partition("\0")
    return layer, name


def version_key(ref: bytes, version: bytes) -> bytes:
    """Key of a version."""
    return b"%b\0%b" % (ref, version)


def split_version_key(key: bytes) -> tuple[bytes, VersionId]:
    """Undo `version_key`."""
    return key[: -DIGEST_SIZE - 1], VersionId(key[-DIGEST_SIZE:])


def is_order(value: bytes) -> bool:
    """Whether a value of `versions` belongs to the order; the other rows hold two ids at least."""
    return len(value) == DIGEST_SIZE


def order_key(ref: bytes, sequence: int) -> bytes:
    """Key of a row of the order."""
    return b"%b\1%b" % (ref, SEQUENCE.pack(sequence))


def tag_key(ref: bytes, tag: str) -> bytes:
    """Key of a tag."""
    return b"%b\0%b" % (ref, tag.encode())


def read_version(txn: Txn, key: bytes) -> VersionRow | None:
    """Look a version up by its key."""
    value = txn.get(txn.tables.versions, key)
    return None if value is None else _decoder.decode(value)


def decode_version(value: bytes) -> VersionRow:
    """Read a row of `versions`."""
    return _decoder.decode(value)


def write_version(txn: Txn, key: bytes, row: VersionRow) -> None:
    """Set the row of a version."""
    txn.put(txn.tables.versions, key, _encoder.encode(row))


def newest_first(txn: Txn, ref: bytes) -> Iterator[bytes]:
    """Iterate over the ids of the live versions of a name; nothing is changed meanwhile."""
    prefix = ref + b"\1"
    cursor: Any
    with txn.raw.cursor(db=txn.tables.versions) as cursor:
        found = cursor.prev() if cursor.set_range(ref + b"\2") else cursor.last()
        while found and cursor.key().startswith(prefix):
            yield cursor.value()
            found = cursor.prev()


def read_ref(txn: Txn, ref: bytes) -> RefRow | None:
    """Look a name up."""
    value = txn.get(txn.tables.refs, ref)
    return None if value is None else RefRow(*_REF.unpack(value))


def decode_ref(value: bytes) -> RefRow:
    """Read a row of `refs`."""
    return RefRow(*_REF.unpack(value))


def write_ref(txn: Txn, ref: bytes, row: RefRow) -> None:
    """Set what a name means."""
    txn.put(txn.tables.refs, ref, _REF.pack(*row))


def path_bytes(path: str) -> bytes:
    """Encode a path of the view; bytes that were no UTF-8 are surrogate escapes in it."""
    return path.encode("utf-8", "surrogateescape")


def path_text(path: bytes) -> str:
    """Undo `path_bytes`."""
    return path.decode("utf-8", "surrogateescape")


def whiteout_key(layer: str, path: bytes) -> bytes:
    """Key of a whiteout; those of a layer are in order of the bytes of their paths."""
    return b"%b\0%b" % (layer.encode(), path)


def split_whiteout_key(key: bytes) -> tuple[str, bytes]:
    """Undo `whiteout_key`."""
    layer, _, path = key.partition(b"\0")
    return layer.decode(), path


def read_whiteout(txn: Txn, key: bytes) -> WhiteoutRow | None:
    """Look a whiteout up by its key."""
    value = None if txn.tables.whiteouts is None else txn.get(txn.tables.whiteouts, key)
    return None if value is None else WhiteoutRow(*_WHITEOUT.unpack(value))


def scan_whiteouts(txn: Txn, prefix: bytes = b"") -> Iterator[tuple[bytes, WhiteoutRow]]:
    """Iterate over the whiteouts whose key starts with `prefix`, in order."""
    if txn.tables.whiteouts is not None:
        for key, value in txn.scan(txn.tables.whiteouts, prefix):
            yield key, WhiteoutRow(*_WHITEOUT.unpack(value))


def write_whiteout(txn: Txn, key: bytes, row: WhiteoutRow) -> None:
    """Set a whiteout."""
    assert txn.tables.whiteouts is not None, "an index that can be written has all tables"
    txn.put(txn.tables.whiteouts, key, _WHITEOUT.pack(*row))


def delete_whiteout(txn: Txn, key: bytes) -> None:
    """Drop a whiteout; there need not be one."""
    txn.delete(txn.tables.whiteouts, key)
