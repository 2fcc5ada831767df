"""The directory that a mount covers: whether it may."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
from typing import TYPE_CHECKING

from cas import fs
from cas.errors import ConflictError, InvalidError, NotFoundError
from cas.view import apart

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def check(directory: Path, *, avoid: Iterable[Path] = ()) -> Path:
    """Return `directory` as an absolute path without symlinks, if something may be mounted there.

    Args:
        directory: It must be there, and empty.
        avoid: Directories that the mount itself reads. If it covered one, was in one or had one in it,
            it would wait for itself.

    Raises:
        NotFoundError: It is not there.
        InvalidError: It is no directory, or in the way of one in `avoid`.
        ConflictError: It is not empty, something is mounted there, or was and died.
    """
    what = f"cannot mount at '{directory}'"
    try:
        with os.scandir(directory) as entries:
            is_empty = next(entries, None) is None
    except FileNotFoundError as error:
        hint = f"run `mkdir {shlex.quote(os.fspath(directory))}`"
        raise NotFoundError(what, code="no-such-path", why="there is no such directory", hint=hint) from error
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            raise _dead(directory, what) from error
        raise fs.explain(error, what) from error
    if os.path.ismount(directory):
        raise ConflictError(
            what,
            code="mount-point-busy",
            why="something is mounted there already",
            hint=f"take another directory, or run `umount {shlex.quote(os.fspath(directory))}`",
        )
    if not is_empty:
        raise ConflictError(
            what,
            code="mount-point-not-empty",
            why="the directory is not empty, and what is in it would be hidden",
            hint="take an empty directory",
        )
    found = directory.resolve()
    keep_apart(found, avoid)
    return found


def keep_apart(at: Path, avoid: Iterable[Path], *, others: Iterable[str] = ()) -> None:
    """Check that a mount reads nothing in it; safe in the process that serves it.

    Args:
        at: Where the mount is, or will be: absolute, without symlinks.
        avoid: The directories that it reads.
        others: Where else it can be seen.

    Raises:
        InvalidError: It would be in, over or above one of the directories.
    """
    mounts = {os.fspath(at), *others}
    for other in avoid:
        found = apart.clash(os.fspath(other), mounts)
        if found is not None:
            raise InvalidError(
                f"cannot mount at '{at}'",
                code="mount-in-layer",
                why=f"the mount reads '{found.layer}', and would have to read itself",
                hint="take a directory that has nothing to do with it",
            )


def unmount_command(directory: Path, *, is_lazy: bool = False) -> str:
    """Spell the command that removes a mount whose server is gone; or that hangs, which takes a lazy one."""
    name = next((name for name in ("fusermount3", "fusermount") if shutil.which(name)), None)
    words = (
        ["umount", *(["--lazy"] if is_lazy else [])] if name is None else [name, "-uz" if is_lazy else "-u"]
    )
    return shlex.join([*words, os.fspath(directory)])


def _dead(directory: Path, what: str) -> ConflictError:
    return ConflictError(
        what,
        code="mount-dead",
        why="a mount is there whose process was killed (Transport endpoint is not connected)",
        hint=f"run `{unmount_command(directory)}`, then the same command again",
    )
