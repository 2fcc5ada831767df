"""Carrying out a plan: everything is on disk already, in the staging directory; only names change now."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from cas.errors import ReadOnlyError, StorageError
from cas.worktree.compare import join
from cas.worktree.directories import Directories, changed
from cas.worktree.plan import Action
from cas.worktree.seen import is_still

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cas.worktree.plan import Step

_NOT_EMPTY: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST})


def staged_name(number: int) -> bytes:
    """Where in the staging directory the thing of the `number`-th step that places something is."""
    return b"%d" % number


def check(root: int, staging: int, steps: Iterable[Step]) -> None:
    """Make sure that the steps can be taken, and that no file which goes was written to, before any is taken.

    Raises:
        ReadOnlyError: A directory may not be written to.
        StorageError: Another file system is mounted inside the destination.
        ConflictError: Somebody changed the destination since the plan was made.
    """
    device = os.fstat(staging).st_dev
    checked = None
    with Directories(root) as directories:
        for step in steps:
            parent = directories.open(step.directory)
            if step.directory != checked:
                checked = step.directory
                _check_directory(parent, os.fsdecode(checked) or ".", device)
            _require_unchanged(parent, step)


def _check_directory(fd: int, path: str, device: int) -> None:
    if not os.access(b".", os.W_OK | os.X_OK, dir_fd=fd):
        raise ReadOnlyError(
            f"cannot change the directory '{path}' in the destination",
            code="permission-denied",
            why="you may not write to it",
        )
    if os.fstat(fd).st_dev != device:
        raise StorageError(
            f"cannot change the directory '{path}' in the destination",
            code="cross-device",
            why="another file system is mounted there",
            hint="check out to a directory on one file system",
        )


def _require_unchanged(parent: int, step: Step) -> None:
    if step.was and not is_still(step.was, step.name, parent=parent):
        raise changed(join(step.directory, step.name), "somebody has written there since it was looked at")


def apply(root: int, staging: int, steps: Iterable[Step]) -> None:
    """Change the directory `root` as planned; both are open directories.

    Raises:
        ConflictError: Somebody changed the destination since the plan was made. What was done so far stays;
            running the checkout again completes it.
    """
    number = 0
    with Directories(root) as directories:
        for step in steps:
            parent = directories.open(step.directory)
            _require_unchanged(parent, step)
            if step.action is Action.REMOVE_FILE:
                _remove_file(parent, step)
            elif step.action is Action.REMOVE_DIRECTORY:
                _remove_directory(parent, step)
            else:
                _rename(staging, staged_name(number), parent, step)
                number += 1


def _remove_file(parent: int, step: Step) -> None:
    try:
        os.unlink(step.name, dir_fd=parent)
    except FileNotFoundError:
        pass  # it was to go anyway
    except IsADirectoryError as error:
        raise changed(join(step.directory, step.name), "a directory has taken the place of a file") from error


def _remove_directory(parent: int, step: Step) -> None:
    try:
        os.rmdir(step.name, dir_fd=parent)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in _NOT_EMPTY:
            raise
        # foreign files live there; they stay, and so does the directory


def _rename(staging: int, source: bytes, parent: int, step: Step) -> None:
    path = join(step.directory, step.name)
    if step.action is Action.PLACE and _exists(parent, step.name):
        raise changed(path, "something is there that was not, or this file system takes two names for one")
    try:
        os.rename(source, step.name, src_dir_fd=staging, dst_dir_fd=parent)
    except OSError as error:
        if error.errno in _NOT_EMPTY or isinstance(error, (IsADirectoryError, NotADirectoryError)):
            raise changed(path, "something else has taken its place") from error
        raise


def _exists(parent: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
