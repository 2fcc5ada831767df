"""Fetching one file: never half of it, never other bytes than were promised, never twice for nothing.

The order of things: look at the far side; stop if what is here, by then, is what is there; collect the bytes
in the state folder; verify; sync; rename. Whatever fails, the destination has the old file or the new one,
whole.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import ConflictError, CorruptError
from cas.progress import Silent
from cas.remotes import errors
from cas.remotes.aside import Aside, blake3_at
from cas.remotes.crew import apart
from cas.remotes.digests import Hashes, digest_at
from cas.remotes.effort import Effort
from cas.remotes.fetched import Displaced, Fetched
from cas.remotes.place import Kept, Place, look
from cas.remotes.source import RemoteFile
from cas.remotes.stamp import Stamp, hashed_at
from cas.remotes.transfer import Meter, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.progress import Progress
    from cas.remotes.digests import Digest
    from cas.remotes.source import Source
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
    kept: Path | None = None,
    make: Callable[[], object] | None = None,
    connections: int = CONNECTIONS,
    progress: Progress = _SILENT,
    wait: Callable[[float], None] | None = None,
) -> Fetched:
    """Make `destination` the file that `source` has.

    Nothing is fetched if it is there already: with the bytes that came, and the far side says that its file
    is the same; or with the hash that is declared, or that an object store tells. A process that fetches to
    the same place is waited for. What an attempt that was broken off has left is used, if the far side's file
    is the same.

    Args:
        source: Where it is; not a directory.
        state: A folder of ours on the file system of `destination`; made if needed.
        destination: A path; directories above it are made when the file is here. Another file or a link
            there is replaced, and kept unless it is what an earlier download left.
        digest: What its bytes must hash to.
        size: What it must measure. [bytes]
        kept: Where to keep what is replaced: as `KEPT.~1~` and so on; by default in `state`. On the file
            system of `destination`.
        make: Makes the directory that `destination` is in, if there is more to that than `mkdir -p`.
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
        job = _Job(source, place, destination, digest, kept or state / "kept" / destination.name)
        remote = apart(lambda: effort.persist(source.head), effort=effort, source=source)
        _check_size(source, remote.size, size)
        here = job.find_here(remote)
        if here is not None:
            return here
        _refuse_directory(destination)
        transfer = Transfer(source, remote, effort, meter := Meter(progress), size=size)
        meter.start(remote.size)
        algorithm = digest.algorithm if digest else None
        arrived = transfer.bring(place.path("part"), lambda: Hashes(algorithm), connections)
        _check_size(source, arrived.size, size, arrived)
        job.verify(arrived)
        (make or (lambda: destination.parent.mkdir(parents=True, exist_ok=True)))()
        return job.publish(remote, arrived, resumed=transfer.resumed)


