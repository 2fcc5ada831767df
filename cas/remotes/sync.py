"""Fetching a directory: whatever differs is fetched, whatever else is there stays.

Small files come many at a time, one request each; large ones one after the other, in parts. Small files are
not synced each: after a power cut some may be missing or short, which the next `sync` sees from their sizes
(`docs/decisions/0012-downloads.md`).
"""

from __future__ import annotations

import itertools
import logging
import stat
from contextlib import closing
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas import fs
from cas.errors import NotFoundError
from cas.progress import Silent
from cas.remotes.aside import Aside, blake3_at
from cas.remotes.crew import apart, unordered
from cas.remotes.digests import Hashes, digest_at
from cas.remotes.displaced import displaced_notes
from cas.remotes.effort import Effort
from cas.remotes.fetched import Displaced, Hashed, Synced
from cas.remotes.landing import Landing
from cas.remotes.manifest import Line, Manifest
from cas.remotes.names import checked
from cas.remotes.place import Place
from cas.remotes.stamp import Stamp
from cas.remotes.transfer import Meter, Transfer

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from cas.progress import Progress
    from cas.remotes.source import RemoteFile, Source
    from cas.remotes.transfer import Arrived

log = logging.getLogger(__name__)

CONNECTIONS: Final = 32
"""How many small files are asked for at once."""
PARTS: Final = 8
"""How many parts of a large one."""

