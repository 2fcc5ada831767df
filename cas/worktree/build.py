"""Making files, links and whole directories inside a staging directory, as fast as the disk takes them.

Theory of operation
-------------------
One thread walks the trees: it makes directories and symlinks and collects files. A batch of files is
turned into jobs (`fetch`) that a few threads work off: decompress, verify, open, write, fstat, close. All
of these release the GIL, and the kernel's share is by far the largest, so two threads give nearly twice
the speed of `cp` on two cores. While a batch is written the next is collected.

Invariants
1. Every name is made with "fail if it exists", below an open directory: nothing is written through a link
   and nothing is overwritten, whatever the trees say.
   Nothing is called as a repository is (`reserved`).
2. Bytes are hashed before they are written (or, for large files, before the job is done). One bad blob
   fails the whole build, and nothing of it is put in place.
3. Memory holds two batches and the directories between the root and where the walk is.

What was written is remembered as rows of the stat cache: an unchanged checkout need not be read again.
"""

from __future__ import annotations

import functools
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cas.errors import CorruptError
from cas.ids import Kind, TreeId
from cas.worktree.compare import join
from cas.worktree.directories import Directories
from cas.worktree.fetch import UnreadableError, plan_jobs
from cas.worktree.reserved import is_reserved
from cas.worktree.statcache import make_row
from cas.worktree.unmade import UnmadeError, name_collision, not_read, not_safe
from cas.worktree.wanted import Place

if TYPE_CHECKING:
    from cas.objects.tree import Entry
    from cas.progress import Progress
    from cas.worktree.files import FileMaker, Made
    from cas.worktree.statcache import DirectoryRow, StatCache
    from cas.worktree.wanted import Wanted

BATCH: Final = 20_000
"""Files collected before they are written."""

_THREADS: Final = max(2, min(4, os.cpu_count() or 2))
_LINKS_PER_JOB: Final = 256
_LONGEST_PATH: Final = 4096
_SHOWN: Final = 80
_LARGEST_ROW: Final = 100_000
"""Entries of a directory above which no row is kept: the statuses alone would take 100 MB."""

_TRUST_ALL: Final = 1 << 63
"""Later than any time: nobody but us can have written to these files (`StagingDirectory.wait_for_clock`)."""


@dataclass(slots=True)
class _Node:
    """A directory that is being made."""

    path: bytes
    entry: Entry
    status: os.stat_result
    entries: list[Entry]
    waiting: list[Entry]
    """Sub-directories still to be made, last one first."""
    file_count: int
    """Files and symlinks made below it so far."""
    statuses: dict[bytes, os.stat_result] = field(default_factory=dict)


@dataclass(slots=True)
class _Batch:
    """Work handed to the threads, and the directories that are complete once it is done."""

    wanted: Wanted
    complete: list[_Node]
    links: list[Future[tuple[list[Made], Wanted]]] = field(default_factory=list)
    """First, where files are links: those whose view is there."""
    jobs: list[Future[list[Made]]] = field(default_factory=list)
    """Then all others."""


