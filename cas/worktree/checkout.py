"""Putting content at a path on disk: what differs, all of it or nothing.

Theory of operation
-------------------
    plan     look at the destination; what is to be placed, replaced, deleted; refuse if that loses anything
    stage    make everything new in one hidden staging directory, verified, on the destination's file system
    apply    rename it into place, delete what has to go

A destination that does not exist is the simplest plan: place the whole tree, which is one rename.

Invariants
1. Nothing in the destination changes before every byte that is going there is on disk and was verified:
   a damaged object, a full disk or a crash before that leaves the destination as it was.
2. A crash while applying leaves files of the old and of the new content, each whole, and a record that says
   which the two are: the next checkout, of whatever version, takes neither for local edits.
3. Litter is one directory, on record before it exists (`staging`).

From a repository that cannot be written, content is copied all the same, but nothing is put on record: not
the staging directory, so invariant 3 does not hold; and not the placement, so `status` does not know the
destination, and a later checkout takes for local edits whatever differs. The report says so.

Files are not fsynced, as `cp` does not: what was checked out can be checked out again.
"""

from __future__ import annotations

import itertools
import os
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cas import fs
from cas.errors import CasError, ConflictError, InvalidError, ReadOnlyError
from cas.ids import Kind, TreeId
from cas.objects.session import Session
from cas.progress import Progress, Silent
from cas.worktree import leases, placements, room, statcache
from cas.worktree.apply import apply, check, staged_name
from cas.worktree.build import Builder
from cas.worktree.compare import as_entry, join
from cas.worktree.files import FileMaker
from cas.worktree.link import Link, placer_for
from cas.worktree.placements import Placement
from cas.worktree.plan import Planner, Spool
from cas.worktree.present import Present
from cas.worktree.reserved import has_reserved, refused
from cas.worktree.staging import StagingDirectory, sweep
from cas.worktree.statcache import StatCache
from cas.worktree.unmade import UnmadeError
from cas.worktree.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.ids import Content
    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.objects.tree import Entry


@dataclass(frozen=True, slots=True)
class Label:
    """What a content is called: kept on record for `status`."""

    layer: str
    name: str
    version: bytes
    """32 bytes."""
    subpath: str = ""
    """The part of the version that was asked for; empty for all of it."""


@dataclass(frozen=True, slots=True)
class CheckoutReport:
    """What a checkout did. Files include symlinks."""

    destination: Path
    written: int
    removed: int
    """Files deleted with nothing in their place."""
    unchanged: int
    bytes_written: int
    is_recorded: bool
    """False if the repository cannot be written: `status` will not know of this checkout."""


def checkout(  # noqa: PLR0913 - each is a decision of the caller
    store: ObjectStore,
    target: Content | Entry,
    destination: Path,
    *,
    label: Label,
    clock_ns: Callable[[], int],
    link: Link = Link.COPY,
    force: bool = False,
    progress: Progress | None = None,
) -> CheckoutReport:
    """Make `destination` hold `target`, writing only what differs.

    Args:
        store: Where the content is.
        target: A file or directory; an `Entry` where it is a symlink inside a version.
        destination: A path for a file, a directory for a directory. Its parents are made if they are missing.
        label: What to put on record.
        clock_ns: Gives the time since 1970.
        link: Whether files are copies or links to read-only ones. What is there already stays as it is.
        force: Overwrite local edits and files that are in the way. Foreign files that are not stay anyway.
        progress: Told about bytes as they are written.

    Raises:
        ConflictError: Something would be lost, or a file is where a parent has to be; nothing was changed.
            Or somebody writes there meanwhile.
        InvalidError: The destination is in a repository, or cannot tell two names apart; or the content would
            pass for a repository.
        CorruptError: Stored bytes or trees are damaged; nothing was changed.
        StorageError: The disk is full or failed, or does not know this kind of link; nothing was changed.
        ReadOnlyError: The repository cannot be written, and files were to be linked to it.
    """
    if store.index.is_writable:
        sweep(store.layout, store.index)
    elif link is not Link.COPY:
        raise _no_view(store, link)
    path = placements.locate(destination)
    _refuse_repository(store, path, destination)
    work = _Checkout(store, as_entry(target), path, label, link, clock_ns, progress or Silent())
    with fs.explained(f"cannot check out to '{destination}'"):
        return work.run(force=force)


def _refuse_repository(store: ObjectStore, path: bytes, destination: Path) -> None:
    root = os.path.realpath(os.fsencode(store.layout.root))
    if os.path.commonpath((root, path)) == root:
        raise InvalidError(
            f"cannot check out to '{destination}'",
            code="inside-repository",
            why=f"it is inside the repository '{store.layout.root}'",
            hint="choose another directory",
        )
    if has_reserved(path):
        raise refused(os.fspath(destination), hint="choose another directory")


