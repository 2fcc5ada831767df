"""Reading a working tree: from a path on disk to the id of what is there.

Theory of operation
-------------------
The tree is walked depth first, directories after their contents, because a directory's id needs the ids
below it. Each directory is listed once and each entry `lstat`ed once; if that gives the same signature as
last time (`statcache`), its tree is known and nothing in it is opened. Otherwise the files whose entry
changed are read, the others keep their ids.

Invariants
1. What is recorded for a file is what one uninterrupted read returned: its `fstat` after the read equals
   its `lstat` before. A file that moves under the reader is read again, `ATTEMPTS` times, and then it is an
   error: half of one version and half of another is never stored.
2. Symlinks below the root are stored as links and never followed; the root itself is followed, because
   the user named what it points at.
3. Nothing is skipped in silence: what cannot be stored (a socket, an unreadable file) is an error that
   names it. Left out are the repository itself and whatever has the name of one (`reserved`), which
   could not be checked out; a note says so.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import stat
from dataclasses import dataclass, field
from operator import itemgetter
from typing import IO, TYPE_CHECKING, Final

from cas import fs
from cas.errors import InvalidError, StorageError
from cas.ids import Content, Kind
from cas.objects.tree import Entry
from cas.worktree import statcache
from cas.worktree.reserved import is_reserved
from cas.worktree.sinks import ChangedWhileReadError
from cas.worktree.statcache import NO_ID, DirectoryRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cas.progress import Progress
    from cas.worktree.sinks import Sink
    from cas.worktree.statcache import StatCache

ATTEMPTS: Final = 3
BLOCK_SIZE: Final = 4 * 1024 * 1024
_NAME = itemgetter(0)
_NO_FILE_ANY_MORE: Final = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})
"""What opening or reading says of a symlink, a directory and a socket."""
_TEXT_STREAMS: Final = (io.TextIOBase, codecs.StreamReader, codecs.StreamReaderWriter)
_NO_FOLLOW: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a path holds."""

    content: Content
    size: int
    """Bytes of all files, and of the targets of symlinks."""
    file_count: int
    """Files and symlinks; 1 for a single file."""
    notes: tuple[str, ...] = ()
    """What the user should know: that a repository was left out."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What reading depends on besides the path."""

    clock_ns: Callable[[], int]
    """The time since 1970, UTC. [ns]"""
    whole_below: int
    """Files smaller than this are stored as one chunk. [bytes]"""
    leave_out: Path
    """The repository's own directory."""


@dataclass(slots=True)
class _Directory:
    """A directory that is being read; its sub-directories come first."""

    path: bytes
    status: os.stat_result
    names: list[tuple[bytes, Kind, os.stat_result]]
    waiting: list[tuple[bytes, os.stat_result]]
    """Sub-directories not read yet, last one first."""
    done: dict[bytes, DirectoryRow] = field(default_factory=dict)
    """Sub-directories that were read."""