class Builder:
    """Fills one open directory. Use from one thread; `finish`, then `close` it."""

    def __init__(
        self, maker: FileMaker, cache: StatCache | None, progress: Progress, *, batch: int = BATCH
    ) -> None:
        """`cache` takes a row for each directory; None where times cannot be trusted. `batch` is in files."""
        self._maker = maker
        self._cache = cache
        self._progress = progress
        self._batch = batch
        self._directories = Directories(maker.root)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="cas-checkout")
        self._wanted: Wanted = {}
        self._wanted_count = 0
        self._nodes: dict[bytes, _Node] = {}
        """Directories that wait for the statuses of their files, by path."""
        self._complete: list[_Node] = []
        self._running = _Batch({}, [])
        self.file_count = 0
        """Files and symlinks made so far."""
        self.size = 0
        """Their bytes."""

    def add(self, name: bytes, entry: Entry) -> None:
        """Make `entry` in the root under `name`: a file, a link, or a directory with all that is in it."""
        match entry.kind:
            case Kind.DIRECTORY:
                self._add_tree(name, entry)
            case Kind.SYMLINK:
                self._make_symlink(b"", name, entry)
            case _:
                # an entry made of a bare content has no name and does not know its size
                size = entry.size if entry.name else None
                self._want(Place(b"", name, entry.id, entry.kind, size))

    def _add_tree(self, name: bytes, entry: Entry) -> None:
        stack = [self._enter(b"", name, entry)]
        while stack:
            node = stack[-1]
            if node.waiting:
                child = node.waiting.pop()
                stack.append(self._enter(node.path, child.name, child))
                continue
            stack.pop()
            self._complete.append(node)
            if stack:
                stack[-1].file_count += node.file_count

    def _enter(self, parent: bytes, name: bytes, entry: Entry) -> _Node:
        """Make one directory and its links; its files are only noted."""
        path = join(parent, name)
        if len(path) > _LONGEST_PATH:
            raise UnmadeError(parent, name, _too_long)
        entries = self._maker.store.tree(TreeId(entry.id))
        try:
            os.mkdir(name, 0o777, dir_fd=self._directories.open(parent))
        except FileExistsError as error:
            raise name_collision(parent, name) from error
        status = os.fstat(self._directories.open(path))
        node = _Node(path, entry, status, entries, [], 0)
        if self._cache is not None and len(entries) <= _LARGEST_ROW:
            self._nodes[path] = node
        for child in entries:
            if is_reserved(child.name):
                raise not_safe(path, child.name)
            if child.kind is Kind.DIRECTORY:
                node.waiting.append(child)
                continue
            node.file_count += 1
            if child.kind is Kind.SYMLINK:
                node.statuses[child.name] = self._make_symlink(path, child.name, child)
            else:
                self._want(Place(path, child.name, child.id, child.kind, child.size))
        node.waiting.reverse()
        return node

    def _make_symlink(self, directory: bytes, name: bytes, entry: Entry) -> os.stat_result:
        if not entry.id or b"\0" in entry.id:
            raise UnmadeError(directory, name, functools.partial(_no_target, entry.id))
        fd = self._directories.open(directory)
        try:
            os.symlink(entry.id, name, dir_fd=fd)
        except FileExistsError as error:
            raise name_collision(directory, name) from error
        self.file_count += 1
        self.size += len(entry.id)
        return os.stat(name, dir_fd=fd, follow_symlinks=False)

    def _want(self, place: Place) -> None:
        self._wanted.setdefault(place.blob, []).append(place)
        self._wanted_count += 1
        if self._wanted_count >= self._batch:
            self._flush()

    def _flush(self) -> None:
        """Hand the collected files to the threads, and take in what the batch before has made."""
        batch = _Batch(self._wanted, self._complete)
        self._wanted, self._wanted_count, self._complete = {}, 0, []
        if self._maker.placer is not None:
            blobs = list(batch.wanted)
            for at in range(0, len(blobs), _LINKS_PER_JOB):
                part = blobs[at : at + _LINKS_PER_JOB]
                batch.links.append(self._pool.submit(self._maker.link, part, batch.wanted))
        else:
            batch.jobs = self._submit(batch.wanted)
        self._settle()
        self._running = batch

    def _submit(self, wanted: Wanted) -> list[Future[list[Made]]]:
        try:
            jobs = list(plan_jobs(self._maker.store, wanted))
        except UnreadableError as error:
            raise not_read(wanted[error.blob][0], error.error) from error.error
        return [self._pool.submit(self._maker.make, job, wanted) for job in jobs]

    def _settle(self) -> None:
        """Wait for the running batch, and remember the directories that it completes."""
        batch = self._running
        missing: Wanted = {}
        for link in batch.links:
            made, without = link.result()
            self._take(made)
            missing.update(without)
        if missing:
            batch.jobs = self._submit(missing)
        for job in batch.jobs:
            self._take(job.result())
        if self._cache is not None:
            for node in batch.complete:
                if self._nodes.pop(node.path, None) is not None:
                    self._cache.remember(node.status, _row_of(node))

    def _take(self, made: list[Made]) -> None:
        size = 0
        for place, status in made:
            size += status.st_size if place.size is None else place.size
            node = self._nodes.get(place.directory)
            if node is not None:
                node.statuses[place.name] = status
        self.size += size
        self.file_count += len(made)
        self._progress.advance(size)

    def finish(self) -> None:
        """Write everything that was added.

        Raises:
            CorruptError: A blob is damaged.
            StorageError: The disk is full or failed.
        """
        self._flush()
        self._settle()

    def close(self) -> None:
        """Stop; what is not written by now will not be."""
        self._maker.stopped.set()
        self._pool.shutdown(cancel_futures=True)
        self._directories.close()


def _row_of(node: _Node) -> DirectoryRow:
    statuses = node.statuses
    items = [
        (entry, node.status if entry.kind is Kind.DIRECTORY else statuses[entry.name])
        for entry in node.entries
    ]
    return make_row(node.entry.id, node.file_count, items, _TRUST_ALL, with_ids=False)


def _too_long(path: str) -> CorruptError:
    why = f"its path is over {_LONGEST_PATH} bytes, more than the system can open"
    return CorruptError(f"cannot write '{path[:_SHOWN]}…'", code="path-too-long", why=why)


def _no_target(target: bytes, path: str) -> CorruptError:
    return CorruptError(
        f"cannot make the link '{path}'", code="bad-tree", why=f"its target {target!r} is not a path"
    )
