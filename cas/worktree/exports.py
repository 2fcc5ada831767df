"""What exports of the view put where: the next one knows its own work from that of the user.

Rows in the `checkouts` table, beside the placements:

- for each destination, its path, so that gc can drop what is about a directory that is gone;
- for each name that was put there, what was put. While an export is under way, and after one that died,
  these are the last two contents: some files are of the one before, and some its own. Once it is done, it is
  the last only: whoever puts the content of before there again has made an edit.

A row is written before its name changes. So what is at the destination is somebody else's if no row says that
it was put there, and was changed if no content of its row is what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from blake3 import blake3

from cas.ids import Kind  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cas.objects.index import Txn

_DESTINATION: Final = b"d"
_GIVEN: Final = b"e"
_KEPT: Final = 2
_HASH_SIZE: Final = 16
MARK_SIZE: Final = 8


class State(msgspec.Struct, frozen=True, array_like=True):
    """What stood under a name."""

    kind: Kind
    content: bytes
    """Hash of a file, target of a symlink, nothing for a directory."""


class Given(msgspec.Struct, frozen=True, array_like=True):
    """A name that exports put at a destination."""

    path: bytes
    """Relative to the destination."""
    states: tuple[State, ...]
    """What it was given, the newest first."""

    @property
    def is_settled(self) -> bool:
        """Whether no export was under way there, or died."""
        return len(self.states) == 1


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Given)


def mark(path: bytes) -> bytes:
    """Give `MARK_SIZE` bytes that stand for a relative path where a million of them are to be in memory."""
    return _hash(path)[:MARK_SIZE]


def find(txn: Txn, destination: bytes, path: bytes) -> tuple[State, ...]:
    """Say what a name at a destination was given; nothing if no export put it there."""
    row = txn.get(txn.tables.checkouts, _key(destination, path))
    return () if row is None else _decoder.decode(row).states


def given(txn: Txn, destination: bytes) -> Iterator[tuple[bytes, Given]]:
    """Iterate over everything that exports put at a destination, each with its mark."""
    prefix = _GIVEN + _hash(destination)
    start = len(prefix)
    for key, row in txn.scan(txn.tables.checkouts, prefix):
        yield key[start : start + MARK_SIZE], _decoder.decode(row)


def record(txn: Txn, destination: bytes, new: Iterable[tuple[bytes, State]]) -> bool:
    """Announce what is going to be put at a destination, by relative path; whether to `settle` it then."""
    is_unsettled = False
    txn.put(txn.tables.checkouts, _DESTINATION + _hash(destination), destination)
    for path, state in new:
        before = [old for old in find(txn, destination, path) if old != state]
        row = Given(path, (state, *before)[:_KEPT])
        is_unsettled = is_unsettled or not row.is_settled
        txn.put(txn.tables.checkouts, _key(destination, path), _encoder.encode(row))
    return is_unsettled


def settle(txn: Txn, destination: bytes, *, gone: Iterable[bytes]) -> None:
    """Note that an export is done: everything there is the last that was put, or the user's.

    Args:
        txn: A writing transaction.
        destination: Where it put things.
        gone: Names that are gone, or have become the user's: nothing is known of them from now on.
    """
    for path in gone:
        txn.delete(txn.tables.checkouts, _key(destination, path))
    unsettled = [one for _, one in given(txn, destination) if not one.is_settled]
    for one in unsettled:
        row = Given(one.path, one.states[:1])
        txn.put(txn.tables.checkouts, _key(destination, one.path), _encoder.encode(row))


def destinations(txn: Txn) -> list[bytes]:
    """List the absolute paths that there is anything on record for."""
    return [path for _, path in txn.scan(txn.tables.checkouts, _DESTINATION)]


def forget_all(txn: Txn, lost: Sequence[bytes]) -> None:
    """Drop everything about these destinations."""
    for destination in lost:
        keys = [key for key, _ in txn.scan(txn.tables.checkouts, _GIVEN + _hash(destination))]
        for key in (*keys, _DESTINATION + _hash(destination)):
            txn.delete(txn.tables.checkouts, key)


def _key(destination: bytes, path: bytes) -> bytes:
    return _GIVEN + _hash(destination) + _hash(path)


def _hash(path: bytes) -> bytes:
    return blake3(path).digest(length=_HASH_SIZE)