class Ingest:
    """Reads one path into a sink."""

    def __init__(self, sink: Sink, cache: StatCache, settings: Settings, progress: Progress) -> None:
        self._sink = sink
        self._cache = cache
        self._clock_ns = settings.clock_ns
        self._whole_below = settings.whole_below
        self._progress = progress
        self._left_out = os.stat(settings.leave_out)
        self._notes: list[str] = []
        self._tick_ns = statcache.FINE_TICK_NS

    def read(self, path: Path) -> Ingested:
        """Read the file or directory at `path`.

        Raises:
            NotFoundError: Nothing is there, or an entry vanished and stayed away.
            InvalidError: It is, or holds, a socket, a device or a pipe.
            ReadOnlyError: It, or something in it, may not be read.
            StorageError: A file kept changing while it was read.
        """
        raw = os.fsencode(path)
        with fs.explained(f"cannot read '{path}'"):
            status = os.stat(raw)
            self._tick_ns = statcache.tick_of(path)
        if os.path.samestat(status, self._left_out):
            raise _is_the_repository(raw)
        if stat.S_ISDIR(status.st_mode):
            row = self._directory(raw, status)
            return Ingested(
                Content.of(Kind.DIRECTORY, row.tree), row.size, row.file_count, tuple(self._notes)
            )
        if statcache.kind_of(status) is None:
            raise _cannot_store(raw)
        blob, status = self._file(os.path.realpath(raw), status)
        kind = statcache.kind_of(status) or Kind.FILE
        return Ingested(Content.of(kind, blob), status.st_size, 1)

    def read_stream(self, stream: IO[bytes]) -> Ingested:
        """Read `stream` to its end as one file.

        Raises:
            InvalidError: It gives text; which bytes that is in a file would be a guess.
        """
        given: object = stream  # whatever its type says
        if isinstance(given, _TEXT_STREAMS):
            raise InvalidError(
                "cannot store the stream",
                code="text-stream",
                why="it gives text, and what is stored is bytes",
                hint='open it in binary mode: open(path, "rb"), or sys.stdin.buffer',
            )
        with fs.explained("cannot read the stream"):
            head = _read_full(stream, self._whole_below)
            size = len(head)
            if size < self._whole_below:
                return Ingested(Content.of(Kind.FILE, self._sink.small(head)), size, 1)

            def blocks() -> Iterator[bytes]:
                nonlocal size
                yield head
                while block := _read_full(stream, BLOCK_SIZE):
                    size += len(block)
                    self._progress.advance(len(block))
                    yield block

            blob = self._sink.large(blocks())
        return Ingested(Content.of(Kind.FILE, blob), size, 1)

    def _directory(self, path: bytes, status: os.stat_result) -> DirectoryRow:
        """Walk without recursion: a tree may be deeper than Python's stack."""
        stack = [self._list(path, status)]
        while True:
            directory = stack[-1]
            if directory.waiting:
                name, status = directory.waiting.pop()
                stack.append(self._list(os.path.join(directory.path, name), status))
                continue
            row = self._close(directory)
            stack.pop()
            if not stack:
                return row
            stack[-1].done[os.path.basename(directory.path)] = row

    def _list(self, path: bytes, status: os.stat_result) -> _Directory:
        with fs.explained(f"cannot read the directory '{os.fsdecode(path)}'"), os.scandir(path) as entries:
            found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        found.sort(key=_NAME)
        names, waiting = [], []
        for name, entry_status in found:
            kind = statcache.kind_of(entry_status)
            if kind is None:
                raise _cannot_store(os.path.join(path, name))
            if os.path.samestat(entry_status, self._left_out):
                self._leave_out("the repository itself", os.path.join(path, name))
                continue
            if is_reserved(name):
                self._leave_out("a repository", os.path.join(path, name))
                continue
            if kind is Kind.DIRECTORY:
                waiting.append((name, entry_status))
            names.append((name, kind, entry_status))
        waiting.reverse()
        return _Directory(path, status, names, waiting)

    def _leave_out(self, what: str, path: bytes) -> None:
        self._notes.append(f"left out {what}, '{os.fsdecode(path)}'")

    def _close(self, directory: _Directory) -> DirectoryRow:
        """Give the row of a directory whose sub-directories are done."""
        known = self._cache.find(directory.status)
        done = directory.done
        parts = [
            statcache.sign_directory(name, done[name].tree)
            if kind is Kind.DIRECTORY
            else statcache.sign_file(name, kind, status)
            for name, kind, status in directory.names
        ]
        if known is not None and known.signature == statcache.sign(parts) and self._sink.has_tree(known.tree):
            self._progress.advance(known.size - sum(below.size for below in done.values()))
            return known
        return self._read_entries(directory, parts, self._kept(known))

    def _kept(self, known: DirectoryRow | None) -> dict[bytes, bytes]:
        """Map the marks of files whose blobs are known, and need not be stored, to their ids."""
        kept = {} if known is None else known.file_ids(self._sink.entries)
        return kept if kept and self._sink.has_blobs(kept.values()) else {}

    def _read_entries(
        self, directory: _Directory, parts: list[bytes], kept: dict[bytes, bytes]
    ) -> DirectoryRow:
        """Read what is not kept; `parts` become those of what was read."""
        trusted_before_ns = self._clock_ns() - self._tick_ns
        entries, marks, ids, trees = [], [], [], []
        small_size = 0
        for place, (name, kind, before) in enumerate(directory.names):
            if kind is Kind.DIRECTORY:
                below = directory.done[name]
                entries.append(Entry.of(name, kind, below.size, below.tree))
                trees.append(below.tree)
                continue
            blob = kept.get(statcache.mark(parts[place])) if kept else None
            entry, status = self._entry(directory.path + b"/" + name, name, kind, before, blob)
            if statcache.is_racy(status, trusted_before_ns):
                parts[place] = statcache.sign_racy_file(name, entry.kind)
            elif status is not before:
                parts[place] = statcache.sign_file(name, entry.kind, status)
            entries.append(entry)
            marks.append(statcache.mark(parts[place]))
            if not self._sink.is_storing:
                ids.append(NO_ID if kind is Kind.SYMLINK else entry.id)
            if entry.size < self._whole_below:
                small_size += entry.size
        self._progress.advance(small_size)
        row = DirectoryRow(
            tree=self._sink.tree(entries),
            size=sum(entry.size for entry in entries),
            file_count=len(marks) + sum(below.file_count for below in directory.done.values()),
            signature=statcache.sign(parts),
            marks=b"".join(marks),
            trees=b"".join(trees),
            ids=b"".join(ids),
        )
        self._cache.remember(directory.status, row)
        return row

    def _blocks(self, fd: int, size: int) -> Iterator[bytes]:
        """Read a file to its end; complain if that is not after `size` bytes."""
        left = size
        # One byte more than there should be, as the file may have grown; a whole block is memory for nothing.
        while block := os.read(fd, min(BLOCK_SIZE, left + 1)):
            left -= len(block)
            if left < 0:
                raise ChangedWhileReadError
            self._progress.advance(len(block))
            yield block
        if left:
            raise ChangedWhileReadError

    def _entry(
        self, path: bytes, name: bytes, kind: Kind, status: os.stat_result, blob: bytes | None
    ) -> tuple[Entry, os.stat_result]:
        if kind is Kind.SYMLINK:
            target = self._link(path)
            return Entry.of(name, kind, len(target), target), status
        if blob is None:
            before = status
            blob, status = self._file(path, before)
            if status is not before:
                kind = statcache.kind_of(status) or kind  # chmod may have been what changed it
        return Entry.of(name, kind, status.st_size, blob), status

    def _link(self, path: bytes) -> bytes:
        with fs.explained(f"cannot read the link '{os.fsdecode(path)}'"):
            return os.readlink(path)

    def _file(self, path: bytes, status: os.stat_result) -> tuple[bytes, os.stat_result]:
        """Return a file's blob id and the status that goes with it (invariant 1)."""
        for _ in range(ATTEMPTS):
            try:
                return self._read_once(path, status)
            except ChangedWhileReadError:
                status = _look_again(path)
            except OSError as error:
                if error.errno not in _NO_FILE_ANY_MORE:
                    raise fs.explain(error, f"cannot read '{os.fsdecode(path)}'") from error
                status = _look_again(path)
        raise _changing(path, f"it changed while it was read, {ATTEMPTS} times")

    def _read_once(self, path: bytes, status: os.stat_result) -> tuple[bytes, os.stat_result]:
        size = status.st_size
        fd = os.open(path, _NO_FOLLOW)
        try:
            if size >= self._whole_below:
                blob = self._sink.large(self._blocks(fd, size))
            else:
                data = os.read(fd, size + 1)
                if len(data) != size:
                    raise ChangedWhileReadError
                blob = self._sink.small(data)
            if not _same(status, os.fstat(fd)):
                raise ChangedWhileReadError
            return blob, status
        finally:
            os.close(fd)