def _no_view(store: ObjectStore, link: Link) -> ReadOnlyError:
    return ReadOnlyError(
        f"cannot make a {link.value} of a stored file",
        code="permission-denied",
        why=f"what is linked to is made in '{store.layout.views}', and the repository cannot be written",
        hint="repeat with `--link copy`",
    )


@dataclass(slots=True)
class _Checkout:
    """One checkout under way."""

    store: ObjectStore
    target: Entry
    path: bytes
    label: Label
    link: Link
    clock_ns: Callable[[], int]
    progress: Progress
    cache: StatCache = field(init=False)
    before: Placement | None = field(init=False)
    root: bytes = field(init=False)
    """The directory in which names change: the destination, if it is one and stays one; else its parent."""
    looks: list[Present] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Look up what is on record."""
        self.cache = StatCache(self.store.index)
        with self.store.index.read() as txn:
            self.before = placements.find(txn, self.path)
        self.root = os.path.dirname(self.path)

    @property
    def is_recorded(self) -> bool:
        """Whether this checkout can be put on record."""
        return self.store.index.is_writable

    def run(self, *, force: bool) -> CheckoutReport:
        """Plan, then carry it out."""
        self.progress.start("comparing", None, "files")
        spool = Spool(self.store.layout.tmp if self.is_recorded else self._nearest())
        try:
            plan = self._plan(spool, force=force)
            if plan.blocked_count:
                raise self._conflict(plan)
            if not spool.count:
                self._record_unchanged()
                return self._report(plan, 0, 0)
            with (
                Session.start(self.store.layout) if self.is_recorded else nullcontext() as session,
                nullcontext() if self.link is Link.COPY else leases.building(self.store.layout),
            ):
                files, size = self._execute(spool, session, plan.size)
            return self._report(plan, files, size)
        finally:
            spool.close()

    def _plan(self, spool: Spool, *, force: bool) -> Planner:
        known = () if self.before is None else self.before.known
        name = os.path.basename(self.path)
        found = self._look(self.root).entry(name, (self.target, *known))
        is_directory = found is not None and found.kind is Kind.DIRECTORY
        if is_directory and self.before is None and self.target.kind is not Kind.DIRECTORY:
            raise self._directory_in_the_way()  # --force too: whoever says `cas checkout file .` means ./file
        if found is not None and is_directory and self.target.kind is Kind.DIRECTORY:
            self.root = self.path
            planner = Planner(self._look(self.root), self.store.tree, spool, self.progress, force=force)
            planner.merge(found, self.target, known)
        else:
            planner = Planner(self._look(self.root), self.store.tree, spool, self.progress, force=force)
            planner.put(name, found, self.target, known)
        return planner

    def _look(self, root: bytes) -> Present:
        present = Present(root, self.cache, self.store, clock_ns=self.clock_ns)
        self.looks.append(present)
        return present

    def _conflict(self, plan: Planner) -> ConflictError:
        destination = os.fsdecode(self.path)
        shown = ", ".join(f"'{os.fsdecode(path)}'" for path in plan.blocked)
        more = plan.blocked_count - len(plan.blocked)
        paths = f"{shown} and {more} more" if more else shown
        if self.before is None:
            return ConflictError(
                f"cannot check out to '{destination}'",
                code="destination-exists",
                why=f"it holds other content: {paths}",
                hint="choose another directory, or repeat with --force to overwrite",
            )
        return ConflictError(
            f"cannot check out to '{destination}'",
            code="local-edits",
            why=f"changed since the last checkout: {paths}",
            hint="commit or move them, or repeat with --force to overwrite",
        )

    def _directory_in_the_way(self) -> ConflictError:
        destination = os.fsdecode(self.path)
        inside = os.path.join(destination, (self.label.subpath or self.label.name).rpartition("/")[2])
        return ConflictError(
            f"cannot check out to '{destination}'",
            code="destination-exists",
            why="it is a directory, and what is checked out is a file",
            hint=f"give the file's own path, such as '{inside}'",
        )

    def _nearest(self) -> Path:
        """Find the nearest parent of the destination that is there."""
        parent = self.root
        while not os.path.lexists(parent):
            parent = os.path.dirname(parent)
        return Path(os.fsdecode(parent))

    def _file_in_the_way(self) -> ConflictError:
        return ConflictError(
            f"cannot check out to '{os.fsdecode(self.path)}'",
            code="destination-exists",
            why=f"a file is in the way: '{self._nearest()}' is no directory",
            hint="choose another directory, or move the file",
        )

    def _execute(self, spool: Spool, session: Session | None, size: int) -> tuple[int, int]:
        """Stage and apply; returns how many files and bytes were written."""
        try:
            os.makedirs(self.root, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise self._file_in_the_way() from error
        staging = StagingDirectory.create(
            self.store.index,
            self.root,
            os.path.basename(self.path),
            session=None if session is None else session.id,
        )
        try:
            written = self._stage(spool, staging, session, size)
            fs.reached("checkout.staged")
            check(staging.parent, staging.fd, spool)
            self._announce_change()
            fs.reached("checkout.announced")
            apply(staging.parent, staging.fd, spool)
            fs.reached("checkout.applied")
        except BaseException:
            staging.remove()
            with suppress(CasError):  # `sweep` finds the row again
                self._write(lambda txn: placements.forget_staging(txn, staging.path))
            raise
        staging.remove()
        self._write(lambda txn: self._record(txn, staging))
        return written

    def _write(self, change: Callable[[Txn], None]) -> None:
        if self.is_recorded:
            self.store.index.write(change)

    def _stage(
        self, spool: Spool, staging: StagingDirectory, session: Session | None, size: int
    ) -> tuple[int, int]:
        """Make everything that the plan places, in the staging directory."""
        views = Views(self.store.layout, None if session is None else session.tmp)
        placer = placer_for(self.link, views)
        if placer is not None:
            assert session is not None, "links were refused before"
            placer.probe(staging.fd, os.fsencode(session.probe()))
        has_fine_clock = statcache.tick_of(Path(os.fsdecode(self.root))) == statcache.FINE_TICK_NS
        is_worth_it = self.is_recorded and self.link is not Link.SYMLINK
        cache = self.cache if has_fine_clock and is_worth_it else None
        self.progress.start("writing", size or self._measure(), "bytes")
        builder = Builder(FileMaker(staging.fd, self.store, views, placer), cache, self.progress)
        try:
            entries = (step.entry for step in spool if step.entry is not None)
            for number, entry in enumerate(entries):
                builder.add(staged_name(number), entry)
            builder.finish()
        except UnmadeError as error:
            raise error.explain(self._final_path(spool, error.path)) from error.__cause__
        finally:
            builder.close()
        room.note(self.store.layout, views.added)
        if cache is not None:
            staging.wait_for_clock()
        return builder.file_count, builder.size

    def _final_path(self, spool: Spool, staged: bytes) -> str:
        """Say where something in the staging directory was to go."""
        number, _, rest = staged.partition(b"/")
        places = (step for step in spool if step.entry is not None)
        step = next(itertools.islice(places, int(number), None))
        top = os.path.join(self.root, step.directory, step.name)
        return os.fsdecode(join(top, rest) if rest else top)

    def _measure(self) -> int | None:
        """Bytes of a target that does not know its size."""
        if self.target.kind is not Kind.DIRECTORY:
            return None
        return sum(entry.size for entry in self.store.tree(TreeId(self.target.id)))

    def _announce_change(self) -> None:
        """Put on record that the destination may hold parts of the target from now on (invariant 2)."""
        if os.path.lexists(self.path):
            content = None if self.before is None else self.before.content
            self._write(lambda txn: placements.record(txn, self._placement(content, self.target)))

    def _record(self, txn: Txn, staging: StagingDirectory) -> None:
        placements.forget_staging(txn, staging.path)
        placements.record(txn, self._placement(self.target, None))
        self.cache.save(txn)

    def _record_unchanged(self) -> None:
        placement = self._placement(self.target, None)
        if self.before is not None:  # files that are there keep what they are
            placement = msgspec.structs.replace(placement, link=self.before.link)

        def change(txn: Txn) -> None:
            placements.record(txn, placement)
            self.cache.save(txn)

        if placement != self.before or any(look.has_learned for look in self.looks):
            self._write(change)

    def _placement(self, content: Entry | None, underway: Entry | None) -> Placement:
        label = self.label
        return Placement(
            self.path,
            content,
            underway,
            label.layer,
            label.name,
            label.version,
            label.subpath,
            self.link.value,
        )

    def _report(self, plan: Planner, files: int, size: int) -> CheckoutReport:
        return CheckoutReport(
            destination=Path(os.fsdecode(self.path)),
            written=files,
            removed=plan.removed,
            unchanged=plan.unchanged,
            bytes_written=size,
            is_recorded=self.is_recorded,
        )