_SILENT: Final = Silent()
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def sync(  # noqa: PLR0913 - as `fetch_file`
    source: Source,
    state: Path,
    directory: Path,
    *,
    kept: Path | None = None,
    known: Mapping[str, str] = _NOTHING,
    approve: Callable[[Sequence[RemoteFile]], object] | None = None,
    make: Callable[[], object] | None = None,
    connections: int = CONNECTIONS,
    progress: Progress = _SILENT,
    wait: Callable[[float], None] | None = None,
) -> Synced:
    """Make `directory` hold every file that `source` has, as it has it.

    Files that are as they came, and that the far side says are the same, are not fetched. Files of
    others stay, and so do those that the source has no more. A file that somebody has changed here, or that
    was never fetched, makes way for the source's, and is kept. Nothing is ever written outside of
    `directory`, whatever names the source gives and whatever links are there.

    Args:
        source: Where it is; a directory.
        state: A folder of ours on the file system of `directory`; made if needed.
        directory: A path; it and directories above it are made when the first file is here.
        kept: A folder for what makes way, as `PATH.~1~` and so on; by default one in `state`. On the file
            system of `directory`.
        known: The BLAKE3, in hex, of files as they were fetched: whoever touched one has not edited it.
        approve: Looks at what the source has before any of it is fetched, and raises if that is not it.
        make: Makes `directory`, if there is more to that than `mkdir -p`.
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
        if approve is not None:
            approve(files)
        aside = Aside(kept or state / "kept" / directory.name)
        landing = Landing(directory, aside, make or (lambda: directory.mkdir(parents=True, exist_ok=True)))
        return _Job(source, place, landing, effort, Meter(progress), known).run(files, connections)


@dataclass(frozen=True, slots=True)
class _Done:
    """A file that is here."""

    file: RemoteFile
    line: Line | None
    """What it is; None for what was no file after all."""
    is_fetched: bool
    """Whether it was not here before."""


class _Job:
    """One directory that is made like its source."""

    def __init__(  # noqa: PLR0913, PLR0917 - what `sync` was given, or made of it
        self,
        source: Source,
        place: Place,
        landing: Landing,
        effort: Effort,
        meter: Meter,
        known: Mapping[str, str],
    ) -> None:
        self._source = source
        self._place = place
        self._landing = landing
        self._effort = effort
        self._meter = meter
        self._known = known
        self._manifest = Manifest(place.path("files"), source.location.without_credentials)
        self._numbers = itertools.count()
        self._displaced: list[Displaced] = []

    def run(self, files: list[RemoteFile], connections: int) -> Synced:
        missing = [file for file in files if not self._is_here(file)]
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
            if results:
                log.warning(
                    "%s: %d of %d files are here; another attempt goes on with the rest",
                    self._source.location,
                    len(results),
                    len(missing),
                )
            for note in displaced_notes(self._displaced):  # no result will say so
                log.warning("%s: %s", self._source.location, note)
            raise
        return self._finish(files, results)

    def _is_here(self, file: RemoteFile) -> bool:
        line = self._line_of(file)
        return line is not None and line.stamp.fits(self._landing.look(file.path))

    def _line_of(self, file: RemoteFile) -> Line | None:
        """What came of a file, if the far side says that it still has the same."""
        line = self._manifest.lines.get(file.path)
        if line is None or file.token is None or (line.token, line.stamp.size) != (file.token, file.size):
            return None
        return line

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
            arrived = transfer.bring_whole(self._place.path(f"{next(self._numbers)}.part"), _new_hashes)
        except NotFoundError:
            if file.size == 0:  # what stands for an empty directory is listed, and is no object
                return _Done(file, None, is_fetched=False)
            raise
        self._effort.check()  # nobody waits any more for a thread that hung for long
        return self._put(file, arrived, is_durable=False)

    def _put(self, file: RemoteFile, arrived: Arrived, *, is_durable: bool) -> _Done:
        line, known = self._manifest.lines.get(file.path), self._known.get(file.path)

        def is_ours(status: os.stat_result, name: str, folder: int) -> bool:
            if line is not None and line.stamp.fits(status):
                return True
            here = blake3_at(name, folder)
            return here is not None and here in (line and line.blake3, known, arrived.blake3)

        stamp, kept = self._landing.put(arrived.partial, file.path, is_durable=is_durable, is_ours=is_ours)
        if kept is not None:
            self._displaced.append(Displaced(file.path, kept, was_edited=(line or known) is not None))
        return _Done(file, Line(file.token, stamp, arrived.blake3), is_fetched=True)

    def _adopt(self, file: RemoteFile) -> _Done | None:
        """Take a file that is here and has the bytes that came of it, or the hash that the source tells."""
        line = self._line_of(file)
        wanted = digest_at(file, self._source.location)
        status = self._landing.look(file.path)
        if (
            (wanted is None and line is None)
            or status is None
            or not stat.S_ISREG(status.st_mode)
            or status.st_size != file.size
        ):
            return None
        found = self._landing.hashed(file.path, wanted.algorithm if wanted else None)
        if found is None:
            return None
        status, hashes = found
        if line is not None and line.blake3 == hashes.blake3:
            return _Done(file, replace(line, stamp=line.stamp.renewed(status)), is_fetched=False)
        if wanted is None or hashes.digest(wanted.algorithm) != wanted:
            return None
        return _Done(file, Line(file.token, Stamp.of(status), hashes.blake3), is_fetched=False)

    def _fetch_large(self, file: RemoteFile, transfer: Transfer) -> _Done:
        found = self._adopt(file)
        if found is not None:
            return found
        name = blake3(file.path.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        arrived = transfer.bring(self._place.path(f"{name}.part"), _new_hashes, PARTS)
        return self._put(file, arrived, is_durable=True)

    def _finish(self, files: list[RemoteFile], results: list[_Done]) -> Synced:
        self._landing.make()  # of a source without a file, too
        no_files = {done.file.path for done in results if done.line is None}
        sizes = [done.line.stamp.size for done in results if done.line is not None and done.is_fetched]
        paths = tuple(file.path for file in files if file.path not in no_files)
        lines = self._manifest.lines
        hashed = {path: Hashed(lines[path].stamp, lines[path].blake3) for path in paths}
        left = lines.keys() - set(paths)
        gone = sorted(path for path in left if self._landing.look(path) is not None)
        self._manifest.close(gone=left.difference(gone))
        self._place.tidy("files")
        return Synced(
            paths=paths,
            fetched=len(sizes),
            unchanged=len(paths) - len(sizes),
            bytes=sum(sizes),
            hashed=hashed,
            displaced=tuple(sorted(self._displaced, key=lambda one: one.path)),
            gone=tuple(gone),
        )


def _new_hashes() -> Hashes:
    return Hashes(None)