class _Job:
    """One file that belongs to one place."""

    def __init__(
        self, source: Source, place: Place, destination: Path, digest: Digest | None, aside: Path
    ) -> None:
        self._source = source
        self._url = source.location.identity
        self._place = place
        self._destination = destination
        self._digest = digest
        self._aside = aside
        self._kept = place.read()

    def find_here(self, remote: RemoteFile) -> Fetched | None:
        """Return the file that is here, if it is the one that is there, or the one that was declared."""
        kept, status = self._kept, look(self._destination)
        if status is None or not stat.S_ISREG(status.st_mode) or remote.size not in (None, status.st_size):
            return None
        if kept is not None and kept.url == self._url and kept.stamp.fits(status):
            is_it = _is_verified(kept, self._digest) if self._digest else _is_same_there(kept, remote)
            if is_it:
                return _fetched(kept)
        return self._recognised(remote)

    def _recognised(self, remote: RemoteFile) -> Fetched | None:
        """Hash the file that is here, if that can tell what it is: it was copied here, or only touched."""
        told = digest_at(remote, self._source.location)
        wanted = self._digest or told
        kept = self._kept if self._kept is not None and self._kept.url == self._url else None
        if wanted is None and (kept is None or not _is_same_there(kept, remote)):
            return None
        found = hashed_at(self._destination, wanted.algorithm if wanted else None)
        if found is None:
            return None
        status, hashes = found
        if remote.size not in (None, status.st_size) or (
            wanted is not None and hashes.digest(wanted.algorithm) != wanted
        ):
            return None
        stamp = self._stamp(status, hashes)
        if told is not None and (told == wanted or self._is_as_told(told, hashes)):
            return self._keep(remote, hashes, stamp)
        if kept is not None and kept.blake3 == hashes.blake3:
            return self._keep(_state(kept), hashes, stamp)
        # That it has the digest somebody declared says nothing of what the far side has by now. To give it
        # the name of that state would hide a change for ever, and record a version that never was.
        return self._keep(RemoteFile("", None), hashes, stamp) if self._digest else None

    def _is_as_told(self, told: Digest, hashes: Hashes) -> bool:
        found = hashed_at(self._destination, told.algorithm)
        if found is None or found[1].blake3 != hashes.blake3:  # somebody wrote to it since
            return False
        return found[1].digest(told.algorithm) == told

    def _stamp(self, status: os.stat_result, hashes: Hashes) -> Stamp:
        is_ours = self._kept is not None and self._kept.blake3 == hashes.blake3
        return self._kept.stamp.renewed(status) if self._kept and is_ours else Stamp.of(status)

    def publish(self, remote: RemoteFile, arrived: Arrived, *, resumed: int) -> Fetched:
        """Put what came in its place, and remember it."""
        assert arrived.hashes is not None
        name = self._destination.name
        folder = os.open(self._destination.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            kept = Aside(self._aside.parent).clear(
                folder,
                name,
                self._aside.name,
                is_ours=lambda status: self._is_ours(status, name, folder, arrived),
            )
            stamp = arrived.partial.publish(name, folder, is_durable=True)
        finally:
            os.close(folder)
        displaced = Displaced("", kept, was_edited=self._kept is not None) if kept is not None else None
        return self._keep(
            remote, arrived.hashes, stamp, is_unchanged=False, displaced=displaced, resumed=resumed
        )

    def _is_ours(self, status: os.stat_result, name: str, folder: int, arrived: Arrived) -> bool:
        """Whether what is at the destination may be lost: a download left it, or it is what has come."""
        if self._kept is not None and self._kept.stamp.fits(status):
            return True
        here = blake3_at(name, folder)
        return here is not None and here in (arrived.blake3, self._kept and self._kept.blake3)

    def verify(self, arrived: Arrived) -> None:
        """Compare what came with what was declared."""
        assert arrived.hashes is not None
        if self._digest is None or (found := arrived.hashes.digest(self._digest.algorithm)) == self._digest:
            return
        arrived.partial.discard()
        old = (
            "the file that was there before is unchanged"
            if look(self._destination)
            else "nothing was written"
        )
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
        stamp: Stamp,
        *,
        is_unchanged: bool = True,
        displaced: Displaced | None = None,
        resumed: int = 0,
    ) -> Fetched:
        kept = Kept(
            url=self._url,
            token=remote.token,
            etag=remote.etag,
            generation=remote.generation,
            modified=remote.modified.isoformat() if remote.modified else None,
            stamp=stamp,
            blake3=hashes.blake3,
            digests=(str(self._digest),) if self._digest and self._digest.algorithm != "blake3" else (),
        )
        self._place.write(kept)
        return _fetched(kept, is_unchanged=is_unchanged, displaced=displaced, resumed=resumed)


def _is_verified(kept: Kept, digest: Digest) -> bool:
    """Whether what was left has this digest, and somebody looked."""
    return str(digest) in (f"blake3:{kept.blake3}", *kept.digests)


def _is_same_there(kept: Kept, remote: RemoteFile) -> bool:
    """Whether the far side says that it has what it had; a date alone, of files of any size, is no word."""
    is_said = remote.size is not None or remote.etag is not None or remote.generation is not None
    return is_said and remote.token is not None and kept.token == remote.token


def _state(kept: Kept) -> RemoteFile:
    """Describe the far side's file as it was when it had these bytes."""
    return RemoteFile(
        "",
        kept.stamp.size,
        etag=kept.etag,
        generation=kept.generation,
        modified=kept.modified_at,
        token=kept.token,
    )


def _fetched(
    kept: Kept, *, is_unchanged: bool = True, displaced: Displaced | None = None, resumed: int = 0
) -> Fetched:
    return Fetched(
        stamp=kept.stamp,
        blake3=kept.blake3,
        etag=kept.etag,
        generation=kept.generation,
        modified=kept.modified_at,
        is_unchanged=is_unchanged,
        displaced=displaced,
        resumed=resumed,
    )


def _check_size(source: Source, size: int | None, wanted: int | None, arrived: Arrived | None = None) -> None:
    if size is None or wanted is None or size == wanted:
        return
    if arrived is not None:
        arrived.partial.discard()
    raise errors.wrong_size(str(source.location), f"{wanted:,} bytes were declared, and it has {size:,}")


def _refuse_directory(destination: Path) -> None:
    status = look(destination)
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise ConflictError(
            f"cannot write '{destination}'",
            code="download-in-the-way",
            why="a directory is there, and a file is to be",
            hint="move it away",
        )
