"""What a mount shows: one item at each path, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.ids import Kind


@dataclass(frozen=True, slots=True)
class Item:
    """A file, directory or symlink that can be looked at."""

    kind: Kind
    size: int
    """Bytes; of a symlink, of its target; 0 for a directory."""
    mtime_ns: int
    """Since 1970, in ns: when the version was made, or what the host says of a file of its own."""
    content: bytes = b""
    """32 raw bytes of the blob, or the target of a symlink."""
    host: Path | None = None
    """The file itself, where it is one of the host's; `content` is empty then."""


class Source(Protocol):
    """Where items come from. Used by one thread."""

    @property
    def is_frozen(self) -> bool:
        """Whether nothing will ever change, so that the kernel may remember all that it was told."""

    @property
    def label(self) -> str:
        """What the mount table calls it."""

    @property
    def size(self) -> int:
        """Bytes of everything, for `df`; 0 if nobody knows."""

    def find(self, path: str) -> Item | None:
        """Return what is at `path`, "" being the root; None if nothing is."""

    def children(self, path: str) -> Iterator[tuple[str, Kind]]:
        """Iterate over the names in the directory `path`.

        Raises:
            FileNotFoundError: Nothing is there.
            NotADirectoryError: It is no directory.
        """
