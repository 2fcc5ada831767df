"""What came of fetching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file that is now where it belongs, verified."""

    size: int
    """In bytes."""
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
    was_edited: bool = False
    """Whether somebody had changed the file here since it was fetched; what they did is overwritten."""
    resumed: int = 0
    """How many bytes an earlier attempt had left. [bytes]"""


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
    edited: tuple[str, ...] = ()
    """Files that somebody had changed here since they were fetched; what they did is overwritten."""
    gone: tuple[str, ...] = ()
    """Files that were fetched once and that the source has no more; they stay."""

    @property
    def files(self) -> int:
        """How many files the source has."""
        return len(self.paths)
