"""What came of fetching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from cas.remotes.stamp import Stamp


@dataclass(frozen=True, slots=True)
class Displaced:
    """Something of somebody's own that was where a file had to go."""

    path: str
    """Where it was, relative to the directory that was fetched; empty where that is a file."""
    kept: Path
    """Where it is now."""
    was_edited: bool
    """Whether it was a file that had been fetched, with other bytes by now; else it was never fetched."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file that is now where it belongs, verified."""

    stamp: Stamp
    """What it looks like, as far as its bytes are known."""
    blake3: str
    """64 hex digits; the content id of the file."""
    etag: str | None
    """What the far side calls this state of the file, without quotes."""
    generation: str | None
    """The generation of an object of Google's, or the version of one elsewhere."""
    modified: datetime | None
    """When it was changed at the far side, UTC."""
    is_unchanged: bool
    """Whether it was there already, so that nothing was fetched."""
    displaced: Displaced | None = None
    """What of somebody's own was here before."""
    resumed: int = 0
    """How many bytes an earlier attempt had left. [bytes]"""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stamp.size


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file that was hashed: on its way, where it was, or by whoever left it as it is."""

    stamp: Stamp
    """What it looked like when it had these bytes."""
    blake3: str
    """64 hex digits."""


@dataclass(frozen=True, slots=True)
class Synced:
    """A directory that now holds everything that its source has."""

    paths: tuple[str, ...]
    """Every file of the source, relative to the directory, sorted."""
    fetched: int
    """How many of them were fetched."""
    unchanged: int
    """How many of them were there already."""
    bytes: int
    """How many bytes were fetched."""
    hashed: Mapping[str, Hashed]
    """What each of them is, or was before somebody edited it meanwhile; by path."""
    displaced: tuple[Displaced, ...] = ()
    """What of somebody's own was in the way, in the order of its paths."""
    gone: tuple[str, ...] = ()
    """Files that were fetched once and that the source has no more; they stay."""

    @property
    def files(self) -> int:
        """How many files the source has."""
        return len(self.paths)
