"""Fetching a directory: whatever differs is fetched, whatever else is there stays.

Small files come many at a time, one request each; large ones one after the other, in parts. Small files are
not synced each: after a power cut some may be missing or short, which the next `sync` sees from their sizes
(`docs/decisions/0012-downloads.md`).
"""

from __future__ import annotations

import itertools
import os
import stat
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas import fs
from cas.errors import NotFoundError
from cas.progress import Silent
from cas.remotes.crew import apart, unordered
from cas.remotes.digests import Hashes, digest_at
from cas.remotes.effort import Effort
from cas.remotes.fetched import Synced
from cas.remotes.landing import Landing
from cas.remotes.manifest import Line, Manifest
from cas.remotes.names import checked
from cas.remotes.place import Place, is_as_left
from cas.remotes.transfer import Meter, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from cas.progress import Progress
    from cas.remotes.source import RemoteFile, Source

CONNECTIONS: Final = 32
"""How many small files are asked for at once."""
PARTS: Final = 8
"""How many parts of a large one."""

_SILENT: Final = Silent()


def sync(  # noqa: PLR0913 - as `fetch_file`
    source: Source,
    state: Path,
    directory: Path,
    *,
    connections: int = CONNECTIONS,
    progress: Progress = _SILENT,
    wait: Callable[[float], None] | None = None,
) -> Synced:
    """Make `directory` hold every file that `source` has, as it has it.

    Files that were left as they came, and that the far side says are the same, are not fetched. Files of
    others stay, and so do those that the source has no more. A file that somebody has changed here is
    overwritten. Nothing is ever written outside of `directory`, whatever names the source gives and whatever
    links are there.

    Args:
        source: Where it is; a directory.
        state: A folder of ours on the file system of `directory`; made if needed.
        directory: A path; it and directories above it are made.
        connections: How many files may be asked for at once.
        progress: Told about bytes.
        wait: Pauses for some seconds before another attempt.

    Raises:
        NotFoundError: Nothing is there, or a file is.
        InvalidError: The source has no listings, or a name that cannot be here (`bad-remote-name`).
        RemoteError: The far side cannot be reached, refuses, breaks off, or changes a file meanwhile.
        ConflictError: Something else is where a file or a directory is to be (`download-in-the-way`).
        StorageError: The disk is full, or fails.
        ReadOnlyError: The directory may not be written.
    """
    with (
        fs.explained(f"cannot fetch '{source.location}' to '{directory}'"),
        Place(state, directory).held() as place,
        Effort(wait) as effort,
    ):
        listed = apart(lambda: effort.persist(lambda: list(source.list())), effort=effort, source=source)
        files = checked(listed, source.location)
        job = _Job(source, place, Landing(directory), effort, Meter(progress))
        return job.run(files, connections)


@dataclass(frozen=True, slots=True)
class _Done:
    """A file that is here."""

    file: RemoteFile
    line: Line | None
    """None for what was no file after all."""
    fetched: int | None
    """Bytes that came; None if it was here."""


class _Job:
    """One directory that is made like its source."""

    def __init__(self, source: Source, place: Place, landing: Landing, effort: Effort, meter: Meter) -> None:
        self._source = source
        self._place = place
        self._landing = landing
        self._effort = effort
        self._meter = meter
        self._manifest = Manifest(place.path("files"), source.location.without_credentials)
        self._numbers = itertools.count()

    def run(self, files: list[RemoteFile], connections: int) -> Synced:
        missing = [file for file in files if not self._is_here(file)]
        edited = {file.path for file in missing if self._is_edited(file)}
        self._meter.start(sum(file.size or 0 for file in missing))
        results: list[_Done] = []
        try:
            with closing(self._fetch_all(missing, connections)) as arriving:
                for done in arriving:
                    results.append(done)
                    if done.line is not None:
                        self._manifest.put(done.file.path, done.line)
        except BaseException:
            self._manifest.abandon()
            raise
        return self._finish(files, results, edited)

    def _is_here(self, file: RemoteFile) -> bool:
        line = self._manifest.lines.get(file.path)
        if line is None or file.token is None or (line.token, line.size) != (file.token, file.size):
            return False
        return is_as_left(self._landing.look(file.path), size=line.size, mtime_ns=line.mtime_ns)

    def _is_edited(self, file: RemoteFile) -> bool:
        line = self._manifest.lines.get(file.path)
        status = self._landing.look(file.path)
        if line is None or status is None:
            return False
        return not is_as_left(status, size=line.size, mtime_ns=line.mtime_ns)

    def _fetch_all(self, files: list[RemoteFile], connections: int) -> Generator[_Done]:
        transfers = [(file, Transfer(self._source, file, self._effort, self._meter)) for file in files]
        small = [pair for pair in transfers if not pair[1].is_in_parts]
        yield from unordered(
            self._fetch_small, small, count=connections, effort=self._effort, source=self._source
        )
        for file, transfer in transfers:
            if transfer.is_in_parts:
                yield self._fetch_large(file, transfer)

    def _fetch_small(self, pair: tuple[RemoteFile, Transfer]) -> _Done:
        file, transfer = pair
        found = self._adopt(file)
        if found is not None:
            return found
        try:
            arrived = transfer.bring_whole(self._place.path(f"{next(self._numbers)}.part"), None)
        except NotFoundError:
            if file.size == 0:
                return _Done(
                    file, None, None
                )  # what stands for an empty directory is listed, and is no object
            raise
        self._effort.check()  # nobody waits any more for a thread that hung for long
        status = self._landing.put(arrived.partial, file.path, is_durable=False)
        return _Done(file, _line(file, status), arrived.size)

    def _adopt(self, file: RemoteFile) -> _Done | None:
        """Take a file that is here and has the hash that the source tells."""
        wanted = digest_at(file, self._source.location)
        status = self._landing.look(file.path)
        if (
            wanted is None
            or status is None
            or not stat.S_ISREG(status.st_mode)
            or status.st_size != file.size
        ):
            return None
        hashes = Hashes(wanted.algorithm)
        with os.fdopen(self._landing.open(file.path), "rb") as stream:
            hashes.update_from(stream)
        return _Done(file, _line(file, status), None) if hashes.digest(wanted.algorithm) == wanted else None

    def _fetch_large(self, file: RemoteFile, transfer: Transfer) -> _Done:
        found = self._adopt(file)
        if found is not None:
            return found
        name = blake3(file.path.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        arrived = transfer.bring(self._place.path(f"{name}.part"), None, PARTS)
        status = self._landing.put(arrived.partial, file.path, is_durable=True)
        return _Done(file, _line(file, status), arrived.size)

    def _finish(self, files: list[RemoteFile], results: list[_Done], edited: set[str]) -> Synced:
        no_files = {done.file.path for done in results if done.line is None}
        fetched = {done.file.path: done.fetched for done in results if done.fetched is not None}
        paths = tuple(file.path for file in files if file.path not in no_files)
        left = self._manifest.lines.keys() - set(paths)
        gone = sorted(path for path in left if self._landing.look(path) is not None)
        self._manifest.close(gone=left.difference(gone))
        self._place.tidy("files")
        return Synced(
            paths=paths,
            fetched=len(fetched),
            unchanged=len(paths) - len(fetched),
            bytes=sum(fetched.values()),
            edited=tuple(sorted(edited & fetched.keys())),
            gone=tuple(gone),
        )


def _line(file: RemoteFile, status: os.stat_result) -> Line:
    return Line(file.token, status.st_size, status.st_mtime_ns)
