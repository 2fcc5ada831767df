"""Fetching one file: never half of it, never other bytes than were promised, never twice for nothing.

The order of things: look at the far side; stop if what is here is what is there; collect the bytes in the
state folder; verify; sync; rename. Whatever fails, the destination has the old file or the new one, whole.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import ConflictError, CorruptError
from cas.progress import Silent
from cas.remotes.crew import apart
from cas.remotes.digests import Hashes, digest_at
from cas.remotes.effort import Effort
from cas.remotes.fetched import Fetched
from cas.remotes.place import Kept, Place, look
from cas.remotes.transfer import Meter, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.progress import Progress
    from cas.remotes.digests import Digest
    from cas.remotes.source import RemoteFile, Source
    from cas.remotes.transfer import Arrived

CONNECTIONS: Final = 8
"""How many parts of a file are asked for at once."""

_SILENT: Final = Silent()


def fetch_file(  # noqa: PLR0913 - each is a promise of the caller, or of this
    source: Source,
    state: Path,
    destination: Path,
    *,
    digest: Digest | None = None,
    size: int | None = None,
    connections: int = CONNECTIONS,
    progress: Progress = _SILENT,
    wait: Callable[[float], None] | None = None,
) -> Fetched:
    """Make `destination` the file that `source` has.

    Nothing is fetched if it is there already: as it was left, and the far side says that its file is the
    same; or with the hash that is declared, or that an object store tells. A process that fetches to the same
    place is waited for. What an attempt that was broken off has left is used, if the far side's file is the
    same.

    Args:
        source: Where it is; not a directory.
        state: A folder of ours on the file system of `destination`; made if needed.
        destination: A path; directories above it are made. A file or a link there is replaced.
        digest: What its bytes must hash to.
        size: What it must measure. [bytes]
        connections: How many parts may be asked for at once.
        progress: Told about bytes.
        wait: Pauses for some seconds before another attempt.

    Raises:
        NotFoundError: It is not there, or is a directory.
        RemoteError: The far side cannot be reached, refuses, breaks off, or changes the file meanwhile.
        CorruptError: Other bytes came than were promised (`digest-mismatch`, `remote-size-mismatch`).
        ConflictError: A directory is where the file is to be (`download-in-the-way`).
        StorageError: The disk is full, or fails.
        ReadOnlyError: The destination may not be written.
    """
    with (
        fs.explained(f"cannot fetch '{source.location}' to '{destination}'"),
        Place(state, destination).held() as place,
        Effort(wait) as effort,
    ):
        job = _Job(source, place, destination, digest)
        remote = apart(lambda: effort.persist(source.head), effort=effort, source=source)
        _check_size(source, remote.size, size)
        here = job.find_here(remote)
        if here is not None:
            return here
        _refuse_directory(destination)
        transfer = Transfer(source, remote, effort, meter := Meter(progress))
        meter.start(remote.size)
        algorithm = digest.algorithm if digest else None
        arrived = transfer.bring(place.path("part"), lambda: Hashes(algorithm), connections)
        _check_size(source, arrived.size, size, arrived)
        return job.publish(remote, arrived, resumed=transfer.resumed)


class _Job:
    """One file that belongs to one place."""

    def __init__(self, source: Source, place: Place, destination: Path, digest: Digest | None) -> None:
        self._source = source
        self._url = source.location.without_credentials
        self._place = place
        self._destination = destination
        self._digest = digest
        self._kept = place.read()
        self._status = look(destination)

    def find_here(self, remote: RemoteFile) -> Fetched | None:
        """Return the file that is here, if it is the one that is there."""
        if self._is_known(remote):
            assert self._kept is not None
            return _fetched(self._kept)
        wanted = self._digest or digest_at(remote, self._source.location)
        if wanted is None or self._status is None or not stat.S_ISREG(self._status.st_mode):
            return None
        if remote.size not in (None, self._status.st_size):
            return None
        hashes = hash_file(self._destination, wanted.algorithm)
        if hashes.digest(wanted.algorithm) != wanted:
            return None
        return self._keep(remote, hashes, self._status)

    def _is_known(self, remote: RemoteFile) -> bool:
        """Whether what we left is untouched, here and there."""
        kept = self._kept
        if kept is None or not kept.is_as_left(self._status) or remote.token is None:
            return False
        if (kept.url, kept.token, kept.size) != (self._url, remote.token, remote.size):
            return False
        digest = self._digest
        return digest is None or str(digest) in (f"blake3:{kept.blake3}", *kept.digests)

    def publish(self, remote: RemoteFile, arrived: Arrived, *, resumed: int) -> Fetched:
        """Verify what came, put it in place, and remember it."""
        assert arrived.hashes is not None
        self._verify(arrived)
        self._destination.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(self._destination.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            status = arrived.partial.publish(self._destination.name, folder, is_durable=True)
        finally:
            os.close(folder)
        was_edited = (
            self._kept is not None and self._status is not None and not self._kept.is_as_left(self._status)
        )
        return self._keep(
            remote, arrived.hashes, status, is_unchanged=False, was_edited=was_edited, resumed=resumed
        )

    def _verify(self, arrived: Arrived) -> None:
        assert arrived.hashes is not None
        if self._digest is None or (found := arrived.hashes.digest(self._digest.algorithm)) == self._digest:
            return
        arrived.partial.discard()
        old = "the file that was there before is unchanged" if self._status else "nothing was written"
        raise CorruptError(
            f"cannot trust '{self._source.location}'",
            code="digest-mismatch",
            why=f"{self._digest} was declared, and {found} came; {old}",
            hint="if its publisher has changed it on purpose, declare the new digest",
        )

    def _keep(  # noqa: PLR0913 - what there is to say of a file
        self,
        remote: RemoteFile,
        hashes: Hashes,
        status: os.stat_result,
        *,
        is_unchanged: bool = True,
        was_edited: bool = False,
        resumed: int = 0,
    ) -> Fetched:
        kept = Kept(
            url=self._url,
            token=remote.token,
            etag=remote.etag,
            generation=remote.generation,
            modified=remote.modified.isoformat() if remote.modified else None,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            blake3=hashes.blake3,
            digests=(str(self._digest),) if self._digest and self._digest.algorithm != "blake3" else (),
        )
        self._place.write(kept)
        return _fetched(kept, is_unchanged=is_unchanged, was_edited=was_edited, resumed=resumed)


def _fetched(kept: Kept, *, is_unchanged: bool = True, was_edited: bool = False, resumed: int = 0) -> Fetched:
    return Fetched(
        size=kept.size,
        blake3=kept.blake3,
        etag=kept.etag,
        generation=kept.generation,
        modified=kept.modified_at,
        is_unchanged=is_unchanged,
        was_edited=was_edited,
        resumed=resumed,
    )


def hash_file(path: Path, algorithm: str | None) -> Hashes:
    """Hash a file that is here."""
    hashes = Hashes(algorithm)
    with path.open("rb") as stream:
        hashes.update_from(stream)
    return hashes


def _check_size(source: Source, size: int | None, wanted: int | None, arrived: Arrived | None = None) -> None:
    if size is None or wanted is None or size == wanted:
        return
    if arrived is not None:
        arrived.partial.discard()
    raise CorruptError(
        f"cannot trust '{source.location}'",
        code="remote-size-mismatch",
        why=f"{wanted:,} bytes were declared, and it has {size:,}",
        hint="if its publisher has changed it on purpose, declare the new size",
    )


def _refuse_directory(destination: Path) -> None:
    status = look(destination)
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise ConflictError(
            f"cannot write '{destination}'",
            code="download-in-the-way",
            why="a directory is there, and a file is to be",
            hint="move it away",
        )
