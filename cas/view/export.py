"""The whole union in one directory: `cas checkout --view DEST`.

Theory of operation
-------------------
One walk over the view compares each name with what is at the destination, and writes down what is to be done
(`plan.Spool`: on disk, when it is long). If anything there would be lost, nothing is done. Then everything is
made in a staging directory beside it, content of the store by a few threads (`build`), files of other layers
by copying, and put in its place by renames, as a checkout does it.

1. Before the first rename, everything is on disk, and nothing at the destination has changed.
2. What no export put there is not touched unless it is forced: not if it differs, and never if the view does
   not have its name. The same is true of what an export put there and somebody changed.
3. What is right already is left alone: a file by its bytes and its executable bit, a link by its target.
4. Memory holds a batch of files, one directory of each layer, 32 bytes for each file that is copied, and, if
   there was an export before, `exports.MARK_SIZE` for each name; however long the walk is.

What is put there is on record (`exports`) before the first rename, so that the next export, also of what dies
in the middle, refreshes it, and removes what has gone from the view. `status` does not know of it: the union
is of many versions. From a repository that cannot be written nothing is put on record: what differs later
counts as changed.
"""

from __future__ import annotations

import itertools
import os
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas import fs
from cas.errors import CasError, ConflictError, InvalidError
from cas.ids import DIGEST_SIZE, Kind
from cas.objects.session import Session
from cas.progress import Silent
from cas.view.export_known import Known
from cas.view.export_look import open_file
from cas.view.export_plan import Plan, is_within
from cas.worktree import exports, placements
from cas.worktree.apply import apply, check, staged_name
from cas.worktree.build import Builder
from cas.worktree.compare import join
from cas.worktree.exports import State
from cas.worktree.files import FileMaker
from cas.worktree.plan import Spool
from cas.worktree.reserved import has_reserved, refused
from cas.worktree.staging import StagingDirectory, sweep
from cas.worktree.unmade import UnmadeError
from cas.worktree.views import Views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.objects.store import ObjectStore
    from cas.progress import Progress
    from cas.view.view import View
    from cas.worktree.plan import Step

_SILENT: Final = Silent()
_BLOCK: Final = 1024 * 1024
_FILES: Final = frozenset({Kind.FILE, Kind.EXECUTABLE})
_WRITE_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was done. Files include symlinks."""

    destination: Path
    written: int
    removed: int
    """Files that the view does not have any more, and those that were in the way of directories, or in
    directories in the way of files."""
    unchanged: int
    bytes_written: int


@dataclass(frozen=True, slots=True)
class _Staged:
    """What is ready to be put in its place."""

    files: int
    size: int
    copied: bytearray
    """Hashes of the files that are no objects of the store, in the order of the steps."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What is in its place."""

    files: int
    size: int
    is_unsettled: bool
    """Whether something is on record that only an export under way needs."""


_NOTHING: Final = _Done(0, 0, is_unsettled=False)


def export(
    view: View,
    store: ObjectStore,
    destination: Path,
    *,
    force: bool = False,
    progress: Progress = _SILENT,
) -> ExportReport:
    """Make `destination` hold everything that `view` shows; what else is there stays.

    Args:
        view: The union.
        store: Where content of refs layers comes from.
        destination: A directory; it and its parents are made if they are missing.
        force: Overwrite what differs and was not put there by an export. Without it nothing is written then.
        progress: Told about bytes as they are written.

    Raises:
        ConflictError: Something at the destination differs from the view, and no export put it there; nothing
            was changed. Or somebody writes there meanwhile.
        InvalidError: The destination is in a repository, or in a layer of the view; or something would be
            written into one that is in the destination.
        NotFoundError: A file of a layer went away meanwhile; nothing was changed.
        CorruptError: Stored bytes are damaged; nothing was changed.
        StorageError: The disk is full or failed; nothing was changed.
    """
    if store.index.is_writable:
        sweep(store.layout, store.index)
    path = placements.locate(destination)
    _refuse_our_own(view, store, path, destination)
    with fs.explained(f"cannot check out to '{destination}'"):
        if os.path.lexists(path) and not os.path.isdir(path):
            raise _in_the_way(destination)
        spool = Spool(store.layout.tmp if store.index.is_writable else _nearest(path))
        try:
            known = Known(store.index, path)
            plan = Plan(known, spool, progress, layers=_layers_in(view, path), force=force)
            plan.add(view.walk())
            if plan.blocked_count:
                raise plan.conflict(destination)
            is_work = spool.count or plan.removals
            done = _carry_out(store, path, plan, progress) if is_work else _NOTHING
            os.makedirs(path, exist_ok=True)
            if store.index.is_writable and (plan.gone or known.is_unsettled or done.is_unsettled):
                store.index.write(lambda txn: exports.settle(txn, path, gone=plan.gone))
        finally:
            spool.close()
    return ExportReport(Path(os.fsdecode(path)), done.files, plan.removed, plan.unchanged, done.size)


def _refuse_our_own(view: View, store: ObjectStore, path: bytes, destination: Path) -> None:
    what, hint = f"cannot check out to '{destination}'", "choose another directory"
    if _is_inside(path, store.layout.root):
        why = f"it is inside the repository '{store.layout.root}'"
        raise InvalidError(what, code="inside-repository", why=why, hint=hint)
    if has_reserved(path):
        raise refused(os.fspath(destination), hint=hint)
    for layer in view.layers:
        if layer.root is not None and _is_inside(path, layer.root):
            why = f"it is inside the layer '{layer.name}', which is '{layer.root}'"
            raise InvalidError(what, code="inside-layer", why=why, hint=hint)