def _read_full(stream: IO[bytes], size: int) -> bytes:
    """Read `size` bytes, or fewer at the end only: a pipe hands out less than it is asked for."""
    parts = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (
        before.st_mtime_ns == after.st_mtime_ns
        and before.st_size == after.st_size
        and before.st_ctime_ns == after.st_ctime_ns
        and before.st_ino == after.st_ino
    )


def _look_again(path: bytes) -> os.stat_result:
    """Return the status of a file that changed, if it still is one."""
    with fs.explained(f"cannot read '{os.fsdecode(path)}'"):
        status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise _changing(path, "something else took its place while it was read")
    return status


def _changing(path: bytes, why: str) -> StorageError:
    return StorageError(
        f"cannot read '{os.fsdecode(path)}'",
        code="file-changing",
        why=why,
        hint="stop what writes to it, or commit a copy",
    )


def _is_the_repository(path: bytes) -> InvalidError:
    return InvalidError(
        f"cannot store '{os.fsdecode(path)}'",
        code="inside-repository",
        why="it is the repository itself",
        hint="to keep a copy of a repository, copy its directory",
    )


def _cannot_store(path: bytes) -> InvalidError:
    return InvalidError(
        f"cannot store '{os.fsdecode(path)}'",
        code="special-file",
        why="it is a socket, a device or a pipe; only files, directories and symlinks have content",
        hint="remove it, or commit a directory without it",
    )
