"""What can be fetched from, whatever it is: one file, or everything below a prefix.

A source does not retry and does not write: it asks, reads, and says in one kind of error what went wrong
(`cas.remotes.errors`). Its methods may be called from several threads at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from _typeshed import ReadableBuffer

    from cas.remotes.location import Location


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at the far side, as the far side describes it."""

    path: str
    """Relative to the directory that was listed; empty for the one file of a source."""
    size: int | None
    """In bytes; None if the far side does not say."""
    etag: str | None = None
    """What it calls this state of the file, without quotes."""
    generation: str | None = None
    """The generation of an object of Google's, or the version of one elsewhere."""
    modified: datetime | None = None
    """When it was changed, UTC."""
    token: str | None = None
    """Two states of the file with equal tokens are taken to be equal; None if nothing tells them apart."""
    is_divisible: bool = False
    """Whether parts of it can be asked for that are sure to be of this one state."""


class Source(Protocol):
    """A file or a directory at the far side. Made by `sources.open_source`."""

    @property
    def location(self) -> Location:
        """Where it is."""

    def head(self) -> RemoteFile:
        """Describe the one file.

        Raises:
            NotFoundError: There is none; `remote-is-directory` if there are files below its name instead.
            RemoteError: The far side cannot be asked, or does not answer.
        """

    def list(self) -> Iterator[RemoteFile]:
        """Describe every file below a directory, in no order. Their names are not to be trusted.

        Raises:
            InvalidError: The far side has no listings.
            NotFoundError: There is nothing; `remote-is-file` if there is a file of that name instead.
            RemoteError: As for `head`.
        """

    def read(self, file: RemoteFile, start: int, stop: int | None) -> Iterator[ReadableBuffer]:
        """Read the bytes of `file` from `start` up to `stop` (None: to its end), in blocks of about 1 MiB.

        Less than all is read only if the connection broke without a sound: the caller counts. `start` is 0
        and `stop` is None unless the file is divisible.

        Raises:
            NotFoundError: It is gone.
            RemoteError: As for `head`; `remote-changed` if it is in another state by now.
        """

    def close(self) -> None:
        """Give connections up, and break off what other threads are reading."""