def _layers_in(view: View, path: bytes) -> dict[bytes, str]:
    """Find the layers that are directories inside of the destination, by relative path."""
    roots = {layer.name: layer.root for layer in view.layers if layer.root is not None}
    places = {os.path.realpath(os.fsencode(root)): name for name, root in roots.items()}
    return {os.path.relpath(at, path): name for at, name in places.items() if at.startswith(join(path, b""))}


def _is_inside(path: bytes, place: Path) -> bool:
    root = os.path.realpath(os.fsencode(place))
    return os.path.commonpath((root, path)) == root


def _in_the_way(destination: Path) -> ConflictError:
    return ConflictError(
        f"cannot check out to '{destination}'",
        code="destination-exists",
        why="it is a file, and a view is a directory",
        hint="choose another path",
    )


def _nearest(path: bytes) -> Path:
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return Path(os.fsdecode(path))


def _carry_out(store: ObjectStore, root: bytes, plan: Plan, progress: Progress) -> _Done:
    """Make everything, then put it in its place."""
    os.makedirs(root, exist_ok=True)
    is_writable = store.index.is_writable
    with Session.start(store.layout) if is_writable else nullcontext() as session:
        staging = StagingDirectory.create(
            store.index, root, os.path.basename(root), session=None if session is None else session.id
        )
        try:
            progress.start("writing", plan.size, "bytes")
            staged = _stage(store, staging, plan.spool, progress)
            fs.reached("export.staged")
            check(staging.parent, staging.fd, _outside_of_new(_steps(plan)))
            is_unsettled = is_writable and store.index.write(
                lambda txn: exports.record(txn, root, _placed(plan.spool, staged.copied))
            )
            apply(staging.parent, staging.fd, _steps(plan))
            fs.reached("export.applied")
        finally:
            staging.remove()
            if is_writable:
                with suppress(CasError):  # the next checkout, or gc, finds the row again
                    store.index.write(lambda txn: placements.forget_staging(txn, staging.path))
    return _Done(staged.files, staged.size, is_unsettled)


def _steps(plan: Plan) -> Iterator[Step]:
    """Iterate over everything to be done: what is gone goes first, as `a` may be where `A` was."""
    return itertools.chain(plan.removals, plan.spool)


def _placed(steps: Iterable[Step], copied: bytearray) -> Iterator[tuple[bytes, State]]:
    """Iterate over what is placed where; the hashes of copied files are in `copied`, in order."""
    at = 0
    for step in steps:
        if step.entry is None:
            continue
        content = step.entry.id
        if _is_copied(step):
            content = bytes(copied[at : at + DIGEST_SIZE])
            at += DIGEST_SIZE
        yield join(step.directory, step.name), State(step.entry.kind, content)


def _is_copied(step: Step) -> bool:
    """Whether what a step places is a file of the host's."""
    return bool(step.source) and step.entry is not None and step.entry.kind in _FILES


def _outside_of_new(steps: Iterable[Step]) -> Iterator[Step]:
    """Iterate over the steps that change directories which are there before the first step."""
    new: bytes | None = None
    for step in steps:
        if is_within(step.directory, new):
            continue
        yield step
        if step.entry is not None and step.entry.kind is Kind.DIRECTORY:
            new = join(step.directory, step.name)


def _stage(
    store: ObjectStore, staging: StagingDirectory, steps: Iterable[Step], progress: Progress
) -> _Staged:
    """Make everything that is to be placed, in the staging directory."""
    builder = Builder(FileMaker(staging.fd, store, Views(store.layout), None), None, progress)
    copied = bytearray()
    size = 0
    names: Iterator[bytes] = map(staged_name, itertools.count())
    try:
        for step in steps:
            if step.entry is None:
                continue
            name = next(names)
            if step.entry.kind is Kind.DIRECTORY:
                os.mkdir(name, dir_fd=staging.fd)
            elif _is_copied(step):
                copied_size, digest = _copy(step.source, staging.fd, name, step.entry.kind, progress)
                size += copied_size
                copied += digest
            else:
                builder.add(name, step.entry)
        builder.finish()
    except UnmadeError as error:
        raise error.explain(_final_path(staging, steps, error.path)) from error.__cause__
    finally:
        builder.close()
    return _Staged(builder.file_count + len(copied) // DIGEST_SIZE, builder.size + size, copied)


def _copy(source: bytes, folder: int, name: bytes, kind: Kind, progress: Progress) -> tuple[int, bytes]:
    """Copy a file of a layer; returns its size and its hash."""
    mode = 0o777 if kind is Kind.EXECUTABLE else 0o666
    size = 0
    hasher = blake3()
    with (
        open(open_file(source), "rb", buffering=0) as theirs,
        open(os.open(name, _WRITE_NEW, mode, dir_fd=folder), "wb", buffering=0) as ours,
    ):
        while block := theirs.read(_BLOCK):
            fs.write_all(ours.fileno(), block)
            hasher.update(block)
            size += len(block)
            progress.advance(len(block))
    return size, hasher.digest()


def _final_path(staging: StagingDirectory, steps: Iterable[Step], staged: bytes) -> str:
    """Say where something in the staging directory was to go."""
    placed = (step for step in steps if step.entry is not None)
    step = next(itertools.islice(placed, int(staged), None))
    return os.fsdecode(os.path.join(os.path.dirname(staging.path), step.directory, step.name))
