"""What a state folder knows of one destination: its lock, its files, and what was put there.

Everything that belongs to one destination begins with the same name, a hash of where it is *seen from the
state folder*: a directory that is moved together with its state folder takes what is known of it along.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from blake3 import blake3

from cas import fs
from cas.remotes.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Kept:
    """What was fetched, and how it was left."""

    url: str
    """Where from, without credentials."""
    token: str | None
    """Of the far side's file."""
    etag: str | None
    generation: str | None
    modified: str | None
    """In ISO form."""
    stamp: Stamp
    blake3: str
    digests: tuple[str, ...]
    """Other hashes that were verified, as `ALGORITHM:HEX`."""

    @property
    def modified_at(self) -> datetime | None:
        """When it was changed at the far side, UTC."""
        return datetime.fromisoformat(self.modified) if self.modified else None


def look(path: Path | str) -> os.stat_result | None:
    """The status of what is at `path`, not of what a link there leads to; None if there is nothing."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


class Place:
    """The files of a state folder that belong to one destination."""

    def __init__(self, state: Path, destination: Path) -> None:
        seen = os.path.relpath(os.path.abspath(destination), os.path.realpath(state))
        self._state = state
        self._key = blake3(os.fsencode(seen)).hexdigest()[:_DIGITS]

    def path(self, kind: str) -> Path:
        """The file of this kind: "record", "part", …."""
        return self._state / f"{self._key}.{kind}"

    @contextlib.contextmanager
    def held(self) -> Iterator[Self]:
        """Keep every other process out; waits for one that is at work on the same destination.

        However that ends, nothing stays behind of which another attempt could use nothing.
        """
        self._state.mkdir(parents=True, exist_ok=True)
        lock = fs.FileLock(self.path("lock"))
        lock.acquire(blocking=True)
        try:
            yield self
        finally:
            self._discard_useless()
            lock.release(unlink=True)

    def _discard_useless(self) -> None:
        """Remove files on their way that have no journal: whatever comes begins anew at their first byte."""
        for path in self._state.glob(f"{self._key}*.part"):
            if not path.with_suffix(".parts").exists():
                path.unlink(missing_ok=True)

    def read(self) -> Kept | None:
        """What was put there; None if nothing was, or nobody can tell any more."""
        try:
            fields: dict[str, Any] = json.loads(self.path("record").read_bytes())
            stamp, digests = Stamp(*fields["stamp"]), tuple(fields["digests"])
            return Kept(**{**fields, "stamp": stamp, "digests": digests})
        except (OSError, ValueError, TypeError, KeyError):
            return None  # it only saves work

    def write(self, kept: Kept) -> None:
        """Remember what was put there."""
        fs.write_atomically(self.path("record"), json.dumps(asdict(kept)).encode())

    def tidy(self, *kinds: str) -> None:
        """Remove what attempts that were killed have left, all but files of these kinds and the lock."""
        kept = {self.path(kind).name for kind in (*kinds, "lock")}
        for path in self._state.glob(f"{self._key}.*"):
            if path.name not in kept:
                path.unlink(missing_ok=True)
