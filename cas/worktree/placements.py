"""The `checkouts` table: what was put where, and which unfinished checkouts left something behind.

Two kinds of row, both under the hash of an absolute path (a path may be longer than LMDB's keys):

- a *placement*: what a destination was given, so that the next checkout knows local edits from its own
  work, and `status` knows what to compare with;
- a *staging* directory: made by a running session, next to or inside its destination. Its row is written
  before the directory is made and goes when it is gone, so a crash leaves nothing that gc cannot find.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from blake3 import blake3

from cas.objects.tree import Entry  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.objects.index import Txn

_PLACEMENT: Final = b"p"
_STAGING: Final = b"s"


class Placement(msgspec.Struct, frozen=True, array_like=True):
    """What one destination holds, as far as `cas` put it there."""

    path: bytes
    """Absolute, as `locate` gives it."""
    content: Entry | None
    """What was put there; its name is empty and its size unknown. None: the first checkout did not finish."""
    underway: Entry | None
    """What a checkout was putting there; still set if that did not finish."""
    layer: str
    name: str
    version: bytes
    """32 bytes: the version that `content` (or `underway`) is of."""
    subpath: str
    """The part of the version that was asked for; empty for all of it."""
    link: str

    @property
    def destination(self) -> Path:
        """The path as a path."""
        return Path(os.fsdecode(self.path))

    @property
    def known(self) -> tuple[Entry, ...]:
        """Everything that `cas` may have put there."""
        return tuple(entry for entry in (self.content, self.underway) if entry is not None)


class Staging(msgspec.Struct, frozen=True, array_like=True):
    """A directory in which a checkout prepares what it is going to put in place."""

    path: bytes
    """Absolute."""
    session: bytes
    """The session whose lock says whether the owner is alive."""


def locate(destination: Path) -> bytes:
    """Give the one path under which a destination is on record: absolute, without links on the way.

    A link at the very end is followed only to a directory; a link to a file is the file that was checked out.
    """
    parent, name = os.path.split(os.path.abspath(os.fsencode(destination)))
    path = os.path.join(os.path.realpath(parent), name)
    return os.path.realpath(path) if os.path.isdir(path) else path


_encoder = msgspec.msgpack.Encoder()
_placements = msgspec.msgpack.Decoder(Placement)
_stagings = msgspec.msgpack.Decoder(Staging)


def _key(prefix: bytes, path: bytes) -> bytes:
    return prefix + blake3(path).digest()


def find(txn: Txn, path: bytes) -> Placement | None:
    """Return what is on record for a destination."""
    row = txn.get(txn.tables.checkouts, _key(_PLACEMENT, path))
    return None if row is None else _placements.decode(row)


def placements(txn: Txn) -> Iterator[Placement]:
    """Iterate over every destination on record, in no particular order."""
    for _, row in txn.scan(txn.tables.checkouts, _PLACEMENT):
        yield _placements.decode(row)


def record(txn: Txn, placement: Placement) -> None:
    """Set what is on record for a destination."""
    txn.put(txn.tables.checkouts, _key(_PLACEMENT, placement.path), _encoder.encode(placement))


def forget(txn: Txn, path: bytes) -> bool:
    """Drop the record of a destination; whether there was one. The files stay."""
    return txn.delete(txn.tables.checkouts, _key(_PLACEMENT, path))


def stagings(txn: Txn) -> Iterator[Staging]:
    """Iterate over the staging directories of checkouts that run, or did not finish."""
    for _, row in txn.scan(txn.tables.checkouts, _STAGING):
        yield _stagings.decode(row)


def record_staging(txn: Txn, staging: Staging) -> None:
    """Announce a staging directory."""
    txn.put(txn.tables.checkouts, _key(_STAGING, staging.path), _encoder.encode(staging))


def forget_staging(txn: Txn, path: bytes) -> None:
    """Drop the row of a staging directory that is gone."""
    txn.delete(txn.tables.checkouts, _key(_STAGING, path))
